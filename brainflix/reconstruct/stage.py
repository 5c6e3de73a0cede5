"""The door of `reconstruct`: predicted conditions in, frames of the test clips out.

Roles: `clips` (frames of all clips: which ones, how many frames, at which rate), and, where
predicted, `latents` and `prompt`; each may be predictions or, for the oracle, the targets themselves.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from brainflix.contract import Job, Tools
from brainflix.store.publish import Staging
from brainflix.store.store import Artifact

if TYPE_CHECKING:
    import numpy as np

    from brainflix.store.schema import Clips

VERSION = 1
MOST_FREQUENT = "most-frequent"
N_PREVIEWS = 4


def run(job: Job, inputs: Mapping[str, list[Artifact]], out: Staging, tools: Tools) -> None:
    """Generate every clip of the split in batches and write frames and a few mp4 previews."""
    import numpy as np

    from brainflix.io.video import encode
    from brainflix.io.weights import resolve_weights
    from brainflix.reconstruct import zeroscope
    from brainflix.reconstruct.params import ZeroscopeParams
    from brainflix.store.schema import Clips, Videos

    params = ZeroscopeParams.model_validate(job.params)
    source = inputs["clips"][0]
    clips, n_frames, fps_hz = Clips.load(source), source.array("frames").shape[1], source.json("videos.json")["fps_hz"]
    wanted = clips.take(clips.of(params.split))
    folder = resolve_weights(params.weights, params.revision)
    backend = zeroscope.load_backend(folder, params, tools.compute(), tools.attention)
    latents = condition(inputs["latents"][0], wanted.ids) if "latents" in inputs else None
    if "prompt" in inputs:
        prompts = condition(inputs["prompt"][0], wanted.ids)
    else:
        states = zeroscope.encode_prompt(folder, fixed_caption(params.caption, clips), tools.compute())
        prompts = np.repeat(states[None].numpy(), len(wanted), axis=0)
    batches = [slice(i, i + tools.clips_per_batch) for i in range(0, len(wanted), tools.clips_per_batch)]
    frames = [
        zeroscope.generate(
            backend,
            None if latents is None else latents[batch],
            prompts[batch],
            wanted.ids[batch],
            n_frames=n_frames,
            seed=job.seed,
            params=params,
        )
        for batch in tools.progress.track(batches, "batches of clips")
    ]
    videos = Videos(np.concatenate(frames), wanted.ids, fps_hz)
    videos.save(out.path)
    (out.path / "previews").mkdir()
    for clip_id, clip in list(zip(videos.clip_ids, videos.frames, strict=True))[:N_PREVIEWS]:
        encode(clip, fps_hz, out.path / "previews" / f"{clip_id}.mp4")
    out.notes |= {
        "attention": backend.kernel,
        "clips_per_batch": tools.clips_per_batch,
    }


def condition(artifact: Artifact, clip_ids: Sequence[str]) -> np.ndarray:
    """Return the values of the clips `clip_ids` from predictions or, for the oracle, from targets."""
    from brainflix.store.schema import Predictions, Targets

    if artifact.ref.kind == "targets":
        targets = Targets.load(artifact)
        return targets.values[targets.clips.places(clip_ids)]
    predictions = Predictions.load(artifact)
    place = {clip_id: i for i, clip_id in enumerate(predictions.clip_ids)}
    return predictions.values[[place[clip_id] for clip_id in clip_ids]]


def fixed_caption(caption: str, clips: Clips) -> str:
    """Return the caption itself, or the most frequent one of the training clips (of equals the first by alphabet)."""
    if caption != MOST_FREQUENT:
        return caption
    counts = Counter(clips.caption[i] for i in clips.of("train"))
    return min(counts, key=lambda text: (-counts[text], text))
