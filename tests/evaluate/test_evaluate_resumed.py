"""A stopped evaluation goes on, and its document is, byte for byte, that of one which was never stopped."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from metric_clips import smooth_clips

from brainflix.device import Compute
from brainflix.engine.job import Job
from brainflix.engine.run import run_job
from brainflix.evaluate import clipwise
from brainflix.evaluate.networks import features
from brainflix.evaluate.nway_curve import Curve
from brainflix.parts.work import Tools
from brainflix.progress import Silent
from brainflix.store.refs import Ref
from brainflix.store.schema import Clips, Videos
from brainflix.store.spools import SPOOL
from brainflix.store.store import Store
from tests.evaluate import tiny_networks as tiny
from tests.parts_world import chosen_params

N = 6
CLIPS = Clips(tuple(f"clip{i:02d}" for i in range(N)), ("film",) * N, np.arange(N) * 2.0, np.full(N, 2), ("",) * N)
TRUTH, PREDICTION = smooth_clips(N, 6, 40, 0), smooth_clips(N, 6, 40, 1)
REF = Ref("scores", "demo-sub-1", "00000000000f")
# What is counted beside the batches of networks.
OTHERS = ("clips read", "clips scored", "metrics permuted", "lines", "kinds of metrics", "video sets")


class Stopping(Silent):
    """Counts what is tracked, and stops like Ctrl-C before one item of one unit."""

    def __init__(self, unit: str = "", at: int = 0) -> None:
        self.unit, self.at = unit, at

    def track(self, items: Sequence[Any], what: str) -> Iterator[Any]:
        for number, item in enumerate(items):
            if what == self.unit and number == self.at:
                raise KeyboardInterrupt
            yield item


def world(folder: Path, prediction: np.ndarray = PREDICTION) -> Store:
    store = Store(folder / "store")
    for name, saves in {
        "targets/demo-frames": (CLIPS.save, Videos(TRUTH, CLIPS.ids, 3.0).save),
        "videos/demo-sub-1": (Videos(prediction, CLIPS.ids, 3.0).save,),
    }.items():
        kind, _, name = name.partition("/")
        ref = Ref(kind, name, "0" * 12)
        with store.publish(ref, stage="x", stage_version=1, parameters={}, inputs={}, fsync=False) as out:
            for save in saves:
                save(out.path)
    return store


def evaluate(store: Store, clip_weights: Path, progress: Any = None, cache: Path | None = None) -> dict[str, str]:
    """Run the job; return the digests of the artifact's files."""
    params = chosen_params(
        "evaluate",
        "mindvideo",
        {
            "metrics": ("ssim", "ssim_excess", "pixcorr", "epe", "vifi"),
            "checkpoints": {"vifi": {"weights": str(clip_weights)}},
            "block_s": 4.0,
            "permutations": 50,
        },
    )
    inputs = {
        role: (store.resolve(ref),)
        for role, ref in {"videos": "videos/demo-sub-1", "truth": "targets/demo-frames"}.items()
    }
    job = Job("evaluate", "", "mindvideo", 1, params, REF, inputs, 7, "demo", "r", "")
    cpu = Compute(torch.device("cpu"), torch.float32, "a test's")
    run_job(job, store, Tools(store, lambda: cpu, progress=progress or Silent(), cache=cache, clips_per_batch=2))
    return {entry.path: entry.sha256 for entry in store.open(REF).manifest.files}


@pytest.fixture(autouse=True)
def _small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clipwise, "KEPT_CLIPS", 4, raising=False)


def kept_in(folder: Path) -> Any:
    from brainflix.evaluate.keeping import Kept
    from brainflix.store.kept import KeptFiles

    return Kept(KeptFiles(folder))


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.save_clip(tmp_path_factory.mktemp("weights") / "clip")


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory, weights: Path) -> dict[str, str]:
    return evaluate(world(tmp_path_factory.mktemp("whole")), weights)


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[Any]]:
    """What is computed: clips that are scored, and batches that a network is shown."""
    found: dict[str, list[Any]] = {"clips": [], "batches": []}
    score, checked = clipwise._score_clip, features._checked

    def scored(scene: Any, clip: int, **rest: Any) -> Any:
        found["clips"].append(clip)
        return score(scene, clip, **rest)

    def counted(values: Any, n_clips: int, network: Any) -> Any:
        found["batches"].append(n_clips)
        return checked(values, n_clips, network)

    monkeypatch.setattr(clipwise, "_score_clip", scored)
    monkeypatch.setattr(features, "_checked", counted)
    return found


