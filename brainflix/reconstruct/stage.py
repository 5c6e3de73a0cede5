"""The door of `reconstruct`: conditions in, frames of the clips of a split out.

A part is `part(job, params, inputs, tools) -> Generator`: it loads its networks once and returns what turns a `Batch`
(clip ids and conditions by role) into uint8 frames, see `generator.py`. `params` are its validated parameters, with
`split` if it is not always "test"; `inputs` are the artifacts by role, for a part that loads a trained network.

Roles: `clips` (frames of all clips: which ones, how many frames, at which rate) is always there. Every other role that
holds values, frames or captions is a condition, one artifact each: predictions, videos of an earlier step (a keyframe),
or, for the oracle, the targets themselves. Which of them a generator reads is its own affair; zeroscope reads `latents`
and either `prompt` or `caption`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from brainflix.errors import UsageError
from brainflix.parts.contract import Job, Tools
from brainflix.parts.find import find
from brainflix.store.publish import Staging
from brainflix.store.store import Artifact

if TYPE_CHECKING:
    import numpy as np

    from brainflix.reconstruct.generator import Generator
    from brainflix.store.schema import Videos

VERSION = 1
N_PREVIEWS = 4
CONDITION_KINDS = ("targets", "predictions", "videos")


def run(job: Job, inputs: Mapping[str, list[Artifact]], out: Staging, tools: Tools) -> None:
    """Generate every clip of the split in batches and write frames and a few mp4 previews."""
    import numpy as np

    from brainflix.reconstruct.generator import Batch
    from brainflix.store.schema import Clips, Videos

    part = find("reconstruct", job.part)
    params = part.load_params().model_validate(dict(job.params))
    source = inputs["clips"][0]
    clips, n_frames, fps_hz = Clips.load(source), source.array("frames").shape[1], source.json("videos.json")["fps_hz"]
    wanted = clips.take(clips.of(getattr(params, "split", "test")))
    conditions = read_conditions(inputs, wanted.ids)
    generate: Generator = part.load()(job, params, inputs, tools)
    batches = [slice(i, i + tools.clips_per_batch) for i in range(0, len(wanted), tools.clips_per_batch)]
    frames = [
        generate(Batch(wanted.ids[batch], {role: values[batch] for role, values in conditions.items()}, n_frames))
        for batch in tools.progress.track(batches, "batches of clips")
    ]
    made = np.concatenate(frames)
    # Other numbers of frames than the truth's still fill the clip's time.
    videos = Videos(made, wanted.ids, fps_hz * (made.shape[1] / n_frames))
    videos.save(out.path)
    _write_previews(videos, out)
    out.notes |= {**generate.notes, "clips_per_batch": tools.clips_per_batch}


def read_conditions(inputs: Mapping[str, list[Artifact]], clip_ids: Sequence[str]) -> dict[str, np.ndarray]:
    """Return what the generator is told of the clips, by role, arrays of shape (n_clips, ...).

    Raises:
        UsageError: a role has several artifacts, such as the predictions of several subjects.
        DataError: an artifact lacks a clip; both are named.
    """
    found = {}
    for role, artifacts in inputs.items():
        conditional = [artifact for artifact in artifacts if artifact.ref.kind in CONDITION_KINDS]
        if role == "clips" or not conditional:
            continue
        if len(conditional) > 1:
            raise UsageError(
                f"reconstruct takes one artifact as {role!r}, not {len(conditional)}",
                why=f"{', '.join(str(each.ref) for each in conditional)}",
                next="run the step for each subject, or name one subject in the input",
            )
        found[role] = condition(conditional[0], clip_ids)
    return found


def condition(artifact: Artifact, clip_ids: Sequence[str]) -> np.ndarray:
    """Return the values, frames or captions (texts) of the clips `clip_ids`, (n_clips, ...), from any such artifact.

    Raises:
        DataError: the artifact lacks a clip; both are named.
    """
    import numpy as np

    from brainflix.store.captions import Captions
    from brainflix.store.lookup import find_clips
    from brainflix.store.schema import Predictions, Targets, Videos

    if "frames" in artifact.names():
        videos = Videos.load(artifact)
        return videos.frames[find_clips(artifact, videos.clip_ids, clip_ids)]
    if Captions.are_in(artifact):
        said = Captions.load(artifact)
        return np.array(said.captions, dtype=np.str_)[find_clips(artifact, said.clip_ids, clip_ids)]
    if artifact.ref.kind == "targets":
        targets = Targets.load(artifact)
        return targets.values[find_clips(artifact, targets.clips.ids, clip_ids)]
    predictions = Predictions.load(artifact)
    return predictions.values[find_clips(artifact, predictions.clip_ids, clip_ids)]


def _write_previews(videos: Videos, out: Staging) -> None:
    """Write the first clips as mp4, with an edge pixel more where a side is odd, which the codec does not take."""
    import numpy as np

    from brainflix.io.video import encode

    (out.path / "previews").mkdir()
    for clip_id, clip in list(zip(videos.clip_ids, videos.frames, strict=True))[:N_PREVIEWS]:
        height, width = clip.shape[1:3]
        even = np.pad(clip, ((0, 0), (0, height % 2), (0, width % 2), (0, 0)), mode="edge")
        encode(even, videos.fps_hz, out.path / "previews" / f"{clip_id}.mp4")
