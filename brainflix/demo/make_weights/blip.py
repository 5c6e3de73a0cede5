"""A captioner (transformers' BlipForConditionalGeneration) that reads a clip's visual tokens, averaged over frames.

An average over frames does not know their order, so that a clip and its reverse have the same tokens: in which of two
directions something moves cannot be read from them, and along which line only a little. What these captions say of
motion is a guess; it would be with the published method too.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn import functional
from transformers import BertTokenizerFast, BlipConfig, BlipForConditionalGeneration, BlipImageProcessorPil

from brainflix.demo.grammar import FACTORS, Scene, factor_index
from brainflix.demo.make_weights.common import (
    FPS_HZ,
    N_FRAMES,
    SIZE_PX,
    Average,
    Log,
    cosine_lr,
    half_where_fast,
    optimise,
    parameter_groups,
    save_half,
    scene_batches,
)
from brainflix.demo.render import frame_times, render
from brainflix.device import seeded_init

BATCH, PEAK_LR, WIDTH = 32, 1.5e-3, 64
# A quarter of the frames teach what things look like in a quarter of the time; the last part sees all of them.
HASTY = 0.8
TIMES_S = frame_times(N_FRAMES, FPS_HZ)
PREFIX = "a picture of"
SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
# Of CLIP's pictures, which BLIP's checkpoints use too.
MEAN, STD = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)


@dataclass(frozen=True)
class Blur:
    """How predicted tokens differ from true ones: nearer to the mean of all, mixed with another clip's, and noisy.

    Attributes:
        share: share of the clips that are blurred.
        most_mean, most_other: largest weight of the mean over the batch, and of another clip.
        most_noise: largest standard deviation of the noise, in each number's own.
    """

    share: float = 0.7
    most_mean: float = 0.7
    most_other: float = 0.45
    most_noise: float = 0.6

    def __call__(self, tokens: torch.Tensor, random: torch.Generator) -> torch.Tensor:
        """Return tokens (n_clips, n_tokens, width) as a regression might predict them."""
        n = len(tokens)
        to_other, to_mean, noise, drawn = torch.rand((4, n, 1, 1), generator=random)
        mean, spread = tokens.mean(0, keepdim=True), tokens.detach().std(0, keepdim=True)
        mixed = tokens.lerp(tokens[torch.randperm(n, generator=random)], self.most_other * to_other)
        noisy = mixed + self.most_noise * noise * spread * torch.randn(tokens.shape, generator=random)
        return torch.where(drawn < self.share, noisy.lerp(mean, self.most_mean * to_mean), tokens)


def build_tokenizer() -> BertTokenizerFast:
    """Return BERT's tokenizer over the grammar's words; as with the real one the decoder's start is not among them."""
    words = [*PREFIX.split(), "moving", "over", *(word for values in FACTORS.values() for word in values)]
    return BertTokenizerFast(vocab={token: i for i, token in enumerate([*SPECIAL, *words])})


def build(tokenizer: BertTokenizerFast, seed: int = 0) -> BlipForConditionalGeneration:
    """Return the untrained captioner: 4 layers on 8-pixel patches, 3 layers of text; 65 tokens of width 64."""
    vision = {
        "hidden_size": WIDTH,
        "intermediate_size": 2 * WIDTH,
        "num_hidden_layers": 4,
        "num_attention_heads": 4,
        "image_size": SIZE_PX,
        "patch_size": 8,
        "initializer_range": 0.02,
    }
    text = {
        # Two more than the tokenizer knows, as in the real one: where decoding and where encoding starts.
        "vocab_size": len(tokenizer) + 2,
        "bos_token_id": len(tokenizer),
        "eos_token_id": tokenizer.sep_token_id,
        "sep_token_id": tokenizer.sep_token_id,
        "pad_token_id": tokenizer.pad_token_id,
        "hidden_size": WIDTH,
        "intermediate_size": 2 * WIDTH,
        "num_hidden_layers": 3,
        "num_attention_heads": 4,
        "max_position_embeddings": 32,
    }
    with seeded_init(seed):
        return BlipForConditionalGeneration(BlipConfig(text_config=text, vision_config=vision))


def train(folder: Path, n_steps: int, seed: int = 0) -> None:
    """Train both halves together on the captions of scenes, from exact mean tokens and from blurred ones."""
    tokenizer = build_tokenizer()
    model, blur = build(tokenizer, seed), Blur()
    with seeded_init(seed + 1):
        probes = nn.ModuleDict({name: nn.Linear(WIDTH, len(FACTORS[name])) for name in FACTORS if name != "motion"})
    both = nn.ModuleList([model, probes])
    optimizer = torch.optim.AdamW(parameter_groups(both, 0.02), lr=PEAK_LR, betas=(0.9, 0.98))
    batches, random = scene_batches(seed + 4, BATCH), torch.Generator().manual_seed(seed)
    log, average = Log("blip", n_steps), Average(model, 0.998)
    for step in range(n_steps):
        scenes = next(batches)
        tokens = mean_tokens(model, scenes, TIMES_S[step % 4 :: 4] if step < HASTY * n_steps else TIMES_S)
        caption = _caption_loss(model, tokenizer, blur(tokens, random), scenes)
        probe = _probe_loss(probes, tokens[:, 0], scenes)
        optimise(both, caption + 0.3 * probe, optimizer, cosine_lr(step, n_steps, PEAK_LR))
        average.update(model, step)
        log(step, caption=caption.item(), probe=probe.item())
    average.store_in(model)
    save_half(model, folder)
    tokenizer.save_pretrained(folder)
    size = {"height": SIZE_PX, "width": SIZE_PX}
    BlipImageProcessorPil(size=size, image_mean=list(MEAN), image_std=list(STD)).save_pretrained(folder)


def mean_tokens(
    model: BlipForConditionalGeneration, scenes: list[Scene], times_s: np.ndarray = TIMES_S
) -> torch.Tensor:
    """Return the scenes' visual tokens after the final norm, averaged over frames: (n_scenes, n_tokens, width)."""
    frames = np.stack([render(scene, times_s, SIZE_PX) for scene in scenes])
    unit = torch.from_numpy(frames).movedim(-1, -3).flatten(0, 1).float() / 255
    pixels = (unit - torch.tensor(MEAN).view(3, 1, 1)) / torch.tensor(STD).view(3, 1, 1)
    with half_where_fast():
        seen = model.vision_model(pixel_values=pixels).last_hidden_state.float()
    return seen.unflatten(0, (len(scenes), len(times_s))).mean(1)


def _caption_loss(
    model: BlipForConditionalGeneration, tokenizer: BertTokenizerFast, tokens: torch.Tensor, scenes: list[Scene]
) -> torch.Tensor:
    """Cross-entropy of the captions' words and their end, given the prefix."""
    said = tokenizer([f"{PREFIX} {scene.caption()}" for scene in scenes], return_tensors="pt")["input_ids"]
    said[:, 0] = model.config.text_config.bos_token_id
    labels = said.clone()
    labels[:, : 1 + len(PREFIX.split())] = -100
    with half_where_fast():
        return model.text_decoder(input_ids=said, encoder_hidden_states=tokens, labels=labels).loss


def _probe_loss(probes: nn.ModuleDict, embedding: torch.Tensor, scenes: list[Scene]) -> torch.Tensor:
    """Sum the cross-entropies of linear read-outs (n_scenes, width) that help training and are thrown away."""
    losses = [
        functional.cross_entropy(head(embedding), torch.from_numpy(factor_index(scenes, name)))
        for name, head in probes.items()
    ]
    return torch.stack(losses).sum()
