"""What generators are told in words: predicted captions, predicted text embeddings, or one caption for all clips."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from brainflix.errors import DataError


@dataclass(frozen=True, eq=False)
class Text:
    """Text as a denoiser reads it: `states` (n, n_tokens, width), and `mask` (n, n_tokens) where it reads one."""

    states: torch.Tensor
    mask: torch.Tensor | None = None

    def take(self, index: Sequence[int] | slice) -> Text:
        """Return the text of some clips."""
        chosen = index if isinstance(index, slice) else list(index)
        return Text(self.states[chosen], None if self.mask is None else self.mask[chosen])


Embed = Callable[[list[str]], Text]


@torch.no_grad()
def embed_captions(captions: np.ndarray, embed: Embed) -> Text:
    """Encode captions (n_clips,), each distinct one once and in a fixed order, so that equal ones get equal bits.

    Raises:
        DataError: they are no texts.
    """
    if captions.ndim != 1 or captions.dtype.kind != "U":
        what = f"captions are one text for each clip, not {captions.dtype} of shape {captions.shape}"
        raise DataError(what, next="give text embeddings as the input 'prompt'")
    distinct, place = np.unique(captions, return_inverse=True)
    return embed(distinct.tolist()).take(place.tolist())


def check_prompts(prompts: np.ndarray, like: Text) -> Text:
    """Return predicted text embeddings on the device and in the dtype of `like`; all of their tokens are read.

    Args:
        prompts: array of shape (n_clips, n_tokens, width).
        like: what the model's own text tower says of one prompt.

    Raises:
        DataError: another number of tokens or width than the text tower's.
    """
    if prompts.ndim != 3 or prompts.shape[1:] != tuple(like.states.shape[1:]):
        raise DataError(
            f"prompts have the shape {prompts.shape[1:]}, the generator reads {tuple(like.states.shape[1:])}",
            why="(tokens, width) are those of its own text tower",
            next="predict the targets of a captions step with the same weights, or give captions",
        )
    states = torch.from_numpy(np.asarray(prompts, np.float32)).to(like.states)
    mask = None if like.mask is None else torch.ones(states.shape[:2]).to(like.mask)
    return Text(states, mask)
