"""Stand-ins for torchvision and lpips: the same names, layers and shapes of output, with few channels."""

from __future__ import annotations

import sys
from enum import Enum
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from torch import nn

from brainflix.device import seeded_init


class Weights(Enum):
    """Entries as torchvision has them: where the file is; its name may end as its SHA-256 begins, here of nothing."""

    @property
    def url(self) -> str:
        return f"https://download.example/{self.value}"


AlexNet_Weights = Weights("AlexNet_Weights", {"IMAGENET1K_V1": "alexnet-e3b0c442.pth"})
Inception_V3_Weights = Weights("Inception_V3_Weights", {"IMAGENET1K_V1": "inception-e3b0c442.pth"})
EfficientNet_B1_Weights = Weights("EfficientNet_B1_Weights", {"IMAGENET1K_V1": "e1.pth", "IMAGENET1K_V2": "e2.pth"})
Raft_Large_Weights = Weights("Raft_Large_Weights", {"C_T_V1": "raft1.pth", "C_T_SKHT_V2": "raft2.pth"})
BUILT: list[tuple[str, Any]] = []


class AlexNet(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(
            *(nn.Conv2d(3, 4, 11, stride=4, padding=2), nn.ReLU(inplace=True), nn.MaxPool2d(3, 2)),
            *(nn.Conv2d(4, 6, 5, padding=2), nn.ReLU(inplace=True), nn.MaxPool2d(3, 2)),
            *(
                nn.Conv2d(6, 6, 3, padding=1),
                nn.ReLU(inplace=True),
                nn.Conv2d(6, 5, 3, padding=1),
                nn.ReLU(inplace=True),
            ),
            *(nn.Conv2d(5, 5, 3, padding=1), nn.ReLU(inplace=True), nn.MaxPool2d(3, 2)),
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.features(x).flatten(1)


class Pooled(nn.Module):
    """Inception, EfficientNet and ResNet alike, as far as their pooled layer goes."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, width, 7, stride=4, bias=False)
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc: nn.Module = nn.Linear(width, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.fc(self.avgpool(self.conv1(x)).flatten(1))


class Raft(nn.Module):
    """Flow as a function of both frames, refined twice."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(6, 2, 3, padding=1)

    def forward(self, a: torch.Tensor, b: torch.Tensor) -> list[torch.Tensor]:
        assert a.abs().max() <= 1 and b.abs().max() <= 1 and a.min() < 0
        flow = self.conv(torch.cat([a, b], dim=1))
        return [torch.zeros_like(flow), flow]


class LPIPS(nn.Module):
    def __init__(self, net: str, version: str, verbose: bool) -> None:
        super().__init__()
        assert (net, version) == ("alex", "0.1") and not verbose

    def forward(self, a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        assert a.abs().max() <= 1 and a.min() < 0
        return (a - b).abs().mean(dim=(1, 2, 3), keepdim=True)


def _builder(name: str, make: Any) -> Any:
    def build(*, weights: Weights | None, progress: bool = True) -> nn.Module:
        BUILT.append((name, weights))
        with seeded_init(len(name)):
            return make()

    return build


def install(monkeypatch: pytest.MonkeyPatch, hub: Path, *, files: bool = True, lpips: bool = True) -> None:
    """Put the stand-ins where imports find them, and files where torch keeps downloaded weights."""
    torchvision, models, flow = (ModuleType(f"torchvision{name}") for name in ("", ".models", ".models.optical_flow"))
    torchvision.__version__ = "0.0-fake"  # type: ignore[attr-defined]
    for weights in (AlexNet_Weights, Inception_V3_Weights, EfficientNet_B1_Weights):
        setattr(models, weights.__name__, weights)
    for name, make in {
        "alexnet": AlexNet,
        "inception_v3": lambda: Pooled(7),
        "efficientnet_b1": lambda: Pooled(8),
        "resnet50": lambda: Pooled(9),
    }.items():
        setattr(models, name, _builder(name, make))
    flow.Raft_Large_Weights = Raft_Large_Weights  # type: ignore[attr-defined]
    flow.raft_large = _builder("raft_large", Raft)  # type: ignore[attr-defined]
    for module in (torchvision, models, flow):
        monkeypatch.setitem(sys.modules, module.__name__, module)
    if lpips:
        module = ModuleType("lpips")
        module.LPIPS = LPIPS  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, "lpips", module)
    monkeypatch.setattr("torch.hub.get_dir", lambda: str(hub))
    BUILT.clear()
    if files:
        (hub / "checkpoints").mkdir(parents=True)
        for weights in (AlexNet_Weights, Inception_V3_Weights, EfficientNet_B1_Weights, Raft_Large_Weights):
            for entry in weights:
                (hub / "checkpoints" / entry.value).write_bytes(b"")
