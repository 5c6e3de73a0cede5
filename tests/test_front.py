"""The Python front door: light to import, and each promise in one call."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import brainflix
from brainflix.errors import MissingError, UsageError

TINY = str(Path(__file__).parent / "recipes" / "tiny.yaml")


def test_importing_it_loads_nothing_heavy() -> None:
    code = "import sys, brainflix; print(sorted(n for n in sys.modules if n.partition('.')[0] in sys.argv[1:]))"
    heavy = ("torch", "numpy", "zarr", "pydantic", "yaml", "diffusers", "transformers", "nibabel", "typer", "rich")
    done = subprocess.run([sys.executable, "-c", code, *heavy], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_what_it_names_is_there_and_nothing_else() -> None:
    assert {"load_recipe", "plan", "run", "open_store", "load", "score"} <= set(dir(brainflix))
    assert all(getattr(brainflix, name) for name in brainflix.__all__)
    with pytest.raises(AttributeError, match="no attribute 'scores'"):
        brainflix.scores  # noqa: B018


def test_a_plan_says_what_would_run(tmp_path: Path) -> None:
    planned = brainflix.plan(TINY, tmp_path, stage="preprocess", subjects=[1])
    assert repr(planned) == "Plan(tiny: 3 jobs, 3 to run)" and len(planned) == 3
    assert [each.job.stage for each in planned] == ["download", "download", "preprocess"]
    assert repr(brainflix.open_store(tmp_path)) == f"Store({str(tmp_path)!r})"
    with pytest.raises(UsageError, match="no recipe 'dmo'"):
        brainflix.plan("dmo", tmp_path)


def test_a_run_makes_artifacts_that_open_in_one_call(tmp_path: Path) -> None:
    recipe = brainflix.load_recipe(TINY)
    made = brainflix.run(recipe, tmp_path, stage="targets", step="frames", name="first try", settings={"device": "cpu"})
    assert repr(made) == "Run(tiny: 2 made, 0 cached)"
    assert repr(brainflix.run(brainflix.plan(recipe, tmp_path, stage="targets", step="frames"))) == (
        "Run(tiny: 0 made, 2 cached)"
    )
    videos = brainflix.load(made.refs[-1], tmp_path)
    frames = videos.frames()
    assert frames.dtype == np.uint8 and frames.shape[-1] == 3
    assert set(videos.arrays()) == {"frames"} and np.array_equal(videos.arrays()["frames"], frames)
    assert repr(videos).startswith(f"Artifact({made.refs[-1]}: frames {frames.shape}; ")
    # The label is noted, and part of no key.
    assert videos.manifest.experiment == "first try"
    with pytest.raises(MissingError, match="did you mean 'targets/demo-frames'"):
        brainflix.load("targets/demo-frame", tmp_path)
    with pytest.raises(MissingError, match="has no array 'frames'"):
        brainflix.load(made.refs[0], tmp_path).frames()


def test_scores_of_two_folders_in_one_call(tmp_path: Path) -> None:
    clips = np.random.default_rng(0).integers(0, 255, (5, 4, 32, 32, 3), dtype=np.uint8)
    for name, kept in (("shown", clips), ("decoded", clips // 2)):
        (tmp_path / name).mkdir()
        for number, clip in enumerate(kept):
            np.save(tmp_path / name / f"c{number}.npy", clip)
    names = ["ssim_rgb_u7", "psnr"]
    scores = brainflix.score(tmp_path / "decoded", tmp_path / "shown", metrics=names, fps_pred=2, fps_truth=2)
    assert set(names) <= set(scores) and len(scores) == len(scores.document["scores"])
    line = scores["ssim_rgb_u7"]
    assert line["n"] == 5 and 0 < line["value"] < 1 and {"chance", "ci95", "p"} <= set(line)
    assert repr(scores).startswith("Scores(strict, 5 clips: ") and "ssim_rgb_u7 0." in repr(scores)


def test_its_examples_are_right() -> None:
    import doctest

    found = doctest.testmod(brainflix)
    assert found.attempted > 1 and not found.failed
