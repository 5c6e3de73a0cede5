"""The phases that train MinD-Video's generator as parts: gather train clips, start from pinned weights, train."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from torch import Tensor

from brainflix.errors import DataError
from brainflix.io.unet_files import read_denoiser
from brainflix.io.weights import resolve_weights
from brainflix.methods.mindvideo.encoder import encoder_only, rebuild_encoder
from brainflix.methods.mindvideo.parts import (
    DenoiserParams,
    MindVideoContrastiveParams,
    MindVideoJointParams,
    MindVideoVideoParams,
)
from brainflix.methods.mindvideo.train.encoder import tune_mindvideo
from brainflix.methods.mindvideo.train.joint import tune_joint
from brainflix.methods.mindvideo.train.video import tune_video
from brainflix.models.inflated_unet import InflatedUNet, inflate
from brainflix.parts.contract import Inputs
from brainflix.parts.work import Work
from brainflix.store.artifact import Artifact
from brainflix.store.lookup import find_clips
from brainflix.store.schema import Clips, Targets
from brainflix.train.denoising import kept_signal
from brainflix.train.phases import phase_hooks, pooled_rows, rows_and_held_out
from brainflix.trained.files import TrainResult, load_result
from brainflix.trained.network import window_of


def video_phase(params: MindVideoVideoParams, inputs: Inputs, work: Work) -> TrainResult:
    """Tune the inflated denoiser on the training clips of `latents` under their `text`."""
    latents, text = inputs["latents"][0], inputs["text"][0]
    clips = Clips.load(latents)
    ids = clips.take(clips.of("train")).ids
    unet, kept = start_denoiser(params, inputs, work.seed)
    with phase_hooks(work, params, {"phase": "mindvideo-video"}) as hooks:
        return tune_video(
            values_of(latents, ids),
            values_of(text, ids),
            params,
            start=unet,
            kept=kept,
            seed=work.seed,
            compute=work.compute(),
            hooks=hooks,
        )


def joint_phase(params: MindVideoJointParams, inputs: Inputs, work: Work) -> TrainResult:
    """Train the encoder `encoder` and layers of the denoiser `unet` on the training rows of all subjects under `rows`.

    Raises:
        DataError: subjects that cannot be pooled, or a window that is not the encoder's.
    """
    source = inputs["encoder"][0]
    tuned = encoder_only(load_result(source.path))
    own_window = window_of(int(tuned.config["network"]["window"]), source.manifest.parameters)
    if own_window != params.window_tr:
        raise DataError(
            f"{source.ref} reads the rows at {own_window}, not at {params.window_tr}",
            next=f"set window_tr to {list(own_window)}",
        )
    encoder, preparation = rebuild_encoder(tuned)
    rows, ids = named_rows(inputs["rows"], params)
    known, clip = np.unique(ids, return_inverse=True)
    unet, kept = start_denoiser(params, inputs, work.seed)
    with phase_hooks(work, params, {"phase": "mindvideo-joint"}) as hooks:
        return tune_joint(
            rows,
            clip,
            values_of(inputs["latents"][0], known.tolist()),
            params,
            encoder=encoder,
            preparation=preparation,
            pool=str(tuned.config["pool"]),
            unet=unet,
            kept=kept,
            seed=work.seed,
            compute=work.compute(),
            hooks=hooks,
        )


def start_denoiser(
    params: DenoiserParams, inputs: Mapping[str, list[Artifact]], seed: int
) -> tuple[InflatedUNet, Tensor]:
    """Return the denoiser to start from, in float32, and the cumulated alpha of each time, (n_times,).

    The denoiser is that of the artifact `unet` if there is one, else that of the pinned weights, inflated where it is
    an image network.
    """
    folder = resolve_weights(params.weights, params.revision, params.folders)
    if "unet" in inputs:
        config, state = trained_denoiser(load_result(inputs["unet"][0].path))
    else:
        config, state = read_denoiser(folder / params.unet)
    unet = inflate(config, {name: tensor.float() for name, tensor in state.items()}, seed)
    return unet, kept_signal(folder / params.scheduler)


def trained_denoiser(result: TrainResult) -> tuple[dict[str, object], dict[str, Tensor]]:
    """Return the settings and weights of the denoiser in a result of either phase.

    Raises:
        DataError: the result holds none.
    """
    if "unet" not in result.config:
        raise DataError(f"a {result.config['architecture']} holds no denoiser", next="train mindvideo-video")
    inside = {name.removeprefix("unet."): each for name, each in result.state.items() if name.startswith("unet.")}
    return dict(result.config["unet"]), inside or result.state


def named_rows(artifacts: list[Artifact], params: MindVideoJointParams) -> tuple[np.ndarray, np.ndarray]:
    """Stack the training rows of all subjects: (n_rows, n_columns), and the id of each row's clip (n_rows,).

    Subjects meet by clip ids, for their tables of clips may differ.

    Raises:
        DataError: the subjects do not share their columns.
    """
    rows, ids = [], []
    for artifact in artifacts:
        own, clip = pooled_rows([artifact], ("train",), params)
        rows.append(own)
        ids.append(np.array(Clips.load(artifact).ids)[clip])
    widths = {each.shape[1] for each in rows}
    if len(widths) > 1:
        raise DataError(f"subjects have {sorted(widths)} columns", why="pooling needs aligned responses")
    return np.concatenate(rows), np.concatenate(ids)


def values_of(artifact: Artifact, ids: list[str] | tuple[str, ...]) -> np.ndarray:
    """Return the targets of some clips, (n_clips, ...).

    Raises:
        DataError: a clip is not there.
    """
    targets = Targets.load(artifact)
    values: np.ndarray = targets.values[find_clips(artifact, targets.clips.ids, ids)]
    return values


def mindvideo_phase(params: MindVideoContrastiveParams, inputs: Inputs, work: Work) -> TrainResult:
    """Contrastive tuning of MinD-Video's encoder towards `image` and `text`, on the trunk of the network `start`."""
    images, texts = ([Targets.load(artifact) for artifact in inputs[role]] for role in ("image", "text"))
    if [image.clips.ids for image in images] != [text.clips.ids for text in texts]:
        raise DataError(
            "images and texts are not about the same clips", next="give both for each data set, in one order"
        )
    rows, clips, held_out = rows_and_held_out(inputs["rows"], params, images)
    with phase_hooks(work, params, {"phase": "mindvideo-contrastive"}) as hooks:
        return tune_mindvideo(
            rows,
            clips,
            np.concatenate([image.values for image in images]),
            np.concatenate([text.values for text in texts]),
            params,
            start=load_result(inputs["start"][0].path),
            held_out=held_out,
            seed=work.seed,
            compute=work.compute(),
            hooks=hooks,
        )
