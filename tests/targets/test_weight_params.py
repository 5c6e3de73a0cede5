"""Which files pin a target: those that its extractor reads, wherever they lie."""

import shutil

import pytest

from brainflix.errors import UsageError
from brainflix.io import weights
from brainflix.targets.parts import CaptionParams, ClipParams, LatentParams, SvdParams


@pytest.fixture
def copies(tmp_path, monkeypatch):
    """The shipped weights, copied to the working directory's `w`."""
    monkeypatch.chdir(tmp_path)
    for name in ("clip", "zeroscope"):
        shutil.copytree(weights.SHIPPED / name, tmp_path / "w" / name)
    return tmp_path / "w"


@pytest.mark.parametrize(
    ("params", "name", "file", "counts"),
    [
        (LatentParams, "zeroscope", "vae/config.json", True),
        (LatentParams, "zeroscope", "unet/config.json", False),
        (CaptionParams, "zeroscope", "text_encoder/model.safetensors", True),
        (CaptionParams, "zeroscope", "tokenizer/tokenizer.json", True),
        (CaptionParams, "zeroscope", "scheduler/scheduler_config.json", False),
        (ClipParams, "clip", "preprocessor_config.json", True),
    ],
)
def test_a_changed_file_changes_the_revision_if_it_is_read(copies, params, name, file, counts):
    before = params(weights=f"w/{name}").revision
    assert before == params(weights=f"demo/{name}").revision
    path = copies / name / file
    path.write_bytes(path.read_bytes() + b"\n")
    assert (params(weights=f"w/{name}").revision != before) == counts


def test_only_the_parts_of_stable_video_diffusion_that_are_read_count(tmp_path):
    for name in ("image_encoder", "feature_extractor", "vae", "unet"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "config.json").write_text("{}")
    before = SvdParams(weights=str(tmp_path)).revision
    (tmp_path / "unet" / "config.json").write_text("{ }")
    assert SvdParams(weights=str(tmp_path)).revision == before
    for name in ("image_encoder", "feature_extractor", "vae"):
        (tmp_path / name / "config.json").write_text("{ }")
        after = SvdParams(weights=str(tmp_path)).revision
        assert after != before
        before = after


def test_what_was_planned_is_what_is_read(copies):
    planned = LatentParams(weights="w/zeroscope").model_dump(mode="json")
    assert LatentParams.model_validate(planned).model_dump(mode="json") == planned
    (copies / "zeroscope" / "vae" / "config.json").write_text("{}")
    with pytest.raises(UsageError, match="not those of revision"):
        LatentParams.model_validate(planned)
