"""The judge that comes as a package: logits of an independent network, its name, and files of a named architecture."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn import functional

from brainflix.device import pick_compute
from brainflix.errors import DataError, IntegrityError, MissingError, UsageError
from brainflix.evaluate.networks import judges
from brainflix.evaluate.networks.checkpoints import locate, replace_checkpoints
from brainflix.evaluate.networks.images import frame_logits
from brainflix.evaluate.request import score_request
from tests.evaluate.score_calls import request

COMPUTE = pick_compute("cpu", "float32")
HERE = importlib.util.find_spec(judges._PACKAGE) is not None
needs_judge = pytest.mark.skipif(not HERE, reason="the extra judge is not installed")
# Tan and Le 2019, table 1: kernel, stride, expansion, channels, repeats; Lite keeps the stem and the head as they are.
STAGES = [
    *((3, 1, 1, 16, 1), (3, 2, 6, 24, 2), (5, 2, 6, 40, 2), (3, 2, 6, 80, 3)),
    *((5, 1, 6, 112, 3), (5, 2, 6, 192, 4), (3, 1, 6, 320, 1)),
]


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HOME", str(tmp_path / "hub"))
    return tmp_path / "hub"


def same(x: torch.Tensor, weight: torch.Tensor, stride: int, groups: int = 1) -> torch.Tensor:
    """A convolution with TensorFlow's padding "same": what is missing goes to the right and below first."""
    size, kernel = x.shape[-1], weight.shape[-1]
    lacking = max(0, (-(-size // stride) - 1) * stride + kernel - size)
    first, last = lacking // 2, lacking - lacking // 2
    return functional.conv2d(functional.pad(x, (first, last, first, last)), weight, stride=stride, groups=groups)


def lite0(state: dict[str, torch.Tensor], x: torch.Tensor) -> torch.Tensor:
    def norm(name: str, x: torch.Tensor) -> torch.Tensor:
        mean, var, weight, bias = (state[f"{name}.{k}"] for k in ("running_mean", "running_var", "weight", "bias"))
        return functional.batch_norm(x, mean, var, weight, bias, eps=1e-3)

    x = functional.relu6(norm("_bn0", same(x, state["_conv_stem.weight"], 2)))
    block = 0
    for _, stride, expansion, channels, repeats in STAGES:
        for repeat in range(repeats):
            name, kept = f"_blocks.{block}", x
            if expansion > 1:
                x = functional.relu6(norm(f"{name}._bn0", same(x, state[f"{name}._expand_conv.weight"], 1)))
            step = stride if repeat == 0 else 1
            x = same(x, state[f"{name}._depthwise_conv.weight"], step, groups=x.shape[1])
            x = functional.relu6(norm(f"{name}._bn1", x))
            x = norm(f"{name}._bn2", same(x, state[f"{name}._project_conv.weight"], 1))
            x = x + kept if step == 1 and kept.shape[1] == channels else x
            block += 1
    x = functional.relu6(norm("_bn1", same(x, state["_conv_head.weight"], 1)))
    return x.mean(dim=(2, 3)) @ state["_fc.weight"].T + state["_fc.bias"]


def frames() -> np.ndarray:
    """Eight pictures at the network's own size, smooth and noisy, uint8 (2, 4, 224, 224, 3)."""
    rng = np.random.default_rng(0)
    coarse = rng.integers(0, 256, (8, 14, 14, 3))
    fine = rng.integers(-40, 40, (8, 224, 224, 3))
    return np.clip(coarse.repeat(16, 1).repeat(16, 2) + fine, 0, 255).astype(np.uint8).reshape(2, 4, 224, 224, 3)


@needs_judge
def test_logits_are_those_of_the_published_network(home: Path) -> None:
    table = replace_checkpoints(["image=efficientnet-lite0"])
    located = locate(table["vit"])
    assert located.shown == located.name == "efficientnet-lite0" and located.pin.startswith("sha256:57934424")
    found = frame_logits(located, COMPUTE).load()(frames())
    state = torch.load(judges.judge_file(), weights_only=True)
    pixels = torch.from_numpy(frames().reshape(8, 224, 224, 3)).permute(0, 3, 1, 2).double()
    expected = lite0({name: value.double() for name, value in state.items()}, (pixels - 127) / 128)
    np.testing.assert_allclose(found.reshape(8, 1000), expected.numpy(), atol=1e-4)
    assert expected.argmax(dim=1).tolist() == found.reshape(8, 1000).argmax(axis=1).tolist()
    # Made once: the same folder again, and no other.
    assert locate(table["vit"]).folder == located.folder and len(list(located.folder.parent.iterdir())) == 1


@needs_judge
def test_a_file_of_a_named_architecture(tmp_path: Path) -> None:
    state = torch.load(judges.judge_file(), weights_only=True)
    torch.save({"state_dict": {f"module.{name}": value for name, value in state.items()}}, tmp_path / "own.pth")
    located = locate(replace_checkpoints([f"image=efficientnet-lite0:{tmp_path}/own.pth"])["vit"])
    assert located.shown == "efficientnet-lite0:own.pth"
    one = frame_logits(located, COMPUTE).load()(frames()[:1, :1])
    judge = frame_logits(locate(replace_checkpoints(["image=efficientnet-lite0"])["vit"]), COMPUTE)
    np.testing.assert_array_equal(one, judge.load()(frames()[:1, :1]))
    del state["_fc.bias"]
    torch.save(state, tmp_path / "cut.pth")
    with pytest.raises(DataError) as error:
        locate(replace_checkpoints([f"image=efficientnet-lite0:{tmp_path}/cut.pth"])["vit"])
    assert "classifier.bias" in error.value.why


@needs_judge
def test_the_documents_name_the_judge_as_itself(tmp_path: Path) -> None:
    clips = np.random.default_rng(0).integers(0, 256, (2, 6, 6, 32, 32, 3), dtype=np.uint8)
    for side, values in zip(("truth", "prediction"), clips, strict=True):
        np.save(tmp_path / f"{side}.npy", values)
    document = score_request(
        request(
            tmp_path / "prediction.npy",
            tmp_path / "truth.npy",
            protocol="mindvideo",
            metrics=("nway_50_frame_g3",),
            checkpoints=("image=efficientnet-lite0",),
            permutations=0,
        )
    )
    assert document["checkpoints"]["efficientnet-lite0"]["source"] == "efficientnet-lite0"
    assert "vit" not in json.dumps(document["checkpoints"]) and document["scores"]["nway_50_frame_g3"]["n"] == 6


def test_another_file_under_the_judges_name_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / judges._PACKAGE
    (package / "models").mkdir(parents=True)
    (package / "__init__.py").touch()
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: type("Spec", (), {"origin": str(package / "a.py")}))
    with pytest.raises(MissingError, match="is not installed"):
        judges.judge_file()
    (package / judges._FILE).write_bytes(b"something else")
    with pytest.raises(IntegrityError, match="not the file that was published"):
        judges.judge_file()


@pytest.mark.parametrize(
    ("text", "error", "words"),
    [
        ("image=resnet:a.pth", UsageError, "no architecture 'resnet'"),
        ("image=a.pth", UsageError, "does not say of which architecture"),
        ("image=efficientnet-lite0:a.pth", MissingError, "no file of weights"),
        ("imag=efficientnet-lite0:a.pth", UsageError, "unknown checkpoint"),
    ],
)
def test_what_is_no_file_of_weights_is_said(text: str, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        replace_checkpoints([text])
