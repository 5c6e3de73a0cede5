"""The zeroscope generator: what a recipe predicts, in roles, to frames (docs/methods/brain-netflix.md, Generator)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from brainflix.errors import DataError
from brainflix.io.weights import resolve_weights
from brainflix.parts.contract import Inputs
from brainflix.parts.work import Work
from brainflix.pretrained.text import note_cut
from brainflix.reconstruct.generator import Batch
from brainflix.reconstruct.parts import ZeroscopeParams
from brainflix.reconstruct.prompts import check_one_source, check_states, encode_predicted, states_of
from brainflix.reconstruct.rendering import rendering
from brainflix.reconstruct.zeroscope_denoise import Backend, encode_prompt, generate, load_backend
from brainflix.store.schema import Clips

MOST_FREQUENT = "most-frequent"


@dataclass(frozen=True, eq=False)
class Zeroscope:
    """The generator: reads the conditions `latents` (or pure noise) and `prompt` or `caption` (or one prompt for all).

    Attributes:
        backend: the loaded networks.
        prompt: token states where nothing is predicted, (n_tokens, width); None where something is.
        params, seed: the recipe's parameters and the run's seed.
        said: token states (n_tokens, width) of every predicted caption.
        cut: what to note of texts that are too long for the text tower.
    """

    backend: Backend
    prompt: np.ndarray | None
    params: ZeroscopeParams
    seed: int
    said: dict[str, np.ndarray] = field(default_factory=dict)
    cut: Mapping[str, object] = field(default_factory=dict)

    @property
    def notes(self) -> Mapping[str, object]:
        """The attention kernel, switches that save memory, and texts that were cut."""
        return {"attention": self.backend.kernel, **self.backend.memory, **self.cut}

    def __call__(self, batch: Batch) -> np.ndarray:
        """Return uint8 frames of shape (n_clips, n_frames, H, W, 3)."""
        latents = batch.conditions.get("latents")
        how = {"n_frames": batch.n_frames, "seed": self.seed}
        prompts = self.prompts(batch)
        return generate(self.backend, latents, prompts, batch.clip_ids, **how, params=self.params, track=batch.track)

    def prompts(self, batch: Batch) -> np.ndarray:
        """Return the token states that the batch is denoised under, (n_clips, n_tokens, width).

        Raises:
            DataError: there are none, or what came as `prompt` is words.
        """
        if "prompt" in batch.conditions:
            check_states(batch.conditions["prompt"])
            return batch.conditions["prompt"]
        if "caption" in batch.conditions:
            return states_of(batch.conditions["caption"], self.said)
        if self.prompt is None:
            raise DataError("the batch has no prompts, and none was encoded for all clips")
        return np.repeat(self.prompt[None], len(batch.clip_ids), axis=0)  # (n_clips, n_tokens, width)


def load(params: ZeroscopeParams, inputs: Inputs, work: Work) -> Zeroscope:
    """Load the pipeline once, and encode predicted captions, or the recipe's where nothing is predicted.

    Raises:
        UsageError: both `prompt` and `caption` are given.
    """
    check_one_source(inputs)
    folder = resolve_weights(params.weights, params.revision)
    compute = work.compute()
    backend = load_backend(folder, params, compute, work)
    prompt, said, texts = None, dict[str, np.ndarray](), {params.negative_prompt}
    if "caption" in inputs:
        said = encode_predicted(folder, inputs["caption"][0], compute)
        texts |= set(said)
    elif "prompt" not in inputs:
        caption = fixed_caption(params.caption, Clips.load(inputs["clips"][0]))
        prompt = encode_prompt(folder, caption, compute).numpy()
        texts.add(caption)
    cut = note_cut(sorted(texts), folder / "tokenizer", len(backend.negative))
    # Far from any seed that a recipe may have, so that two recipes' samples do not share their noise.
    return Zeroscope(backend, prompt, params, work.seed + (params.sample << 32), said, cut)


part = rendering(load)


def fixed_caption(caption: str, clips: Clips) -> str:
    """Return the caption itself, or the most frequent one of the training clips (of equals the first by alphabet)."""
    if caption != MOST_FREQUENT:
        return caption
    counts = Counter(clips.caption[i] for i in clips.of("train"))
    return min(counts, key=lambda text: (-counts[text], text))
