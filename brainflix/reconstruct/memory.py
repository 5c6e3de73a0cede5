"""Switches that save memory and where networks wait: settings of a machine, noted in the manifest, never in a key."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from diffusers import DiffusionPipeline

from brainflix.device import Compute
from brainflix.parts.work import Tools

_ON_CPU = "asked for, but there is no accelerator to move networks away from"
_SEVERAL = "asked for, but there is only one network"


def switch_vae(vae: Any, tools: Tools) -> dict[str, object]:
    """Switch slicing and tiling of an autoencoder on where they are asked for; return what to note of it."""
    notes: dict[str, object] = {}
    if tools.vae_slicing:
        vae.enable_slicing()
        notes["vae_slicing"] = True
    if tools.vae_tiling:
        vae.enable_tiling()
        notes["vae_tiling"] = True
    return notes


def place_pipeline(pipeline: DiffusionPipeline, compute: Compute, tools: Tools) -> dict[str, object]:
    """Move a pipeline to the device, or let diffusers move its networks there when they run; return the notes."""
    notes = switch_vae(pipeline.vae, tools)
    if tools.offload == "none" or compute.device.type == "cpu":
        pipeline.to(compute.device)
    elif tools.offload == "model":
        pipeline.enable_model_cpu_offload(device=compute.device)
    else:
        pipeline.enable_sequential_cpu_offload(device=compute.device)
    return notes | _offload_note(compute, tools)


def place_networks(networks: Sequence[torch.nn.Module], compute: Compute, tools: Tools) -> dict[str, object]:
    """Do for networks that run one after the other, in this order, what `place_pipeline` does for a pipeline's."""
    from accelerate import cpu_offload, cpu_offload_with_hook

    if tools.offload == "none" or compute.device.type == "cpu" or (tools.offload == "model" and len(networks) == 1):
        for network in networks:
            network.to(compute.device)
    elif tools.offload == "model":
        before = None
        for network in networks:
            _, before = cpu_offload_with_hook(network, compute.device, prev_module_hook=before)
    else:
        for network in networks:
            cpu_offload(network, compute.device, offload_buffers=len(network._parameters) > 0)
    return _offload_note(compute, tools, alone=len(networks) == 1)


def _offload_note(compute: Compute, tools: Tools, *, alone: bool = False) -> dict[str, object]:
    if tools.offload == "none":
        return {}
    if compute.device.type == "cpu":
        return {"offload": f"none: {tools.offload} {_ON_CPU}"}
    if tools.offload == "model" and alone:
        return {"offload": f"none: {tools.offload} {_SEVERAL}"}
    return {"offload": tools.offload}
