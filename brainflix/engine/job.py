"""One job: a stage of a recipe for one subject, and everything that decides its result."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from pydantic import BaseModel

from brainflix.errors import UsageError
from brainflix.parts.find import find, parts
from brainflix.parts.params import AnyParams
from brainflix.parts.stages import JOB_FACTS, category_of
from brainflix.parts.work import Tools, Work
from brainflix.store.refs import Ref, whole_ref

# Fields that are JSON values as they are.
_PLAIN = ("stage", "step", "part", "subject", "seed", "dataset", "recipe", "revision", "package", "is_fit")


@dataclass(frozen=True)
class Job:
    """One stage of a recipe for one subject.

    Attributes:
        stage, step, part: the verb, the recipe's name of the step (empty if it has only one) and the part that does it.
        subject: subject number, or None for a step of all subjects or of none.
        params: validated parameters of the part.
        ref: where the main output goes.
        inputs: refs by role.
        seed: seed of everything random in the job.
        dataset, recipe, revision: names for provenance.
        package: name and version of the package that the part comes from; empty for brainflix itself.
        others: where further outputs go, by their names.
        is_fit: whether it is what the part fits for several subjects at once.
    """

    stage: str
    step: str
    part: str
    subject: int | None
    params: BaseModel
    ref: Ref
    inputs: Mapping[str, tuple[Ref, ...]]
    seed: int
    dataset: str
    recipe: str
    revision: str
    package: str = ""
    others: Mapping[str, Ref] = field(default_factory=dict)
    is_fit: bool = False

    @property
    def plain(self) -> dict[str, Any]:
        """The parameters as plain JSON values."""
        return self.params.model_dump(mode="json")

    @property
    def outputs(self) -> dict[str, Ref]:
        """Where every output goes, by name; the main one's is empty."""
        return {"": self.ref, **self.others}

    def recorded(self) -> dict[str, Any]:
        """Return what a manifest records of the job's parameters."""
        facts = {name: getattr(self, name) for name in JOB_FACTS if name != "package" or self.package}
        return self.plain | facts

    def described(self) -> dict[str, Any]:
        """Return everything of the job as plain JSON values; `job_of` reads it back in any process."""
        return {
            **{name: getattr(self, name) for name in _PLAIN},
            "params": self.plain,
            "ref": str(self.ref),
            "inputs": {role: [str(ref) for ref in refs] for role, refs in self.inputs.items()},
            "others": {name: str(ref) for name, ref in self.others.items()},
        }

    def work(self, tools: Tools) -> Work:
        """Return what the part is given."""
        shared = {each.name: getattr(tools, each.name) for each in fields(Tools)}
        return Work(
            **shared,
            ref=self.ref,
            stage=self.stage,
            step=self.step,
            part=self.part,
            subject=self.subject,
            seed=self.seed,
            dataset_name=self.dataset,
            recipe=self.recipe,
        )


def job_of(described: Mapping[str, Any]) -> Job:
    """Return the job of a description.

    Raises:
        UsageError: there is no such part, or it is another package's or version than the one that was planned with.
    """
    part = parts(category_of(described["stage"])).get(described["part"])
    if described["stage"] != "report" and part is None:
        part = find(category_of(described["stage"]), described["part"])
    if part is not None and part.origin != described["package"]:
        raise UsageError(
            f"{described['stage']} part {described['part']!r} is of {part.origin or 'brainflix'} here",
            why=f"the job was planned with {described['package'] or 'brainflix'}",
            next="install the same version",
        )
    # Stimuli have some of the parameters of their data set alone, and a report has a recipe.
    loose = described["stage"] == "download"
    model = AnyParams if part is None or loose else part.load_params()
    return Job(
        **{name: described[name] for name in _PLAIN},
        params=model.model_validate(described["params"]),
        ref=whole_ref(described["ref"]),
        inputs={role: tuple(map(whole_ref, refs)) for role, refs in described["inputs"].items()},
        others={name: whole_ref(ref) for name, ref in described["others"].items()},
    )
