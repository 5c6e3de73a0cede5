"""Parameters: presets, refusals, and no heavy import."""

from __future__ import annotations

import subprocess
import sys

import pytest
from pydantic import ValidationError

from brainflix.train.parts import ContrastiveParams, MaskedParams


def test_the_default_is_the_published_recipe() -> None:
    params = MaskedParams()
    assert (params.epochs, params.warmup_epochs, params.batch_size, params.lr) == (500, 40, 100, 2.5e-4)
    assert (params.weight_decay, params.betas, params.clip_norm, params.mask_ratio) == (0.05, (0.9, 0.95), 0.8, 0.75)
    assert (params.width, params.depth, params.heads, params.mlp_ratio) == (1024, 24, 16, 1.0)
    assert (params.decoder_width, params.decoder_depth, params.decoder_heads) == (512, 8, 16)
    tuned = ContrastiveParams()
    assert (tuned.lr, tuned.epochs, tuned.batch_size, tuned.warmup_epochs) == (5e-5, 30, 256, 2)
    assert (tuned.first_scale, tuned.max_scale, tuned.vertex_dropout) == (1 / 0.07, 100, 0.2)


def test_a_given_value_wins_over_the_preset_and_every_field_is_explicit() -> None:
    params = MaskedParams(preset="tiny", depth=3)
    assert (params.width, params.depth) == (64, 3)
    assert MaskedParams.model_validate(params.model_dump()) == params
    assert set(params.model_dump()) == set(MaskedParams.model_fields)


@pytest.mark.parametrize(
    "wrong",
    [
        {"preset": "huge"},
        {"widht": 3},
        {"mask_ratio": 1.0},
        {"lr": 0},
        {"epochs": 3, "warmup_epochs": 4},
        {"betas": (1, 0)},
    ],
)
def test_what_cannot_be_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        MaskedParams.model_validate(wrong)


def test_parameters_are_frozen() -> None:
    with pytest.raises(ValidationError):
        MaskedParams().lr = 1.0  # type: ignore[misc]


def test_reading_parameters_imports_no_torch() -> None:
    code = (
        "import sys, brainflix.train.parts, brainflix.methods.mindvideo.parts\n"
        "print([m for m in ('torch', 'numpy', 'accelerate') if m in sys.modules])"
    )
    assert (
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "[]"
    )
