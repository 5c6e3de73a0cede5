"""Brain Netflix's regressors from grayordinates to a flattened target: MLP and SwiGLU."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from brainflix.errors import UsageError

Kind = Literal["mlp", "swiglu"]


@dataclass(frozen=True)
class RegressorConfig:
    """Shape of a regressor (docs/methods/brain-netflix.md, Regressors).

    Attributes:
        n_in: grayordinates V.
        hidden: hidden width h.
        n_out: target dimensions o.
        kind: "mlp" with V h + 3 h + h o + o parameters, or "swiglu" with 2 (V h + h) + 2 h + h o + o.
        dropout: probability in the hidden layer.
        output_dropout: probability on the output: 0.3 in the released code, where it teaches to predict zeros.
    """

    n_in: int
    hidden: int
    n_out: int
    kind: Kind = "mlp"
    dropout: float = 0.3
    output_dropout: float = 0.0

    def __post_init__(self) -> None:
        """Refuse sizes and probabilities that make no network."""
        if min(self.n_in, self.hidden, self.n_out) < 1 or self.kind not in ("mlp", "swiglu"):
            raise UsageError(f"no such regressor: {self}")
        if not (0 <= self.dropout < 1 and 0 <= self.output_dropout < 1):
            raise UsageError("dropout must be at least 0 and below 1")


class Dropout(nn.Module):
    """Dropout whose mask comes from an explicit generator, never from torch's global random state."""

    def __init__(self, p: float) -> None:
        """Take the probability p of dropping a number."""
        super().__init__()
        self.p = p

    def forward(self, x: Tensor, generator: torch.Generator | None) -> Tensor:
        """Zero numbers of x with probability p while training and scale the rest by 1 / (1 - p).

        Raises:
            UsageError: if there is no generator to draw the mask from.
        """
        if not self.training or self.p == 0:
            return x
        if generator is None:
            raise UsageError("dropout needs a generator while training")
        kept = torch.rand(x.shape, generator=generator, device=x.device) >= self.p
        return x * kept / (1 - self.p)


class MLPRegressor(nn.Module):
    """Linear, GELU, dropout, batch norm, Linear, and dropout on the output if asked for."""

    def __init__(self, config: RegressorConfig) -> None:
        """Build the layers; `build_regressor` also fills them."""
        super().__init__()
        self.config = config
        self.hidden = nn.Linear(config.n_in, config.hidden)
        self.dropout = Dropout(config.dropout)
        self.norm = nn.BatchNorm1d(config.hidden)
        self.out = nn.Linear(config.hidden, config.n_out)
        self.output_dropout = Dropout(config.output_dropout)

    def forward(self, x: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """Map rows of shape (B, V) to targets of shape (B, o)."""
        hidden = self.norm(self.dropout(functional.gelu(self.hidden(x)), generator))
        return cast(Tensor, self.output_dropout(self.out(hidden), generator))


class SwiGLURegressor(nn.Module):
    """Gated hidden layer SiLU(W_g x + b_g) * (W_x x + b_x), dropout, batch norm, Linear.

    Gate weights start at N(0, 1e-6^2) and its bias at 1, so that the gate starts at SiLU(1) = 0.73106 for any input.
    """

    def __init__(self, config: RegressorConfig) -> None:
        """Build the layers; `build_regressor` also fills them."""
        super().__init__()
        self.config = config
        self.gate = nn.Linear(config.n_in, config.hidden)
        self.value = nn.Linear(config.n_in, config.hidden)
        self.dropout = Dropout(config.dropout)
        self.norm = nn.BatchNorm1d(config.hidden)
        self.out = nn.Linear(config.hidden, config.n_out)
        self.output_dropout = Dropout(config.output_dropout)

    def gated(self, x: Tensor) -> Tensor:
        """Return the gate's value, of shape (B, h)."""
        return functional.silu(self.gate(x))

    def forward(self, x: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """Map rows of shape (B, V) to targets of shape (B, o)."""
        hidden = self.norm(self.dropout(self.gated(x) * self.value(x), generator))
        return cast(Tensor, self.output_dropout(self.out(hidden), generator))

    @torch.no_grad()
    def init_own(self, generator: torch.Generator) -> None:
        """Open the gate evenly."""
        nn.init.normal_(self.gate.weight, std=1e-6, generator=generator)
        nn.init.ones_(self.gate.bias)


Regressor = MLPRegressor | SwiGLURegressor


def build_regressor(config: RegressorConfig, generator: torch.Generator) -> Regressor:
    """Make a freshly initialised regressor on the CPU without touching torch's global random state.

    Linear layers start as torch's own do, uniform within 1 / sqrt(fan in).
    """
    with torch.device("meta"):
        model: Regressor = MLPRegressor(config) if config.kind == "mlp" else SwiGLURegressor(config)
    model.to_empty(device="cpu")
    with torch.no_grad():
        for module in model.modules():
            if isinstance(module, nn.Linear):
                bound = 1 / math.sqrt(module.in_features)
                module.weight.uniform_(-bound, bound, generator=generator)
                module.bias.uniform_(-bound, bound, generator=generator)
            elif isinstance(module, nn.BatchNorm1d):
                module.reset_parameters()
    if isinstance(model, SwiGLURegressor):
        model.init_own(generator)
    return model
