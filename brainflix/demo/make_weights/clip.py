"""A CLIP-like pair of image and text towers (transformers' CLIPModel); its text tower also feeds the generator."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn import functional
from transformers import CLIPConfig, CLIPImageProcessorPil, CLIPModel, CLIPTextModel, CLIPTokenizer

from brainflix.demo.grammar import FACTORS, Scene, factor_index
from brainflix.demo.make_weights.common import (
    SIZE_PX,
    Log,
    cosine_lr,
    half_where_fast,
    optimise,
    parameter_groups,
    save_half,
    scene_batches,
    to_signed,
)
from brainflix.demo.make_weights.tokens import MAX_TOKENS, build_tokenizer
from brainflix.demo.render import render
from brainflix.device import seeded_init

BATCH, PEAK_LR, WIDTH = 40, 1.5e-3, 64
HALF = [0.5, 0.5, 0.5]
SEEN_AT_S = np.array([0.0, 1.0, 1.9])


def build(tokenizer: CLIPTokenizer, seed: int = 0) -> CLIPModel:
    """Return the untrained pair: 4 + 3 layers, 64-d shared space."""
    text = {
        "vocab_size": len(tokenizer),
        "hidden_size": WIDTH,
        "intermediate_size": 2 * WIDTH,
        "num_hidden_layers": 3,
        "num_attention_heads": 4,
        "max_position_embeddings": MAX_TOKENS,
        "bos_token_id": tokenizer.bos_token_id,
        "eos_token_id": tokenizer.eos_token_id,
        "pad_token_id": tokenizer.pad_token_id,
    }
    vision = {
        "hidden_size": 96,
        "intermediate_size": 192,
        "num_hidden_layers": 4,
        "num_attention_heads": 4,
        "image_size": SIZE_PX,
        "patch_size": 8,
    }
    with seeded_init(seed):
        return CLIPModel(CLIPConfig(text_config=text, vision_config=vision, projection_dim=WIDTH))


class _Probes(nn.Module):
    """Linear read-outs of the grammar's factors that help training and are thrown away."""

    def __init__(self) -> None:
        super().__init__()
        self.heads = nn.ModuleDict({name: nn.Linear(WIDTH, len(values)) for name, values in FACTORS.items()})

    def loss(self, embedding: torch.Tensor, scenes: list[Scene], names: list[str]) -> torch.Tensor:
        """Sum the cross-entropies of the named factors, read from embeddings (n_scenes, width)."""
        losses = [
            functional.cross_entropy(self.heads[name](embedding), torch.from_numpy(factor_index(scenes, name)))
            for name in names
        ]
        return torch.stack(losses).sum()


def train(folder: Path, n_steps: int, seed: int = 0) -> None:
    """Train on clips (mean embedding of three frames) and captions; equal content counts as a positive."""
    tokenizer = build_tokenizer()
    model = build(tokenizer, seed)
    with seeded_init(seed + 1):
        probes = _Probes()
    both = nn.ModuleList([model, probes])
    optimizer = torch.optim.AdamW(parameter_groups(both, 0.02), lr=PEAK_LR, betas=(0.9, 0.98))
    batches, log = scene_batches(seed + 1, BATCH), Log("clip", n_steps)
    for step in range(n_steps):
        scenes = next(batches)
        image, text = _embed(model, tokenizer, scenes)
        loss = _contrast(image, text, model.logit_scale, _same_content(scenes))
        probe = probes.loss(text, scenes, list(FACTORS)) + probes.loss(image, scenes, ["shape", "colour", "background"])
        optimise(both, loss + 0.3 * probe, optimizer, cosine_lr(step, n_steps, PEAK_LR))
        log(step, contrast=loss.item(), probe=probe.item())
    _save(model, tokenizer, folder)


def _embed(model: CLIPModel, tokenizer: CLIPTokenizer, scenes: list[Scene]) -> tuple[torch.Tensor, torch.Tensor]:
    """Return image and text embeddings of shape (n_scenes, 64), not normalised."""
    frames = np.stack([render(scene, SEEN_AT_S, SIZE_PX) for scene in scenes])
    tokens = tokenizer([s.caption() for s in scenes], padding="max_length", return_tensors="pt")
    with half_where_fast():
        seen = model.vision_model(pixel_values=to_signed(frames).flatten(0, 1)).pooler_output
        image = model.visual_projection(seen).float().unflatten(0, (len(scenes), len(SEEN_AT_S))).mean(1)
    return image, model.text_projection(model.text_model(**tokens).pooler_output)


def _same_content(scenes: list[Scene]) -> torch.Tensor:
    """Row-normalised equality of what single frames can show: shape, colour and background."""
    seen = np.stack([factor_index(scenes, name) for name in ("shape", "colour", "background")], axis=1)
    same = torch.from_numpy((seen[:, None] == seen[None]).all(-1)).float()
    return same / same.sum(1, keepdim=True)


def _contrast(image: torch.Tensor, text: torch.Tensor, scale: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """Symmetric CLIP loss with soft targets."""
    logits = scale.exp().clamp(max=100) * functional.normalize(image) @ functional.normalize(text).T
    return 0.5 * (functional.cross_entropy(logits, target) + functional.cross_entropy(logits.T, target))


def _save(model: CLIPModel, tokenizer: CLIPTokenizer, folder: Path) -> None:
    """Save the pair, and its text tower and tokenizer once more where the video generator's layout wants them."""
    save_half(model, folder)
    tokenizer.save_pretrained(folder)
    CLIPImageProcessorPil(
        size={"height": SIZE_PX, "width": SIZE_PX}, do_center_crop=False, image_mean=HALF, image_std=HALF
    ).save_pretrained(folder)
    with seeded_init(0):
        tower = CLIPTextModel(model.config.text_config)
    tower.load_state_dict({k.removeprefix("text_model."): v for k, v in _text_state(model, tower).items()})
    # The generator is trained on states of captions whose filling is hidden (`conditions.Teacher`); this says so.
    tower.config.use_attention_mask = True
    save_half(tower, folder.parent / "zeroscope" / "text_encoder")
    tokenizer.save_pretrained(folder.parent / "zeroscope" / "tokenizer")


def _text_state(model: CLIPModel, tower: CLIPTextModel) -> dict[str, torch.Tensor]:
    """Return the text tower's tensors under the names that CLIPTextModel uses in this transformers version."""
    prefix = "text_model." if any(k.startswith("text_model.") for k in tower.state_dict()) else ""
    return {f"text_model.{prefix}{k}": v for k, v in model.text_model.state_dict().items()}
