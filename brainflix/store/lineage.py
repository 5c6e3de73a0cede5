"""What was made from what, as the manifests say: what an artifact needs, what depends on it, and whose word is lost."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from brainflix.errors import BrainflixError
from brainflix.store.refs import Ref, whole_ref
from brainflix.store.store import Store


@dataclass(frozen=True)
class Lineage:
    """All artifacts of a store.

    Attributes:
        refs: every artifact, newest first.
        inputs: what each was made from, of those whose manifest can be read.
        damaged: why the manifest of each other one cannot be read.
    """

    refs: Sequence[Ref]
    inputs: Mapping[Ref, tuple[Ref, ...]]
    damaged: Mapping[Ref, str]

    def needed(self, keep: Iterable[Ref]) -> set[Ref]:
        """Return some artifacts, and all that they were made from.

        What an artifact with an unreadable manifest needs is not known, so that everything older counts as needed.
        """
        known, needed, waiting = set(self.refs), set[Ref](), list(keep)
        while waiting:
            ref = waiting.pop()
            if ref in needed or ref not in known:
                continue
            needed.add(ref)
            waiting += self.inputs.get(ref, ())
            if ref in self.damaged:
                waiting += self.refs[self.refs.index(ref) + 1 :]
        return needed

    def dependents(self, refs: Iterable[Ref]) -> list[Ref]:
        """Return what was made from these, directly or not, sorted."""
        gone = set(refs)
        size = -1
        while len(gone) > size:
            size = len(gone)
            gone |= {ref for ref, inputs in self.inputs.items() if gone & set(inputs)}
        return sorted(gone - set(refs))


def read_lineage(store: Store) -> Lineage:
    """Read every manifest; one that cannot be read is named and does not keep the others away."""
    refs = store.refs()
    inputs: dict[Ref, tuple[Ref, ...]] = {}
    damaged: dict[Ref, str] = {}
    for ref in refs:
        try:
            roles = store.manifest(ref).inputs.values()
            inputs[ref] = tuple(whole_ref(text) for texts in roles for text in texts)
        except BrainflixError as error:
            damaged[ref] = error.clause
    return Lineage(refs, inputs, damaged)
