"""Where settings come from, and which source wins."""

import pytest

from brainflix.errors import UsageError
from brainflix.settings import load_settings


@pytest.fixture(autouse=True)
def clean(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("BRAINFLIX_WORKERS", raising=False)
    return tmp_path


def test_each_source_beats_the_ones_below_it(clean, monkeypatch):
    assert load_settings().workers == 0
    (clean / "brainflix.toml").write_text("workers = 1\n")
    assert load_settings().workers == 1
    (clean / ".env").write_text("BRAINFLIX_WORKERS=2\n")
    assert load_settings().workers == 2
    monkeypatch.setenv("BRAINFLIX_WORKERS", "3")
    assert load_settings().workers == 3
    assert load_settings(workers=4).workers == 4
    assert load_settings(workers=None).workers == 3


def test_a_bad_value_is_named():
    with pytest.raises(UsageError, match="setting precision is not valid"):
        load_settings(precision="float31")


def test_the_token_is_not_shown():
    assert "hf_secret" not in repr(load_settings(token="hf_secret"))
