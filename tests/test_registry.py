"""The table of parts: every entry leads to code, unknown names get a hint, other packages can add parts."""

from types import SimpleNamespace

import pytest

from brainflix import registry
from brainflix.contract import Params
from brainflix.errors import UsageError

ENTRIES = [(category, name) for category, parts in registry.PARTS.items() for name in parts]


@pytest.mark.parametrize(("category", "name"), ENTRIES, ids=[" ".join(entry) for entry in ENTRIES])
def test_every_entry_leads_to_code_and_has_a_summary(category, name):
    part = registry.find(category, name)
    assert part.load() is not None and part.summary
    if category != "dataset":
        assert callable(part.load()) and issubclass(part.load_params(), Params)


def test_a_misspelt_part_gets_the_nearest_name():
    with pytest.raises(UsageError, match="no regress part is called 'rigde'") as caught:
        registry.find("regress", "rigde")
    assert "did you mean 'ridge'?" in str(caught.value)
    assert registry.did_you_mean("zzzz", {"b", "a"}) == "known: a, b"


def test_another_package_adds_a_part_without_its_code_being_imported(monkeypatch):
    entry = SimpleNamespace(name="regress:oracle-of-delphi", value="not.there:yet", dist=SimpleNamespace(name="delphi"))
    monkeypatch.setattr(registry, "entry_points", lambda group: [entry] if group == registry.ENTRY_POINTS else [])
    registry._plugins.cache_clear()
    try:
        assert registry.find("regress", "oracle-of-delphi").summary == "from delphi"
        assert "ridge" in registry.parts("regress")
    finally:
        registry._plugins.cache_clear()
