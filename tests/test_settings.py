"""Where settings come from, and which source wins."""

import os

import pytest

from brainflix.errors import UsageError
from brainflix.settings import load_settings, tell_hub


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


def test_a_key_that_is_no_setting_is_refused_in_the_file_alone(clean, monkeypatch):
    monkeypatch.setenv("BRAINFLIX_CRASH_COUNT", "200")
    (clean / ".env").write_text("BRAINFLIX_CRASH_COUNT=200\n")
    assert load_settings().workers == 0
    (clean / "brainflix.toml").write_text("wokers = 2\n")
    with pytest.raises(UsageError, match=r"brainflix\.toml has no setting 'wokers' \(did you mean 'workers'\?\)"):
        load_settings()


@pytest.mark.parametrize("broken", [b"device = cpu\n", b"device = '\xff'\n"])
def test_a_file_that_is_not_toml_is_named_with_the_place(clean, broken):
    (clean / "brainflix.toml").write_bytes(b"workers = 2\n" + broken)
    with pytest.raises(UsageError, match=r"brainflix\.toml cannot be read .*(line 2|position)"):
        load_settings()


def test_the_hub_is_told_through_the_environment(monkeypatch):
    for name in ("HF_HUB_OFFLINE", "HF_TOKEN"):
        monkeypatch.setenv(name, "as it was")
    tell_hub(load_settings())
    assert (os.environ["HF_HUB_OFFLINE"], os.environ["HF_TOKEN"]) == ("as it was", "as it was")
    tell_hub(load_settings(offline=True, token="hf_secret"))
    assert (os.environ["HF_HUB_OFFLINE"], os.environ["HF_TOKEN"]) == ("1", "hf_secret")


def test_the_cache_lies_where_the_system_keeps_caches(clean, monkeypatch):
    monkeypatch.delenv("BRAINFLIX_CACHE", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(clean / "xdg"))
    assert load_settings().cache == clean / "xdg" / "brainflix"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(clean))
    assert load_settings().cache == clean / ".cache" / "brainflix"
    monkeypatch.setenv("BRAINFLIX_CACHE", str(clean / "mine"))
    assert load_settings().cache == clean / "mine"
    assert load_settings(cache=clean / "flag").cache == clean / "flag"
