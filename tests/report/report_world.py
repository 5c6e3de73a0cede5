"""A small store with everything that a report reads: three subjects on the demo's grayordinates, scenes as videos."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from brainflix.demo.brains import grayordinates
from brainflix.demo.grammar import draw_film
from brainflix.demo.render import frame_times, render
from brainflix.engine.job import Job
from brainflix.parts.params import AnyParams
from brainflix.parts.work import Tools
from brainflix.recipe.schema import Recipe, parse_recipe
from brainflix.report.stage import run
from brainflix.store.arrays import write_array
from brainflix.store.artifact import Artifact
from brainflix.store.refs import Ref
from brainflix.store.responses import Responses
from brainflix.store.schema import Clips, Targets, Videos, write_json
from brainflix.store.store import Store

N_CLIPS, N_TEST, N_FRAMES, FPS = 40, 24, 8, 4.0
CORTEX = tuple(each for each in grayordinates() if each.flat_mm is not None)
METRICS = {
    "ssim": ("structural similarity of frames, RGB, window 7", "", True, 0.31, 0.24),
    "clip_retrieval_top1": ("own clip found among all by its embedding", "", True, 0.28, 0.042),
    "psnr": ("peak signal to noise", "dB", True, 13.9, 12.2),
    "flow_epe": ("distance between optical flows", "px", False, 1.42, 1.61),
    "video_class_2way": ("chosen over a random other clip's class", "", True, 0.71, 0.5),
}
RECIPE = {
    "schema": 1,
    "recipe": "demo",
    "about": "Ridge to latents and prompts, then video-to-video diffusion, on the embedded simulation.",
    "method": "brain-netflix",
    "seed": 7,
    "dataset": {"name": "demo", "subjects": [1, 2, 3], "snr": 1.0},
    "preprocess": {"part": "cc2017", "alpha": 0.05},
    "align": {"part": "procrustes"},
    "targets": {"frames": {"part": "frames", "size_px": 64}, "z": {"part": "vae-latents"}},
    "train": {"part": "masked-brain-modelling", "inputs": {"bold": "align[all]"}},
    "regress": {"z": {"part": "ridge", "inputs": {"bold": ["align"], "targets": "targets.z"}}},
    "reconstruct": {
        "video": {"part": "zeroscope", "inputs": {"latents": "regress.z"}},
        "oracle": {"part": "zeroscope", "subjects": "none", "inputs": {"latents": "targets.z"}},
        "unconditional": {"part": "zeroscope", "subjects": "none", "inputs": {"clips": "targets.frames"}},
    },
    "evaluate": {"part": "strict", "inputs": {"videos": "reconstruct.video", "oracle": "reconstruct.oracle"}},
}


@dataclass
class World:
    """The store, the report's inputs by role, and the recipe."""

    store: Store
    inputs: dict[str, list[Artifact]]
    recipe: Recipe

    def job(self, **changes: Any) -> Job:
        """Return the report's job."""
        values: dict[str, Any] = {
            "stage": "report",
            "step": "",
            "part": "html",
            "subject": None,
            "params": AnyParams.model_validate({"recipe": self.recipe.model_dump(mode="json", by_alias=True)}),
            "ref": Ref("report", "demo", "abcdef012345"),
            "inputs": {role: tuple(each.ref for each in found) for role, found in self.inputs.items()},
            "seed": 7,
            "dataset": "demo",
            "recipe": "demo",
            "revision": "demo-1",
        }
        return Job(**{**values, **changes})

    def write(self, folder: Path, inputs: dict[str, list[Artifact]] | None = None, **changes: Any) -> str:
        """Run the stage into a folder and return the page."""
        folder.mkdir(parents=True, exist_ok=True)
        job = self.job(**changes)
        work = job.work(Tools(self.store, _no_device))
        run(None, job.params, self.inputs if inputs is None else inputs, work).save(folder)
        return (folder / "report.html").read_text(encoding="utf-8")


def _no_device() -> Any:
    raise AssertionError("a report needs no device")


