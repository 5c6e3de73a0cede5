"""A random walk over everything that a store can do, against a dict that remembers what it should hold."""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from store_worlds import publish_text, staged

from brainflix.errors import IntegrityError, MissingError
from brainflix.store.gc import plan_gc, run_gc
from brainflix.store.publish import STAGING
from brainflix.store.refs import Ref
from brainflix.store.store import Store
from brainflix.store.verify import verify
from tests.processes import fork, wait

REFS = st.builds(Ref, st.sampled_from(["raw", "bold"]), st.sampled_from("ab"), st.sampled_from(["0" * 12, "1" * 12]))
TEXTS = st.text("xyz", max_size=3)


class StoreMachine(RuleBasedStateMachine):
    """The model: what each artifact holds, which one was damaged, and the order of publication, oldest first."""

    def __init__(self) -> None:
        """Start with an empty store."""
        super().__init__()
        self.folder = tempfile.mkdtemp()
        self.store = Store(self.folder)
        self.held: dict[Ref, str] = {}
        self.inputs: dict[Ref, tuple[Ref, ...]] = {}
        self.damaged: set[Ref] = set()

    def teardown(self) -> None:
        """Delete the folder."""
        shutil.rmtree(self.folder)

    @rule(ref=REFS, text=TEXTS, use=st.booleans())
    def publish(self, ref: Ref, text: str, use: bool) -> None:
        """Publish; an artifact that exists stays as it is."""
        inputs = tuple(self.held)[:1] if use else ()
        staging = publish_text(self.store, ref, text, inputs={"in": inputs})
        assert staging.published == (ref not in self.held)
        if staging.published:
            self.held[ref], self.inputs[ref] = text, inputs

    @rule(ref=REFS, text=TEXTS)
    def publish_inside_a_publish(self, ref: Ref, text: str) -> None:
        """Let another publisher be first."""
        with self.store.publish(ref, stage="s", stage_version=1, parameters={}, inputs={}, fsync=False) as slow:
            (slow.path / "text.txt").write_text("slow")
            self.publish(ref, text, False)
        assert not slow.published

    @rule(ref=REFS, error=st.sampled_from([ValueError, KeyboardInterrupt, OSError]))
    def fail_in_the_body(self, ref: Ref, error: type[BaseException]) -> None:
        """Raise in the body."""
        with (
            pytest.raises(error),
            self.store.publish(ref, stage="s", stage_version=1, parameters={}, inputs={}, fsync=False) as staging,
        ):
            (staging.path / "text.txt").write_text("half")
            raise error

    @rule(ref=REFS)
    def die_in_the_body(self, ref: Ref) -> None:
        """Let a child be killed in the body."""

        def work() -> None:
            with self.store.publish(ref, stage="s", stage_version=1, parameters={}, inputs={}, fsync=False) as staging:
                (staging.path / "text.txt").write_text("half")
                os.kill(os.getpid(), signal.SIGKILL)

        assert wait(fork(work)) == -signal.SIGKILL
        assert len(staged(self.store)) >= 2

    @rule()
    def gc(self) -> None:
        """Without further request only dead staging goes."""
        run_gc(plan_gc(self.store, now=True))
        assert staged(self.store) == []

    @rule(keep=st.booleans())
    def gc_unneeded(self, keep: bool) -> None:
        """What is neither kept, nor newest, nor needed by those goes."""
        wanted = [next(iter(self.held))] if keep and self.held else []
        newest = {(ref.kind, ref.name): ref for ref in self.held}
        needed, waiting = set(), [*wanted, *newest.values()]
        while waiting:
            ref = waiting.pop()
            if ref in self.held and ref not in needed:
                needed.add(ref)
                waiting += self.inputs[ref]
        run_gc(plan_gc(self.store, keep=wanted))
        self.held = {ref: text for ref, text in self.held.items() if ref in needed}
        self.damaged &= needed

    @rule(ref=REFS)
    def remove(self, ref: Ref) -> None:
        """Delete one by name."""
        if ref not in self.held:
            with pytest.raises(MissingError):
                plan_gc(self.store, remove=[ref])
            return
        run_gc(plan_gc(self.store, remove=[ref]))
        del self.held[ref]
        self.damaged.discard(ref)

    @precondition(lambda self: self.held)
    @rule(data=st.data())
    def damage(self, data: st.DataObject) -> None:
        """Make a file longer."""
        ref = data.draw(st.sampled_from(list(self.held)))
        with (self.store.path(ref) / "text.txt").open("a") as file:
            file.write("!")
        self.damaged.add(ref)

    @rule()
    def reopen(self) -> None:
        """Forget everything that is in memory, also through another spelling of the folder."""
        self.store = Store(str(Path(self.folder) / ".." / Path(self.folder).name))

    @rule(ref=REFS)
    def read(self, ref: Ref) -> None:
        """Open, read and verify one."""
        if ref not in self.held:
            with pytest.raises(MissingError):
                self.store.open(ref)
        elif ref in self.damaged:
            with pytest.raises(IntegrityError):
                self.store.open(ref)
            assert [problem.path for problem in verify(self.store, ref)] == ["text.txt"]
        else:
            assert self.store.open(ref).file("text.txt").read_text() == self.held[ref]
            assert verify(self.store, ref) == []

    @invariant()
    def it_lists_what_it_holds(self) -> None:
        """The list, newest first, and `has` agree with the model."""
        assert self.store.refs() == list(reversed(self.held))
        assert all(self.store.has(ref) for ref in self.held)

    @invariant()
    def the_newest_is_found(self) -> None:
        """A name without a key means the one published last."""
        for (kind, name), ref in {(ref.kind, ref.name): ref for ref in self.held}.items():
            assert self.store.resolve(f"{kind}/{name}") == ref

    @invariant()
    def nothing_else_lies_around(self) -> None:
        """The root holds kinds and the staging only."""
        assert set(os.listdir(self.folder)) <= {"raw", "bold", STAGING}


TestStore = StoreMachine.TestCase
TestStore.settings = settings(
    max_examples=25, stateful_step_count=20, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
