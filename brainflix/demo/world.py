"""Write the simulated dataset: mp4 films, captions, and CIFTI-2 runs with CC2017's 245/246-volume convention."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from nibabel.cifti2.cifti2_axes import BrainModelAxis

from brainflix.datasets.cc2017.layout import CAPTIONS, MISSING_RUN, is_test, run_path, stimulus_path
from brainflix.demo.brains import TR_S, Brain, drive, grayordinates, make_brain, noise, respond
from brainflix.demo.features import ClipFeatures, clip_features
from brainflix.demo.grammar import CLIP_S, FACTORS, Scene, draw_film, factor_index
from brainflix.demo.render import frame_times, render
from brainflix.io.surfaces import write_dtseries
from brainflix.io.video import encode
from brainflix.progress import Track, untracked

FPS_HZ = 30.0
# Signal standard deviation of a typical responsive grayordinate at snr = 1, in units of the noise's.
BASE_GAIN = 1.8
# Real scanners count in the thousands; preprocessing must remove this.
BASELINE, COUNTS_PER_UNIT = 8000.0, 60.0
_VOLUME_SHAPE = (91, 109, 91)
_AFFINE = np.array([[-2.0, 0, 0, 90], [0, 2, 0, -126], [0, 0, 2, -72], [0, 0, 0, 1]])
_N_VERTICES = 32492


def write(params: Mapping[str, Any], subject: int | None, folder: Path, track: Track = untracked) -> None:
    """Write the stimuli (`subject` None) or one subject's runs below `folder`; `track` counts films or segments."""
    if subject is None:
        _write_stimuli(params, folder, track)
    else:
        _write_subject(params, subject, folder, track)


def segments(params: Mapping[str, Any]) -> dict[str, list[Scene]]:
    """Return the scenes of every segment, training film first."""
    n, world = params["clips_per_segment"], params["seed"] * 1000
    train = {f"seg{i + 1}": draw_film(world + i, n, allow_held_out=False) for i in range(params["n_train_segments"])}
    test = {
        f"test{i + 1}": draw_film(world + 900 + i, n, allow_held_out=True) for i in range(params["n_test_segments"])
    }
    return train | test


def _write_stimuli(params: Mapping[str, Any], folder: Path, track: Track) -> None:
    times = frame_times(round(CLIP_S * FPS_HZ), FPS_HZ)
    captions: dict[str, list[str]] = {}
    labels: dict[str, dict[str, list[int]]] = {}
    films = segments(params)

    def write(segment: str) -> None:
        path = folder / stimulus_path(segment)
        path.parent.mkdir(parents=True, exist_ok=True)
        encode(np.concatenate([render(scene, times, params["size_px"]) for scene in films[segment]]), FPS_HZ, path)

    # NumPy and the encoder leave Python's lock alone while they work, so films are made side by side.
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for _ in zip(track(list(films), "films"), pool.map(write, films), strict=True):
            pass
    for segment, scenes in films.items():
        captions[segment] = [scene.caption() for scene in scenes]
        labels[segment] = {name: factor_index(scenes, name).tolist() for name in FACTORS}
    (folder / CAPTIONS).write_text(json.dumps(captions, indent=1) + "\n")
    (folder / "Stimuli" / "labels.json").write_text(json.dumps({"factors": FACTORS, "labels": labels}) + "\n")


def _write_subject(params: Mapping[str, Any], subject: int, folder: Path, track: Track) -> None:
    films = segments(params)
    brain = make_brain(params["seed"], subject, [g.area for g in grayordinates()])
    drives = drive(brain, [_features(tuple(scenes)) for scenes in films.values()])
    for number, (segment, clip_drive) in enumerate(track(list(zip(films, drives, strict=True)), "segments")):
        response = _response(brain, clip_drive, n_volumes(segment, len(clip_drive)))
        for repeat in range(1, params["test_repeats" if is_test(segment) else "train_repeats"] + 1):
            rng = np.random.default_rng([params["seed"], subject, 2, number, repeat])
            # Drawn before the missing run is left out, so that the other runs do not depend on it.
            data = _scanner_units(params["snr"] * BASE_GAIN * response, rng)
            if (subject, segment, repeat) != MISSING_RUN:
                path = folder / run_path(subject, segment, repeat)
                path.parent.mkdir(parents=True, exist_ok=True)
                write_dtseries(path, data, brain_models(), TR_S)


@lru_cache(maxsize=64)
def _features(scenes: tuple[Scene, ...]) -> ClipFeatures:
    """Features of a segment; the same for all subjects."""
    return clip_features(scenes)


def n_volumes(segment: str, n_clips: int) -> int:
    """Return how many volumes a run has: CC2017 has 5 more than clips, and 6 more from the second test segment on."""
    return n_clips + (6 if is_test(segment) and segment != "test1" else 5)


def _response(brain: Brain, clip_drive: np.ndarray, n: int) -> np.ndarray:
    """Noise-free response of a run; with 5 extra volumes it starts one late (docs/datasets.md, CC2017 trim)."""
    late = n - len(clip_drive) == 5
    return respond(brain, clip_drive, (np.arange(n) + late) * TR_S)


def _scanner_units(signal: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return BASELINE + COUNTS_PER_UNIT * (signal + noise(rng, *signal.shape))


@lru_cache(maxsize=1)
def brain_models() -> BrainModelAxis:
    """Return the demo's cut of the 91282-grayordinate axis, with real vertex numbers and voxel geometry."""
    table = grayordinates()
    return BrainModelAxis(
        name=np.array([g.structure for g in table]),
        voxel=np.array([g.voxel or (-1, -1, -1) for g in table]),
        vertex=np.array([-1 if g.vertex is None else g.vertex for g in table]),
        affine=_AFFINE,
        volume_shape=_VOLUME_SHAPE,
        nvertices={f"CIFTI_STRUCTURE_CORTEX_{side}": _N_VERTICES for side in ("LEFT", "RIGHT")},
    )
