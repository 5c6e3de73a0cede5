"""A video classifier (transformers' VideoMAEForVideoClassification) over every shape x colour x motion.

It learns the three factors with one linear head each. The joint head that ships is their exact composition: a class's
logit is the sum of its factors' logits, so its softmax is the product of the factors' probabilities.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn import functional
from transformers import VideoMAEConfig, VideoMAEForVideoClassification, VideoMAEImageProcessorPil

from brainflix.demo.grammar import COLOURS, MOTIONS, SHAPES, class_names, factor_index
from brainflix.demo.make_weights.common import (
    N_FRAMES,
    SIZE_PX,
    Log,
    clips_of,
    cosine_lr,
    optimise,
    parameter_groups,
    save_half,
    scene_batches,
    to_signed,
)
from brainflix.device import seeded_init

BATCH, PEAK_LR, WIDTH = 32, 1.5e-3, 96
HEADS = {"shape": len(SHAPES), "colour": len(COLOURS), "motion": len(MOTIONS)}
HALF = [0.5, 0.5, 0.5]


def build(seed: int = 0) -> VideoMAEForVideoClassification:
    """Return the untrained classifier: 4 layers of width 96 on 4 x 8 x 8 tubelets."""
    names = class_names()
    config = VideoMAEConfig(
        image_size=SIZE_PX,
        patch_size=8,
        num_frames=N_FRAMES,
        tubelet_size=2,
        hidden_size=WIDTH,
        num_hidden_layers=4,
        num_attention_heads=4,
        intermediate_size=2 * WIDTH,
        use_mean_pooling=True,
        id2label=dict(enumerate(names)),
        label2id={name: i for i, name in enumerate(names)},
    )
    with seeded_init(seed):
        return VideoMAEForVideoClassification(config)


def train(folder: Path, n_steps: int, seed: int = 0) -> None:
    """Train on clips made worse in the ways that generated clips are: blur and noise."""
    model = build(seed)
    with seeded_init(seed + 1):
        heads = nn.ModuleDict({name: nn.Linear(WIDTH, n) for name, n in HEADS.items()})
    both = nn.ModuleList([model, heads])
    optimizer = torch.optim.AdamW(parameter_groups(both, 0.02), lr=PEAK_LR, betas=(0.9, 0.98))
    batches, noise, log = (
        scene_batches(seed + 2, BATCH),
        torch.Generator().manual_seed(seed),
        Log("classifier", n_steps),
    )
    for step in range(n_steps):
        scenes = next(batches)
        pixels = _worsen(to_signed(clips_of(scenes)), noise)
        features = _features(model, pixels)
        losses = {
            name: functional.cross_entropy(head(features), torch.from_numpy(factor_index(scenes, name)))
            for name, head in heads.items()
        }
        optimise(both, torch.stack(list(losses.values())).sum(), optimizer, cosine_lr(step, n_steps, PEAK_LR))
        log(step, **{name: loss.item() for name, loss in losses.items()})
    _compose(model.classifier, heads)
    save_half(model, folder)
    VideoMAEImageProcessorPil(
        size={"shortest_edge": SIZE_PX},
        crop_size={"height": SIZE_PX, "width": SIZE_PX},
        image_mean=HALF,
        image_std=HALF,
    ).save_pretrained(folder)


def _features(model: VideoMAEForVideoClassification, pixels: torch.Tensor) -> torch.Tensor:
    """Return what the classifier's head sees, (batch, width)."""
    hidden = model.videomae(pixels).last_hidden_state
    return model.fc_norm(hidden.mean(1))


def _worsen(pixels: torch.Tensor, noise: torch.Generator) -> torch.Tensor:
    """Blur half of the clips a little and add noise to all: (batch, frames, 3, H, W) in, the same out."""
    blurred = functional.avg_pool2d(functional.pad(pixels.flatten(0, 1), (1, 1, 1, 1), mode="replicate"), 3, 1)
    which = torch.rand((len(pixels), 1, 1, 1, 1), generator=noise) < 0.5
    mixed = torch.where(which, blurred.view_as(pixels), pixels)
    return mixed + 0.05 * torch.randn(mixed.shape, generator=noise)


@torch.no_grad()
def _compose(joint: nn.Linear, heads: nn.ModuleDict) -> None:
    """Write the sum of the factors' heads into the joint head, in the order of `class_names`."""
    order = np.stack(np.meshgrid(*(np.arange(n) for n in HEADS.values()), indexing="ij"), axis=-1).reshape(-1, 3)
    joint.weight.zero_()
    joint.bias.zero_()
    for column, head in enumerate(heads.values()):
        assert isinstance(head, nn.Linear)
        joint.weight.add_(head.weight[order[:, column]])
        joint.bias.add_(head.bias[order[:, column]])
