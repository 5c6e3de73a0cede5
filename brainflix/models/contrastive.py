"""Brain-to-CLIP alignment: a pooled brain encoder with a linear head and a soft-target symmetric loss."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from brainflix.errors import UsageError
from brainflix.models.mbm import POOLS, BrainEncoder, MaskedBrainModel, MBMConfig
from brainflix.models.weights import init_weights


@dataclass(frozen=True)
class ContrastiveConfig:
    """Shape of the aligned network.

    Attributes:
        mbm: size of the encoder.
        embedding_width: channels of the CLIP-like embedding.
        pool: "mean" of the patch tokens, or "cls".
        with_decoder: keep the decoder, so that masked modelling can go on beside the alignment.
        first_scale: logit scale at the start.
        max_scale: upper bound of the logit scale.
    """

    mbm: MBMConfig
    embedding_width: int = 768
    pool: str = "mean"
    with_decoder: bool = False
    first_scale: float = 1 / 0.07
    max_scale: float = 100.0

    def __post_init__(self) -> None:
        """Refuse a pool that the encoder does not have."""
        if self.pool not in POOLS:
            raise UsageError(f"unknown pool {self.pool!r}", next=f"use one of {', '.join(POOLS)}")


class ContrastiveOutput(NamedTuple):
    """Embedding of shape (B, d), logit scale (scalar), loss of masked modelling (scalar, 0 when it is off)."""

    embedding: Tensor
    scale: Tensor
    masked_loss: Tensor


class ContrastiveModel(nn.Module):
    """Encoder, pooling, LayerNorm, Linear to the embedding; and the learned logit scale of the loss."""

    def __init__(self, config: ContrastiveConfig) -> None:
        super().__init__()
        self.config = config
        self.encoder = MaskedBrainModel(config.mbm) if config.with_decoder else BrainEncoder(config.mbm)
        self.head = nn.Sequential(nn.LayerNorm(config.mbm.width), nn.Linear(config.mbm.width, config.embedding_width))
        self.logit_scale = nn.Parameter(torch.zeros(()))

    def init_own(self, generator: torch.Generator) -> None:
        """Set the logit scale."""
        self.logit_scale.fill_(math.log(self.config.first_scale))

    def embed(self, rows: Tensor) -> Tensor:
        """Return the embeddings, of shape (B, d) and not normalised, of rows of shape (B, L P)."""
        return cast(Tensor, self.head(self.encoder.features(rows, self.config.pool)))

    def forward(self, rows: Tensor, noise: Tensor | None = None, targets: Tensor | None = None) -> ContrastiveOutput:
        """Embed rows and, with a decoder and noise, also reconstruct hidden patches.

        Args:
            rows: padded, z-scored rows of shape (B, L P).
            noise: uniform numbers of shape (B, L) that choose the hidden patches, or None.
            targets: rows that masked modelling predicts; by default `rows`.
        """
        with torch.no_grad():
            # The parameter itself is bounded: clamping only its value in the loss would end its gradient for good.
            self.logit_scale.clamp_(max=math.log(self.config.max_scale))
        masked_loss = rows.new_zeros(())
        if noise is not None and isinstance(self.encoder, MaskedBrainModel):
            masked_loss = self.encoder(rows, noise, targets).loss
        return ContrastiveOutput(self.embed(rows), self.logit_scale.exp(), masked_loss)


def build_contrastive(config: ContrastiveConfig, generator: torch.Generator) -> ContrastiveModel:
    """Make a freshly initialised network on the CPU without touching torch's global random state."""
    with torch.device("meta"):
        model = ContrastiveModel(config)
    model.to_empty(device="cpu")
    init_weights(model, generator)
    return model


def soft_clip_loss(brain: Tensor, clip: Tensor, clip_ids: Tensor, scale: Tensor | float) -> Tensor:
    """Symmetric contrastive loss in which rows of the same clip are all positives.

    One half of the cross-entropies of s F E^T and s E F^T against the row-normalised matrix of equal clip ids. Without
    it, repeats and subjects of one clip inside a batch would be false negatives.

    Args:
        brain: brain embeddings F of shape (B, d), any length.
        clip: CLIP embeddings E of shape (B, d), any length.
        clip_ids: integers of shape (B,).
        scale: logit scale s.
    """
    # At least float32: half precision cannot tell a good match from a perfect one.
    brain, clip = (x.to(torch.promote_types(x.dtype, torch.float32)) for x in (brain, clip))
    similarity = functional.normalize(brain, dim=1) @ functional.normalize(clip, dim=1).T
    logits = scale * similarity
    same = (clip_ids[:, None] == clip_ids[None, :]).to(logits.dtype)
    goal = same / same.sum(dim=1, keepdim=True)
    by_brain = -(goal * logits.log_softmax(dim=1)).sum(dim=1).mean()
    by_clip = -(goal * logits.T.log_softmax(dim=1)).sum(dim=1).mean()
    return (by_brain + by_clip) / 2
