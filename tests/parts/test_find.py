"""The table of parts: every entry leads to code, unknown names get a hint, other packages can add parts."""

from types import SimpleNamespace

import pytest

from brainflix.errors import UsageError
from brainflix.parts import find as registry
from brainflix.parts.params import AnyParams, Params

ENTRIES = [(category, name) for category, parts in registry.own_parts().items() for name in parts]


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


def offer(monkeypatch, *entries):
    """Install plug-ins: (entry name, entry value, package)."""
    found = [
        SimpleNamespace(name=n, value=v, dist=SimpleNamespace(name=package, version="1.2")) for n, v, package in entries
    ]
    monkeypatch.setattr(registry, "entry_points", lambda group: found if group == registry.ENTRY_POINTS else [])
    registry._plugins.cache_clear()


@pytest.fixture(autouse=True)
def no_plugins_left():
    yield
    registry._plugins.cache_clear()


def test_another_package_adds_a_part_without_its_code_being_imported(monkeypatch):
    offer(monkeypatch, ("regress:oracle-of-delphi", "not.there:yet", "delphi"))
    assert registry.find("regress", "oracle-of-delphi").summary == "from delphi"
    assert "ridge" in registry.parts("regress")
    with pytest.raises(UsageError, match=r"not\.there:yet of the package delphi cannot be loaded"):
        registry.find("regress", "oracle-of-delphi").load_params()


def test_a_plugin_cannot_silently_replace_a_part(monkeypatch):
    offer(monkeypatch, ("regress:ridge", "evil:ridge", "delphi"))
    assert registry.parts("regress")["ridge"] is registry.own_parts()["regress"]["ridge"]
    with pytest.raises(UsageError, match="'ridge' of the package delphi has the name of a part of brainflix"):
        registry.find("regress", "ridge")
    assert registry.find("regress", "mlp")


def test_two_plugins_cannot_share_a_name(monkeypatch):
    offer(monkeypatch, ("regress:twin", "a:b", "delphi"), ("regress:twin", "c:d", "dodona"))
    with pytest.raises(UsageError, match="package dodona has the name of a part of delphi"):
        registry.find("regress", "twin")


class Declared(Params):
    """Parameters of a plug-in."""

    dial: int = 1


def with_params():
    """Stand for a plug-in that declares its parameters."""


def without_params():
    """Stand for a plug-in that declares none."""


def with_nonsense():
    """Stand for a plug-in that does not know what a model is."""


with_params.Params = Declared
with_nonsense.Params = {"dial": 1}


def test_a_plugin_carries_its_parameters(monkeypatch):
    names = ("with_params", "without_params", "with_nonsense")
    offer(monkeypatch, *((f"regress:{name}", f"{__name__}:{name}", "delphi") for name in names))
    assert registry.find("regress", "with_params").load_params() is Declared
    assert registry.find("regress", "without_params").load_params() is AnyParams
    with pytest.raises(UsageError, match="Params is not a pydantic model"):
        registry.find("regress", "with_nonsense").load_params()