@pytest.mark.parametrize("unit, at", [("clips scored", 5), ("metrics permuted", 2), ("network", 1)])
def test_a_stopped_evaluation_goes_on_with_the_same_bytes(tmp_path, weights, expected, shown, unit, at):
    store = world(tmp_path)

    class Networks(Stopping):
        """Stops before the second batch of any network."""

        def track(self, items: Sequence[Any], what: str) -> Iterator[Any]:
            is_network = what not in OTHERS
            return super().track(items, self.unit if is_network and self.unit == "network" else what)

    with pytest.raises(KeyboardInterrupt):
        evaluate(store, weights, Networks(unit, at))
    assert not store.has(REF) and any((store.root / SPOOL).rglob("*.kept"))
    before = {name: len(each) for name, each in shown.items()}
    assert evaluate(store, weights) == expected
    again = {name: len(each) - before[name] for name, each in shown.items()}
    if unit == "clips scored":
        assert sorted(shown["clips"][before["clips"] :]) == [4, 5], "a block of 4 was there"
    if unit == "metrics permuted":
        assert again["clips"] == 0 and again["batches"] == 0
    if unit == "network":
        # Of six sets, five with three batches; all frames of the grey one are equal, so that it has one.
        assert before["batches"] == 1 and again["batches"] == 15
    assert not (store.root / SPOOL).exists(), "what waited goes when the artifact stands"


def test_damaged_and_foreign_results_are_computed_again(tmp_path, weights, expected, shown):
    store = world(tmp_path)
    with pytest.raises(KeyboardInterrupt):
        evaluate(store, weights, Stopping("metrics permuted", 3))
    files = sorted((store.root / SPOOL).rglob("*.kept"))
    for number, file in enumerate(files):
        body = bytearray(file.read_bytes())
        body[-1 - number % 40] ^= 1
        file.write_bytes(body if number % 2 else files[number - 1].read_bytes())
    shown["clips"].clear()
    assert evaluate(store, weights) == expected
    assert sorted(shown["clips"]) == list(range(N))


def test_what_waits_of_a_prediction_that_was_made_again_with_other_pixels_is_not_taken(tmp_path, weights):
    first, other, fresh = (
        world(tmp_path / "a"),
        world(tmp_path / "b", PREDICTION ^ 8),
        world(tmp_path / "c", PREDICTION ^ 8),
    )
    with pytest.raises(KeyboardInterrupt):
        evaluate(first, weights, Stopping("metrics permuted", 3))
    (first.root / SPOOL).rename(other.root / SPOOL)
    assert evaluate(other, weights) == evaluate(fresh, weights)


def test_a_batch_whose_clips_reached_the_cache_in_part_is_the_batch_that_it_was(tmp_path):
    """Rounding may depend on the clips that share a batch, so a batch is kept whole."""
    shown: list[int] = []

    def run(frames: np.ndarray) -> np.ndarray:
        shown.append(len(frames))
        return np.full((len(frames), 3), len(frames), np.float32)

    network = features.Network("kind", "pin", lambda: run)
    frames = np.arange(6, dtype=np.uint8)[:, None, None, None, None] * np.ones((6, 1, 2, 2, 3), np.uint8)
    videos = features.VideoSet(6, lambda row: frames[row])
    kept = kept_in(tmp_path / "kept")
    how = features.Extraction(tmp_path / "cache", 6, kept=kept)
    features.extract(network, videos, how)
    for entry in sorted((tmp_path / "cache").rglob("*.npz"))[:4]:
        entry.unlink()  # as a process that was killed between two of them
    assert (features.extract(network, videos, how) == 6).all() and shown == [6]


def test_values_come_back_as_they_were_and_others_names_find_nothing(tmp_path):
    kept = kept_in(tmp_path / "kept")
    curve = Curve(np.arange(3), np.array([0.1, np.nan, 1 / 3]), np.zeros(3), 0.5, np.float64(1e-300))
    value = {"a": (curve, [1, None, "x"], float("nan")), "b": {"c": np.zeros((0, 2), np.float32)}}
    kept.put(value, "name", {"k": 1}, 2)
    found = kept.get("name", {"k": 1}, 2, of=(Curve,))
    back = found["a"][0]
    assert isinstance(found["a"], tuple) and found["a"][1] == [1, None, "x"] and np.isnan(found["a"][2])
    for name in ("n", "accuracy", "chance", "area", "area_chance"):
        np.testing.assert_array_equal(getattr(back, name), getattr(curve, name))
    assert found["b"]["c"].shape == (0, 2) and found["b"]["c"].dtype == np.float32
    assert kept.get("name", {"k": 1}, 3) is None and kept.get("name", {"k": 1}, 2) is None, "no such record is known"
    assert type(kept)().get("name") is None


def test_calls_of_a_stopped_run_are_looked_up_by_what_was_asked(tmp_path):
    kept, calls = kept_in(tmp_path / "kept"), []

    def double(values: np.ndarray) -> np.ndarray:
        calls.append(int(values[0]))
        return values * 2

    def run(n: int) -> list[int]:
        remembering = kept.remembering(double, "double", calls=4)
        return [int(remembering(np.array([each]))[0]) for each in range(n)]

    run(10)
    calls.clear()
    assert run(12) == [2 * each for each in range(12)]
    assert calls == [8, 9, 10, 11], "two whole blocks were there"
    calls.clear()
    other = kept.remembering(double, "double", calls=4)
    assert int(other(np.array([7]))[0]) == 14 and calls == [7], "another question at the same place"
