"""What conditions Stable Video Diffusion, such as `svd_emb_1024` (docs/methods/brain-netflix.md, Other targets).

As the pipeline of diffusers computes it: the projected embedding of its CLIP image tower, and the mode of its
autoencoder's posterior, which the pipeline does not scale. Not run on the public weights here.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderKLTemporalDecoder
from diffusers.pipelines.stable_video_diffusion import pipeline_stable_video_diffusion as library
from transformers import CLIPImageProcessorPil, CLIPVisionModelWithProjection

from brainflix.device import Compute
from brainflix.io.weights import resolve_weights
from brainflix.parts.contract import Inputs
from brainflix.parts.work import Work
from brainflix.targets.blocks import Encoded, of_frames
from brainflix.targets.parts import SvdParams
from brainflix.targets.pictures import sized

_EVERY = {"first": slice(0, 1), "every-4th": slice(None, None, 4)}
# What the image tower sees, whatever the frames' size; the pipeline has it as a constant as well.
_SEEN_PX = (224, 224)


def extract(params: SvdParams, inputs: Inputs, work: Work) -> Encoded:
    """Encode a clip's first frame to (n_clips, width), or every fourth to (n_clips, n_frames, width).

    `width` is the embedding's, 1024 with the public weights, and with `latents` 4 x 72 x 128 more.
    """
    compute = work.compute()
    folder = resolve_weights(params.weights, params.revision, params.folders)
    tower = CLIPVisionModelWithProjection.from_pretrained(folder / params.image_encoder, dtype=compute.dtype)
    tower = tower.to(compute.device).eval()
    processor = CLIPImageProcessorPil.from_pretrained(folder / params.feature_extractor)
    vae = _load_vae(folder / params.vae, compute) if params.latents else None

    def encode(frames: np.ndarray) -> np.ndarray:
        pictures = sized(frames[:, _EVERY[params.frames]], params.height_px, params.width_px)
        # A frame is large and a clip may have several, so that a batch of clips is one clip at a time.
        rows = [_encode(tower, processor, vae, torch.from_numpy(clip), compute) for clip in pictures]
        return np.stack([row[0] if params.frames == "first" else row for row in rows])

    axes = "clip, width" if params.frames == "first" else "clip, frame, width"
    embedding = int(tower.config.projection_dim)
    return Encoded(
        inputs["frames"][0],
        work,
        of_frames(encode),
        attrs={"axes": axes, "embedding_width": embedding},
        note=lambda shape: {"width": shape[-1], "embedding_width": embedding},
    )


def _load_vae(folder: Path, compute: Compute) -> AutoencoderKLTemporalDecoder:
    """Load the autoencoder; one that says that half precision overflows in it computes in float32."""
    vae = AutoencoderKLTemporalDecoder.from_pretrained(folder, torch_dtype=compute.dtype)
    if compute.dtype == torch.float16 and vae.config.force_upcast:
        vae = vae.float()
    return vae.to(compute.device).eval()


@torch.inference_mode()
def _encode(
    tower: CLIPVisionModelWithProjection,
    processor: CLIPImageProcessorPil,
    vae: AutoencoderKLTemporalDecoder | None,
    frames: torch.Tensor,
    compute: Compute,
) -> np.ndarray:
    """Encode the frames of one clip, uint8 (n_frames, H, W, 3), to (n_frames, width), float32."""
    pixels = frames.to(compute.device).movedim(-1, 1).float() / 127.5 - 1.0
    small = library._resize_with_antialiasing(pixels, _SEEN_PX) / 2.0 + 0.5
    mean, std = (
        torch.tensor(each, device=compute.device)[:, None, None] for each in (processor.image_mean, processor.image_std)
    )
    parts = [tower(((small - mean) / std).to(compute.dtype)).image_embeds]
    if vae is not None:
        parts.append(vae.encode(pixels.to(vae.dtype)).latent_dist.mode().flatten(1))
    found: np.ndarray = torch.cat([part.float() for part in parts], dim=1).cpu().numpy()
    return found
