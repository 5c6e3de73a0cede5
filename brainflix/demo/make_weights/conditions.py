"""What the denoiser trains on: latents and prompts, exact ones and ones as a regression from brains predicts them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import torch
from diffusers import AutoencoderKL
from transformers import CLIPTextModel, CLIPTokenizer

from brainflix.demo.grammar import FACTORS, Scene
from brainflix.demo.make_weights.common import clips_of, half_where_fast
from brainflix.device import Compute
from brainflix.pretrained.vae import encode_latents

CPU = Compute(torch.device("cpu"), torch.float32, "the weights are small")


@dataclass(frozen=True)
class Blur:
    """How predictions differ from the truth.

    A predicted prompt is uncertain between captions that share some factors; a predicted latent hardly changes from
    frame to frame; both lie nearer to the mean of all than the truth does.

    Attributes:
        latents, prompts: share of the clips, of those that may be, whose latents and whose prompts are blurred.
        most_other, most_mean: largest weight of a similar caption, and of the mean prompt.
        noise: of the prompts, in their standard deviations.
        stillness: power of a uniform draw that gives the weight of the mean over time; below 1 favours still ones.
        most_pull: largest weight of other clips in the latents.
        above: time from which latents are blurred; below it sampling sees the denoiser's own, no longer predicted ones.
    """

    latents: float
    prompts: float
    most_other: float
    most_mean: float
    noise: float
    stillness: float
    most_pull: float = 0.6
    above: int = 500


class Teacher:
    """Encodes scenes with the trained autoencoder and text tower, and blurs what it says as regressions do."""

    def __init__(self, folder: Path, blur: Blur, seed: int) -> None:
        self.blur = blur
        self.vae = AutoencoderKL.from_pretrained(folder / "vae", torch_dtype=torch.float32).eval()
        self.text = CLIPTextModel.from_pretrained(folder / "text_encoder", torch_dtype=torch.float32).eval()
        self.tokenizer = CLIPTokenizer.from_pretrained(folder / "tokenizer")
        self.random = torch.Generator().manual_seed(seed)

    def latents(self, scenes: list[Scene]) -> torch.Tensor:
        """Return scaled latents of shape (batch, 4, frames, 8, 8)."""
        with half_where_fast():
            z = encode_latents(self.vae, clips_of(scenes), CPU)
        return torch.from_numpy(z).transpose(1, 2)

    def latents_as_predicted(self, z: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
        """Pull latents (batch, 4, frames, 8, 8) to their mean over time, to the batch's and to another clip's.

        Args:
            z: true latents.
            t: time of each clip, (batch,); those below `blur.above` stay as they are.
        """
        n = len(z)
        still, pull = self._uniform(n, 5) ** self.blur.stillness, self.blur.most_pull * self._uniform(n, 5)
        over_time = z.mean(2, keepdim=True)
        other = over_time[torch.randperm(n, generator=self.random)]
        blurred = (1 - still) * z + still * over_time
        pulled = (1 - pull) * blurred + pull * 0.5 * (over_time.mean(0, keepdim=True) + other)
        may = (t >= self.blur.above).view(-1, 1, 1, 1, 1)
        return torch.where((self._uniform(n, 5) < self.blur.latents) & may, pulled, z)

    def prompts(self, scenes: list[Scene], dropped: float) -> torch.Tensor:
        """Return token states (batch, tokens, width): exact, blurred as a prediction, or, at a rate, of no prompt."""
        n = len(scenes)
        exact, other = self._states([s.caption() for s in scenes]), self._states(self._similar_captions(scenes))
        to_other, to_mean = self.blur.most_other * self._uniform(n, 3), self.blur.most_mean * self._uniform(n, 3)
        noise = torch.randn(exact.shape, generator=self.random) * exact.std(dim=0, keepdim=True) * self.blur.noise
        blurred = (1 - to_other) * exact + to_other * other + noise
        blurred = (1 - to_mean) * blurred + to_mean * exact.mean(0, keepdim=True)
        said = torch.where(self._uniform(n, 3) < self.blur.prompts, blurred, exact)
        return torch.where(self._uniform(n, 3) < dropped, self._states([""]), said)

    def _similar_captions(self, scenes: list[Scene]) -> list[str]:
        """Return captions that differ from the scenes' in about half of the factors."""
        swapped = torch.randperm(len(scenes), generator=self.random).tolist()
        taken = torch.rand((len(scenes), len(FACTORS)), generator=self.random) < 0.5
        captions = []
        for scene, source, chosen in zip(scenes, swapped, taken.tolist(), strict=True):
            names = [name for name, take in zip(FACTORS, chosen, strict=True) if take]
            captions.append(replace(scene, **{name: getattr(scenes[source], name) for name in names}).caption())
        return captions

    @torch.no_grad()
    def _states(self, captions: list[str]) -> torch.Tensor:
        tokens = self.tokenizer(captions, padding="max_length", return_tensors="pt")
        return self.text(**tokens).last_hidden_state

    def _uniform(self, n: int, ndim: int) -> torch.Tensor:
        """Draw one number in [0, 1) per clip, shaped to broadcast over `ndim` axes."""
        return torch.rand((n,) + (1,) * (ndim - 1), generator=self.random)
