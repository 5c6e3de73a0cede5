"""The one place that decides device and dtype."""

import pytest
import torch

from brainflix import device
from brainflix.errors import ResourceError, UsageError


def _only(monkeypatch, *kinds):
    monkeypatch.setattr(device, "_available", lambda kind: kind in (*kinds, "cpu"))


@pytest.mark.parametrize(
    ("kinds", "bf16", "name", "dtype"),
    [((), False, "cpu", "float32"), (("cuda",), True, "cuda", "bfloat16"), (("cuda", "mps"), False, "cuda", "float16")],
)
def test_auto_takes_the_best_and_says_why(monkeypatch, kinds, bf16, name, dtype):
    _only(monkeypatch, *kinds)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda: bf16)
    described = device.pick_compute().describe()
    assert (described["name"], described["dtype"]) == (name, dtype)
    assert dtype in described["reason"]


def test_what_was_asked_for_is_given_or_refused(monkeypatch):
    _only(monkeypatch)
    assert device.pick_compute("cpu", "bfloat16").dtype == torch.bfloat16
    with pytest.raises(ResourceError, match="'cuda:1' is not available"):
        device.pick_compute("cuda:1")
    with pytest.raises(UsageError, match="unknown device 'tpu'"):
        device.pick_compute("tpu")
    with pytest.raises(UsageError, match="unknown precision 'float8'"):
        device.pick_compute("cpu", "float8")


def test_seeded_weights_do_not_touch_the_global_generator():
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    with device.seeded_init(1):
        first = torch.nn.Linear(4, 4).weight
    torch.testing.assert_close(torch.rand(3), expected)
    with device.seeded_init(1):
        assert torch.equal(torch.nn.Linear(4, 4).weight, first)
    with device.seeded_init(2):
        assert not torch.equal(torch.nn.Linear(4, 4).weight, first)


def test_there_is_at_least_one_core():
    assert device.usable_cores() >= 1


@pytest.mark.parametrize(("name", "expected"), [("mps", "cpu"), ("cuda:1", "cuda:1"), ("cpu", "cpu")])
def test_linear_algebra_leaves_a_device_without_float64(name, expected):
    assert device.Compute(torch.device(name), torch.float32, "").algebra == torch.device(expected)


@pytest.mark.parametrize("name", ["", "cuda:", "cuda:x", "cuda:-1", "auto:0", "cpu:0:1", "CPU", " cpu"])
def test_what_is_no_name_of_a_device_is_refused(name):
    with pytest.raises(UsageError, match="unknown device") as caught:
        device.check_device_name(name)
    assert caught.value.exit_code == 2


def test_a_number_beyond_the_devices_is_not_available(monkeypatch):
    _only(monkeypatch, "cuda", "mps")
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert str(device.pick_compute("cuda:1", "float32").device) == "cuda:1"
    assert str(device.pick_compute("cpu:0").device) == "cpu:0"
    for name in ("cuda:2", "mps:1", "cpu:1"):
        with pytest.raises(ResourceError, match=f"'{name}' is not available"):
            device.pick_compute(name, "float32")
