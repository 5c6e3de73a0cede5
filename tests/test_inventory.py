"""No test goes without a word: it stands, or the change log names it with the reason."""

from __future__ import annotations

from pathlib import Path

from tests.record.inventory import RECORD, standing

CHANGES = Path(__file__).parents[1] / "docs" / "changes.md"


def test_a_test_that_went_is_named_in_the_change_log() -> None:
    told = CHANGES.read_text(encoding="utf-8")
    gone = set(RECORD.read_text().split()) - standing()
    assert not [name for name in sorted(gone) if f"`{name}`" not in told]


def test_the_inventory_is_complete() -> None:
    assert not standing() - set(RECORD.read_text().split()), "python -m tests.record.inventory"
