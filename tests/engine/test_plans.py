"""No recipe's plan changes unasked: jobs, names and keys are those of the record."""

from __future__ import annotations

import json

import pytest

from tests.record.plans import RECORD, cases, plan_of

KNOWN = json.loads(RECORD.read_text())


def test_the_record_holds_every_recipe() -> None:
    assert set(KNOWN) == set(cases())


@pytest.mark.parametrize("name", KNOWN)
def test_a_recipe_plans_what_it_planned(name: str) -> None:
    plan = plan_of(*cases()[name])
    assert plan == KNOWN[name]
    assert list(plan) == list(KNOWN[name])
