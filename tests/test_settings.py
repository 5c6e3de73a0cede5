"""Where settings come from, and which source wins."""

import os
import warnings

import pytest

from brainflix import errors
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


def test_a_name_of_the_environment_that_is_no_setting_is_said(clean, monkeypatch):
    monkeypatch.setenv("BRAINFLIX_WOKERS", "4")
    (clean / ".env").write_text("brainflix_stroe=x\nOTHER=1\n")
    with pytest.warns(errors.Ignored) as said:
        assert load_settings().workers == 0
    assert [str(each.message) for each in said] == [
        "BRAINFLIX_WOKERS in the environment is no setting (did you mean 'BRAINFLIX_WORKERS'?)",
        "brainflix_stroe in .env is no setting (did you mean 'BRAINFLIX_STORE'?)",
    ]


def test_settings_and_what_the_tests_read_are_not_said(clean, monkeypatch):
    for name in ("BRAINFLIX_CRASH_COUNT", "BRAINFLIX_FUZZ_SECONDS", "brainflix_workers", "_BRAINFLIX_COMPLETE"):
        monkeypatch.setenv(name, "3")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert load_settings().workers == 3


@pytest.mark.parametrize("value", ['["hf_planted0123"]', "{a = 'hf_planted0123'}"])
def test_a_token_that_is_not_valid_is_not_quoted(clean, value):
    (clean / "brainflix.toml").write_text(f"token = {value}\n")
    with pytest.raises(UsageError, match="setting token is not valid") as caught:
        load_settings()
    assert "planted" not in str(caught.value) + str(caught.value.__cause__)


def test_an_environment_file_that_cannot_be_read_is_named(clean):
    (clean / ".env").write_bytes(b"BRAINFLIX_WORKERS=\xff\n")
    with pytest.raises(UsageError, match=r"\.env cannot be read"):
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
