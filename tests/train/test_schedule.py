"""The learning rate and the groups that decay."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from brainflix.train.schedule import decay_groups, lr_at


@pytest.mark.parametrize(("epoch", "expected"), [(0, 0), (20, 1.25e-4), (40, 2.5e-4), (270, 1.25e-4), (500, 0)])
def test_published_learning_rates(epoch: float, expected: float) -> None:
    assert lr_at(epoch, 2.5e-4, 40, 500) == pytest.approx(expected, abs=1e-12)


def test_rate_moves_within_an_epoch_and_is_continuous() -> None:
    assert lr_at(0.5, 1.0, 2, 10) == 0.25
    assert lr_at(2 - 1e-9, 1.0, 2, 10) == pytest.approx(lr_at(2 + 1e-9, 1.0, 2, 10))


def test_no_warm_up_and_only_warm_up() -> None:
    assert lr_at(0, 1.0, 0, 10) == 1.0
    assert lr_at(3, 1.0, 3, 3) == 1.0


def test_only_weights_of_two_dimensions_or_more_decay() -> None:
    model = nn.Sequential(nn.Linear(3, 4), nn.LayerNorm(4), nn.Linear(4, 2))
    model.register_parameter("scale", nn.Parameter(torch.zeros(())))
    model.register_parameter("token", nn.Parameter(torch.zeros(1, 1, 4)))
    model[2].weight.requires_grad_(False)
    decayed, kept = decay_groups(model.named_parameters(), 0.05)
    assert [tuple(p.shape) for p in decayed["params"]] == [(1, 1, 4), (4, 3)]
    assert decayed["weight_decay"] == 0.05
    assert sorted(tuple(p.shape) for p in kept["params"]) == [(), (2,), (4,), (4,), (4,)]
    assert kept["weight_decay"] == 0.0
