"""The protocols of scores: the classes of their parameters, and the table."""

from __future__ import annotations

from typing import ClassVar, Literal, Self

from pydantic import Field, PositiveInt, model_validator

from brainflix.errors import UsageError
from brainflix.evaluate.networks.checkpoints import CHECKPOINTS
from brainflix.evaluate.protocols import Protocol, find_protocol
from brainflix.parts.params import Params
from brainflix.parts.part import Part, Table
from brainflix.parts.weight_params import WeightParams
from brainflix.wording import did_you_mean


class StrictParams(WeightParams):
    """The default protocol: one ground-truth class, exact N-way, chance by permutation, cluster intervals, baselines.

    `weights` are the video classifier's.
    """

    ways: tuple[int, ...] = Field((2, 50), description="choices of the N-way accuracies")
    true_classes: tuple[PositiveInt, ...] = Field(
        (1, 3), min_length=1, description="best classes of the truth that count as right; the first gives the headline"
    )
    retrieval_k: tuple[PositiveInt, ...] = Field(
        (1, 5), description="top-k retrievals of each regressed target among all clips under evaluation"
    )
    block_s: float = Field(20.0, gt=0, description="stimulus blocks of the cluster bootstrap, in seconds")
    min_shift_s: float = Field(20.0, gt=0, description="smallest circular shift of the permutation test, in seconds")
    n_draws: int = Field(10_000, ge=999, description="permutations at most; all of them where there are fewer")
    n_boot: int = Field(10_000, ge=999, description="bootstrap replicates")
    interval: Literal["percentile", "bca"] = Field(
        "percentile", description="bootstrap interval; with fewer than 30 blocks it is Student's t whatever this says"
    )


class PaperParams(Params):
    """A published procedure, as `score` runs it under the same name.

    Raises:
        UsageError: a metric or a checkpoint has no such name, or `bug_compat` would change nothing.
    """

    #: Name of the protocol.
    PROTOCOL: ClassVar[str]

    bug_compat: bool = Field(False, description="reproduce what the released scripts got wrong")
    metrics: tuple[str, ...] | None = Field(None, description="names as of score --metrics; null for all")
    checkpoints: dict[str, WeightParams] = Field(
        {}, description="other weights for a network than the pinned ones, as {vit: {weights: FOLDER}}"
    )
    repairings: int = Field(10_000, ge=0, description="permutations of the test at most; 0 for none")
    block_s: float = Field(20.0, gt=0, description="stimulus blocks of intervals and permutations, in seconds")

    @model_validator(mode="after")
    def _check_and_pin(self) -> Self:
        protocol = find_protocol(self.PROTOCOL)
        if self.bug_compat and not (protocol.flow_grey_bug or protocol.bug_extra):
            why = "what its released scripts got wrong, if anything, is in grids of clips side by side"
            raise UsageError(f"bug_compat changes nothing under protocol {protocol.name}", why=why)
        for key in self.checkpoints:
            if key not in CHECKPOINTS:
                raise UsageError(f"unknown checkpoint {key!r}", next=did_you_mean(key, CHECKPOINTS))
        # In the parameters, and so in the key, stand all weights that the metrics may use. The model is frozen for its
        # users; which these are is not known before its other fields are.
        object.__setattr__(self, "checkpoints", {**self._defaults(protocol), **self.checkpoints})
        return self

    def _defaults(self, protocol: Protocol) -> dict[str, WeightParams]:
        """Return the pinned weights that the metrics take where the recipe gives no others."""
        # Imported here: numpy and OpenCV come with it, which most plans need not wait for.
        from brainflix.evaluate.folders.catalogue import model_metrics

        names = set(self._names(protocol))
        needs = {key for name, metric in model_metrics(protocol).items() if name in names for key in metric.needs}
        return {
            key: WeightParams(weights=each.name, revision=each.revision)
            for key, each in CHECKPOINTS.items()
            if key in needs and key not in self.checkpoints and each.name
        }

    def _names(self, protocol: Protocol) -> tuple[str, ...]:
        """Return the metrics of networks, among them all that are asked for."""
        from brainflix.evaluate.folders.catalogue import model_metrics
        from brainflix.evaluate.choosing import choose_metrics

        if self.metrics is None:
            return tuple(model_metrics(protocol))
        return choose_metrics(self.metrics, protocol, bug_compat=self.bug_compat)


class MindVideoParams(PaperParams):
    """Mind-Video's protocol."""

    PROTOCOL = "mindvideo"


class GlfaParams(PaperParams):
    """GLFA's protocol."""

    PROTOCOL = "glfa"


class MindAnimatorParams(PaperParams):
    """Mind-Animator's protocol."""

    PROTOCOL = "mindanimator"


class NeuronsParams(PaperParams):
    """NEURONS' protocol."""

    PROTOCOL = "neurons"


class BrainNetflixParams(PaperParams):
    """Brain Netflix's protocol."""

    PROTOCOL = "brainnetflix"


PARTS: Table = {
    "evaluate": {
        "strict": Part(
            "brainflix.evaluate.strict:score",
            StrictParams,
            "every number with chance, interval, p, baselines and ceiling",
            needs=("videos", "truth"),
            takes=("oracle", "baselines", "predictions", "targets", "transfer", "samples", "halves"),
        ),
        "mindvideo": Part(
            "brainflix.evaluate.papers:score",
            MindVideoParams,
            "Mind-Video's published procedure, as `score` runs it on folders",
            needs=("videos", "truth"),
        ),
        "glfa": Part(
            "brainflix.evaluate.papers:score",
            GlfaParams,
            "GLFA's published procedure, as `score` runs it on folders",
            needs=("videos", "truth"),
        ),
        "mindanimator": Part(
            "brainflix.evaluate.papers:score",
            MindAnimatorParams,
            "Mind-Animator's published procedure, as `score` runs it on folders",
            needs=("videos", "truth"),
        ),
        "neurons": Part(
            "brainflix.evaluate.papers:score",
            NeuronsParams,
            "NEURONS' published procedure, as `score` runs it on folders",
            needs=("videos", "truth"),
        ),
        "brainnetflix": Part(
            "brainflix.evaluate.papers:score",
            BrainNetflixParams,
            "Brain Netflix's published procedure, as `score` runs it on folders",
            needs=("videos", "truth"),
        ),
    },
}
