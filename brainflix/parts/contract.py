"""The contract: every part is called as `part(params, inputs, work)` and returns what is to be published.

`params` is an instance of the part's own class, validated once, by the plan. `inputs` are the artifacts by role. `work`
says whose job it is and what the part may use. What comes back writes itself, and says what people should know of it.
`brainflix.testing.parts` checks a part against all this.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

if TYPE_CHECKING:
    from pathlib import Path

    from pydantic import BaseModel

    from brainflix.parts.work import Work
    from brainflix.store.artifact import Artifact

Inputs = Mapping[str, "list[Artifact]"]
Notes = Mapping[str, object]


@runtime_checkable
class Made(Protocol):
    """What a part made: `Responses`, `Targets`, `Predictions`, `Videos`, `Captions`, or anything else that is saved."""

    def save(self, folder: Path, /) -> Notes | None:
        """Write the artifact's files below `folder`; return what the manifest should note, if anything."""
        ...


@runtime_checkable
class Waiting(Protocol):
    """What was made bit by bit, so that a stopped job goes on: the bits wait until the artifact stands."""

    def clear(self) -> None:
        """Delete what waited."""
        ...


@dataclass(frozen=True, eq=False)
class Noted:
    """What was made, with remarks for the manifest: anything that has a text form."""

    made: Made
    notes: Notes = field(default_factory=dict)

    def save(self, folder: Path) -> Notes:
        """Write the files; return all remarks."""
        return {**(self.made.save(folder) or {}), **self.notes}

    def clear(self) -> None:
        """Delete what waited, if anything did."""
        if isinstance(self.made, Waiting):
            self.made.clear()


# What a part returns: one output, or several by the names under which the part declares them, "" for the main one.
Outputs = Made | Mapping[str, Made]


class PartFunction(Protocol):
    """A part."""

    def __call__(self, params: Any, inputs: Inputs, work: Work) -> Outputs:
        """Do the job; everything random follows from `work.seed`."""
        ...


def call(part: PartFunction, params: BaseModel, inputs: Inputs, work: Work) -> Outputs:
    """Call a part: the door of a verb that adds nothing to what its parts make."""
    return part(params, inputs, work)


class Stage(Protocol):
    """The door of a verb, `brainflix.<verb>.stage`: calls the part, and adds what all of the verb's parts share."""

    VERSION: int

    def run(self, part: Any, params: BaseModel, inputs: Inputs, work: Work) -> Outputs:
        """Return what is to be published. `part` is a function, for `download` a data set, for `report` nothing."""
        ...