class _Maker:
    """Publishes artifacts whose keys count up."""

    def __init__(self, store: Store) -> None:
        self.store, self.count = store, 0

    def __call__(
        self,
        stage: str,
        kind: str,
        name: str,
        save: Callable[[Path], None],
        *,
        part: str,
        step: str = "",
        subject: int | None = None,
        inputs: dict[str, list[Ref]] | None = None,
    ) -> Artifact:
        self.count += 1
        ref = Ref(kind, name, f"{self.count:012x}")
        device = {"name": "cpu", "dtype": "float32", "reason": "no GPU"} if kind in ("videos", "model") else {}
        with self.store.publish(
            ref,
            stage=stage,
            stage_version=1,
            parameters={"part": part, "step": step, "subject": subject},
            inputs=inputs or {},
            recipe="demo",
            seed=7,
            device=device,
            fsync=False,
        ) as out:
            save(out.path)
        return self.store.open(ref)


def make_world(folder: Path, subjects: tuple[int, ...] = (1, 2, 3)) -> World:
    """Build the store; simulated brains differ by subject, reconstructions are noisy truths."""
    make = _Maker(Store(folder / "store"))
    scenes = draw_film(5, N_CLIPS, allow_held_out=True)
    frames = np.stack([render(scene, frame_times(N_FRAMES, FPS)) for scene in scenes])
    clips = make_clips([scene.caption() for scene in scenes])
    test = clips.of("test")
    stimuli = make("download", "raw", "demo-stimuli", _note, part="demo", step="stimuli")
    raw = {s: make("download", "raw", f"demo-sub-{s}", _note, part="demo", step="bold", subject=s) for s in subjects}
    truth = make(
        "targets",
        "targets",
        "demo-frames",
        lambda path: Targets(frames, clips, {"fps_hz": FPS}).save(path),
        part="frames",
        step="frames",
        inputs={"stimuli": [stimuli.ref]},
    )
    ids = tuple(clips.ids[i] for i in test)
    bold, videos, scores = [], [], []
    # Generators without a brain are of no subject
    for step, blur in (("oracle", 0.15), ("unconditional", 1.0)):
        film = Videos(degrade(frames[test], blur, np.random.default_rng(0)), ids, FPS)
        sources = {"clips": [truth.ref]}
        videos.append(
            make("reconstruct", "videos", f"demo-{step}", film.save, part="zeroscope", step=step, inputs=sources)
        )
    for subject in subjects:
        rng = np.random.default_rng(subject)
        bold.append(
            make(
                "preprocess",
                "bold",
                f"demo-sub-{subject}",
                make_responses(clips, rng).save,
                part="cc2017",
                subject=subject,
                inputs={"raw": [raw[subject].ref], "stimuli": [stimuli.ref]},
            )
        )
        videos.append(
            make(
                "reconstruct",
                "videos",
                f"demo-sub-{subject}-video",
                Videos(degrade(frames[test], 0.6, rng), ids, FPS).save,
                part="zeroscope",
                step="video",
                subject=subject,
                inputs={"bold": [bold[-1].ref]},
            )
        )
        scores.append(
            make(
                "evaluate",
                "scores",
                f"demo-sub-{subject}",
                partial(save_scores, subject=subject, clip_ids=ids, rng=rng),
                part="strict",
                subject=subject,
                inputs={"videos": [videos[-1].ref], "oracle": [videos[0].ref], "truth": [truth.ref]},
            )
        )
    inputs = {"preprocess": bold, "targets": [truth], "reconstruct": videos, "evaluate": scores}
    return World(make.store, inputs, parse_recipe(RECIPE))


def _note(path: Path) -> None:
    (path / "note.txt").write_text("raw files\n")


def make_clips(captions: list[str]) -> Clips:
    """Name the clips; the first are for training, the last for testing."""
    n = len(captions)
    segment = ["seg1"] * (n - N_TEST) + ["test1"] * N_TEST
    split = np.array([0] * (n - N_TEST) + [2] * N_TEST)
    ids = tuple(f"{name}_{i:03d}" for i, name in enumerate(segment))
    return Clips(ids, tuple(segment), np.arange(n) * 2.0, split, tuple(captions))


