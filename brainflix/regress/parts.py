"""The regressors: the classes of their parameters, and the table."""

from __future__ import annotations

from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator

from brainflix.parts.params import Params, Penalties, Window
from brainflix.parts.part import Fit, Part, Table
from brainflix.pretrained.params import BlipCaptionParams

TestRepeats = Literal["all", "odd", "even"]


class RegressParams(Params):
    """What every regressor shares."""

    window_tr: Window = Field((0,), min_length=1, description="rows around a clip's own that the decoder sees")
    rescale: bool = Field(False, description="give predictions the training targets' spread; ridge shrinks them")
    test_repeats: TestRepeats = Field(
        "all", description="which presentations of a test clip are averaged; odd and even ones give a target's ceiling"
    )
    repeats: Literal["average", "each"] = Field(
        "average",
        description="a row is the mean of a clip's presentations, or one of them; what each predicts is averaged",
    )
    other_datasets: Literal["train", "all"] = Field(
        "train", description="clips of data sets that are not tested on: the training ones, or all, as released"
    )
    pool: Literal["mean", "cls", "tokens"] = Field("mean", description="an encoder's features, where one is given")


class RidgeParams(RegressParams):
    """Ridge; alphas are multiples of the number of columns, so that one grid serves every size."""

    alphas: Penalties = Field((0.03, 0.1, 0.3, 1, 3, 10, 30, 100), min_length=1)
    n_folds: int = Field(5, ge=2, description="folds of whole stimulus segments")
    per_target: bool = Field(False, description="choose a penalty for each target dimension")


class LaggedRidgeParams(RidgeParams):
    """Ridge that also chooses, for each target dimension, which rows after the moment it reads."""

    alphas: Penalties = Field((1, 3, 10, 30, 100, 300), min_length=1)
    windows: tuple[Window, ...] = Field(
        ((1, 2, 3), (2, 3), (2, 3, 4)),
        min_length=1,
        description="windows of rows to choose from, 2 to 8 s after the moment where rows are 2 s apart; of equally "
        "good ones the first",
    )

    per_target: Literal[True] = Field(True, description="each target dimension has its own penalty and window")

    @model_validator(mode="after")
    def _chooses(self) -> Self:
        if self.window_tr != (0,):
            raise ValueError("ridge-lags chooses its window_tr: name what it may choose as windows")
        return self


class MlpParams(RegressParams):
    """One hidden layer on standardised targets (docs/methods/brain-netflix.md, Regressors)."""

    RELEASED: ClassVar = {"brainnetflix": {"output_dropout": 0.3}}
    kind: Literal["mlp", "swiglu"] = "mlp"
    hidden: int = Field(256, ge=1)
    epochs: int = Field(20, ge=1)
    batch_size: int = Field(128, ge=2)
    lr: float = Field(1e-3, gt=0)
    weight_decay: float = Field(1e-2, ge=0)
    dropout: float = Field(0.5, ge=0, lt=1)
    output_dropout: float = Field(0.0, ge=0, lt=1, description="0.3 in the released code, where it teaches zeros")
    compat: Literal["", "brainnetflix"] = Field(
        "", description="brainnetflix drops 0.3 of the outputs in training, where the recipe does not say"
    )
    loss: Literal["mse", "l1", "smoothl1"] = Field("mse", description="on standardised targets; l1 as released")
    patience: int = Field(4, ge=1)
    val_fraction: float = Field(
        0.1, gt=0, lt=1, description="share of the rows, whole segments, that decides when to stop"
    )


class EncoderParams(Params):
    """The tuned encoder's own embedding, averaged over a clip's repeats."""


PARTS: Table = {
    "regress": {
        "ridge": Part(
            "brainflix.regress.regressors:ridge",
            RidgeParams,
            "ridge with alpha by exact cross-validation over runs",
            needs=("rows", "test", "target"),
            takes=("encoder",),
        ),
        "ridge-lags": Part(
            "brainflix.regress.lags:ridge_lags",
            LaggedRidgeParams,
            "ridge with penalty and lags of each target dimension by cross-validation over runs",
            needs=("rows", "test", "target"),
            takes=("encoder",),
        ),
        "mlp": Part(
            "brainflix.regress.regressors:mlp",
            MlpParams,
            "one-hidden-layer network on standardised targets, early stop",
            needs=("rows", "test", "target"),
            takes=("encoder",),
            fit=Fit(
                "brainflix.regress.regressors:fit_pooled_mlp",
                reads=("rows", "target", "encoder"),
                alone=("rows",),
            ),
            cites=("fosco2024brainnetflix",),
        ),
        "encoder": Part(
            "brainflix.regress.regressors:encoder",
            EncoderParams,
            "the tuned encoder's own output as the prediction",
            needs=("encoder", "test", "target"),
        ),
        "blip-captions": Part(
            "brainflix.regress.captions:blip_captions",
            BlipCaptionParams,
            "captions of true or predicted BLIP tokens, by its text decoder",
            needs=("tokens",),
            cites=("li2022blip",),
        ),
    },
}
