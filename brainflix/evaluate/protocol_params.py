"""Parameters of the protocols as parts of `evaluate`."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar, Self

from pydantic import Field, PositiveInt, model_validator

from brainflix.errors import Renamed, UsageError
from brainflix.evaluate.design_params import DesignParams
from brainflix.evaluate.networks.checkpoints import CHECKPOINTS
from brainflix.evaluate.protocols import Protocol, find_protocol
from brainflix.parts.params import Ways
from brainflix.parts.weight_params import WeightParams
from brainflix.wording import did_you_mean

if TYPE_CHECKING:
    from brainflix.evaluate.choosing import Choice
    from brainflix.evaluate.design import Settings

# What parameters were called, and are called now.
FORMER = {"repairings": "permutations", "n_draws": "permutations"}


class ProtocolParams(DesignParams):
    """What every protocol lets a step choose.

    Raises:
        UsageError: a metric or a checkpoint has no such name, or `bug_compat` would change nothing.
    """

    #: Name of the protocol.
    PROTOCOL: ClassVar[str]

    bug_compat: bool = Field(False, description="reproduce what the released scripts got wrong")
    metrics: tuple[str, ...] | None = Field(None, description="names as of score --metrics; null for the protocol's")
    checkpoints: dict[str, WeightParams] = Field(
        {}, description="other weights for a network than the pinned ones, as {vit: {weights: FOLDER}}"
    )
    n_boot: int = Field(10_000, ge=999, description="replicates, where a bootstrap is asked for")

    packages: dict[str, str] = Field(
        {}, description="metrics of other packages with their versions, found by itself: another version is another key"
    )

    @model_validator(mode="before")
    @classmethod
    def _by_new_names(cls, given: Any) -> Any:
        if not isinstance(given, Mapping):
            return given
        found = dict(given)
        for old in FORMER.keys() & found.keys():
            new = FORMER[old]
            if new in found:
                raise UsageError(f"evaluate: {old} and {new} are one parameter", next=f"give {new} alone")
            warnings.warn(f"evaluate.{old} is now evaluate.{new}", Renamed, stacklevel=2)
            found[new] = found.pop(old)
        return found

    def settings(self, seed: int) -> Settings:
        """Return what a design is made from."""
        return replace(super().settings(seed), n_boot=self.n_boot)

    @property
    def protocol(self) -> Protocol:
        """The protocol that these parameters mean."""
        return find_protocol(self.PROTOCOL)

    def chosen(self) -> dict[str, Choice]:
        """Return the lines that are scored, by name, in the order of the table.

        Raises:
            UsageError: a metric has no such name.
        """
        from brainflix.evaluate.choosing import choose_metrics

        return choose_metrics(self.metrics, self.protocol, bug_compat=self.bug_compat)

    @model_validator(mode="after")
    def _check_and_pin(self) -> Self:
        protocol = self.protocol
        if self.bug_compat and not (protocol.flow_grey_bug or protocol.bug_extra):
            why = "what its released scripts got wrong, if anything, is in grids of clips side by side"
            raise UsageError(f"bug_compat changes nothing under protocol {protocol.name}", why=why)
        for key in self.checkpoints:
            if key not in CHECKPOINTS:
                raise UsageError(f"unknown checkpoint {key!r}", next=did_you_mean(key, CHECKPOINTS))
        # In the parameters, and so in the key, stand all weights that the metrics may use. The model is frozen for its
        # users; which these are is not known before its other fields are.
        object.__setattr__(self, "checkpoints", {**self._defaults(), **self.checkpoints})
        object.__setattr__(self, "packages", self._foreign())
        return self

    def _foreign(self) -> dict[str, str]:
        """Return the origin of every metric of another package that is scored, by the part's name."""
        from brainflix.evaluate.choosing import CATEGORY
        from brainflix.parts.find import find

        origins = {each.part: find(CATEGORY, each.part).origin for each in self.chosen().values()}
        return {name: origin for name, origin in sorted(origins.items()) if origin}

    def _defaults(self) -> dict[str, WeightParams]:
        """Return the pinned weights that the metrics take where the recipe gives no others."""
        needs = {key for each in self.chosen().values() for key in each.about.weights} - self._own_weights()
        return {
            key: WeightParams(weights=each.name, revision=each.revision)
            for key, each in CHECKPOINTS.items()
            if key in needs and key not in self.checkpoints and each.name
        }

    def _own_weights(self) -> set[str]:
        """Return the keys of weights that other parameters name."""
        return set()


class StrictParams(ProtocolParams, WeightParams):
    """The default protocol: one ground-truth class, exact N-way, chance by permutations, cluster intervals, baselines.

    `weights` are the video classifier's.
    """

    PROTOCOL = "strict"

    ways: Ways = Field((2, 50), description="choices of the N-way accuracies")
    true_classes: tuple[PositiveInt, ...] = Field(
        (1, 3), min_length=1, description="best classes of the truth that count as right; the first gives the headline"
    )
    retrieval_k: tuple[PositiveInt, ...] = Field(
        (1, 5), description="top-k retrievals of each regressed target among all clips under evaluation"
    )
    permutations: int = Field(
        10_000, ge=999, description="permutations of the test at most; all of them where there are fewer"
    )

    @property
    def protocol(self) -> Protocol:
        """The protocol with the choices of N-way accuracy that a step made."""
        return replace(
            find_protocol(self.PROTOCOL), ways=self.ways, true_classes=self.true_classes, leads=self.true_classes[0]
        )

    def chosen(self) -> dict[str, Choice]:
        """Return the lines that are scored; Holm counts all of them, so that the table does not grow unasked."""
        from brainflix.evaluate.choosing import lines_of

        if self.metrics is not None:
            return super().chosen()
        every = lines_of(self.protocol)
        return {name: every[name] for name in self.protocol.standard}

    def _own_weights(self) -> set[str]:
        if "videomae" in self.checkpoints:
            raise UsageError("evaluate.checkpoints names the video classifier", next="name it as evaluate.weights")
        return {"videomae"}


class MindVideoParams(ProtocolParams):
    """Mind-Video's protocol."""

    PROTOCOL = "mindvideo"


class GlfaParams(ProtocolParams):
    """GLFA's protocol."""

    PROTOCOL = "glfa"


class MindAnimatorParams(ProtocolParams):
    """Mind-Animator's protocol."""

    PROTOCOL = "mindanimator"


class NeuronsParams(ProtocolParams):
    """NEURONS' protocol."""

    PROTOCOL = "neurons"


class BrainNetflixParams(ProtocolParams):
    """Brain Netflix's protocol."""

    PROTOCOL = "brainnetflix"