def make_responses(clips: Clips, rng: np.random.Generator) -> Responses:
    """Draw responses whose reliability is high in visual areas."""
    visual = {"V1": 0.5, "V2": 0.45, "V3": 0.4, "V4": 0.33, "MT": 0.3, "MST": 0.22, "LO1": 0.3, "LO2": 0.26, "FFC": 0.3}
    z = np.array([rng.normal(visual.get(each.area, 0.0) * (rng.random() < 0.8), 0.06) for each in CORTEX])
    n = len(CORTEX)
    return Responses(
        response=rng.standard_normal((len(clips), n)).astype(np.float32),
        clip=np.arange(len(clips)),
        repeat=np.zeros(len(clips), np.int16),
        run=np.zeros(len(clips), np.int16),
        run_names=("seg1_1",),
        clips=clips,
        area=tuple(each.area for each in CORTEX),
        structure=tuple(each.structure for each in CORTEX),
        index=np.array([each.vertex for each in CORTEX]),
        stats={"t": z * 8, "p": np.full(n, 0.5), "z_mean": z},
        masks={"selected": z > 0.15},
    )


def degrade(frames: np.ndarray, amount: float, rng: np.random.Generator) -> np.ndarray:
    """Mix frames with noise that is smooth in space."""
    coarse = rng.integers(0, 256, (*frames.shape[:2], 8, 8, 3)).repeat(8, axis=2).repeat(8, axis=3)
    return np.rint((1 - amount) * frames + amount * coarse).astype(np.uint8)


def save_scores(path: Path, subject: int, clip_ids: tuple[str, ...], rng: np.random.Generator) -> None:
    """Write a scores.json of five metrics and per-clip values of each, one of them undefined."""
    scores = {}
    for metric, (about, unit, higher, value, chance) in METRICS.items():
        per_clip = value + (value - chance) * 0.4 * rng.standard_normal(len(clip_ids))
        if metric == "flow_epe":
            per_clip[3] = np.nan
        write_array(path, f"per_clip/{metric}", per_clip, dims=("clip",))
        mean, spread = float(np.nanmean(per_clip)), abs(value - chance) * 0.25
        # Subject 3 loses to the mean frame
        rival = mean + (0.05 if higher else -0.05) if subject == 3 else chance + (0.01 if higher else -0.01)
        scores[metric] = {
            "value": mean,
            "n": int(np.isfinite(per_clip).sum()),
            "n_nan": int(np.isnan(per_clip).sum()),
            "chance": chance,
            "chance_analytic": {"clip_retrieval_top1": 1 / 24, "video_class_2way": 0.5}.get(metric),
            "ci95": [mean - spread, mean + spread],
            "p": 0.0002 if subject == 1 else 0.013,
            "p_holm": 0.001 if subject == 1 else 0.065,
            "baselines": {
                "gray": None if metric == "psnr" else chance,
                "mean_frame": rival,
                **dict.fromkeys(("blurred", "static_first", "mismatched", "text-only", "unconditional"), chance),
                "truth_first": value + (value - chance) * 2,
            },
            "ceiling": value + (value - chance) * 0.9,
            "unit": unit,
            "higher_is_better": higher,
            "about": about,
        }
    rows = [{"factor": name, "decoded": 0.2 + i / 10, "chance": 0.25, "n": 24} for i, name in enumerate("abcd")]
    body = {
        "protocol": "strict",
        "subject": subject,
        "simulated": True,
        "n_clips": len(clip_ids),
        "primary": ["ssim", "clip_retrieval_top1"],
        "scores": scores,
        "notes": ["Intervals resample runs of five neighbouring clips."],
        "tables": {"Factors of the scenes": rows},
        "clip_ids": clip_ids,
    }
    write_json(path / "scores.json", body)
