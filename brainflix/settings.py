"""Where and how fast, never what: settings do not enter any artifact's key.

Precedence: command-line flag > environment BRAINFLIX_* > .env > brainflix.toml > default.
"""

from __future__ import annotations

import os
import tomllib
import warnings
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, TomlConfigSettingsSource

from brainflix.errors import Ignored, UsageError
from brainflix.wording import did_you_mean

TOML_FILE, ENV_FILE, PREFIX = "brainflix.toml", ".env", "BRAINFLIX_"
# What the tests and `make` read under the same prefix.
_NOT_SETTINGS = ("CRASH_COUNT", "FUZZ_SECONDS")


def default_cache() -> Path:
    """Return the folder for what can be computed again, as the XDG base directories say."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "brainflix"


class Settings(BaseSettings):
    """Settings of this machine and this person."""

    model_config = SettingsConfigDict(
        frozen=True,
        extra="ignore",
        env_prefix=PREFIX,
        env_file=ENV_FILE,
        toml_file=TOML_FILE,
        case_sensitive=False,
        # A token must not stand in the message of an error about it.
        hide_input_in_errors=True,
    )

    store: Path = Field(Path("store"), description="folder of the artifact store")
    cache: Path = Field(default_factory=default_cache, description="folder of what can be computed again")
    device: str = Field("auto", description="auto, cpu, cuda, cuda:1, mps")
    precision: Literal["auto", "float32", "bfloat16", "float16"] = Field(
        "auto", description="compute dtype of networks"
    )
    attention: Literal["auto", "sdpa", "xformers"] = Field("auto", description="attention kernel")
    clips_per_batch: int = Field(20, ge=1, description="clips that go through a network at once")
    checkpoint_epochs: int = Field(5, ge=1, description="epochs between training checkpoints")
    recompute: bool = Field(False, description="training computes activations twice, to need less memory")
    vae_slicing: bool = Field(False, description="autoencoders take one clip or frame at a time, to need less memory")
    vae_tiling: bool = Field(
        False, description="autoencoders take large frames in tiles, to need less memory; seams differ a little"
    )
    offload: Literal["none", "model", "sequential"] = Field(
        "none", description="generators' networks wait in main memory: one at a time or one layer at a time on the card"
    )
    workers: int = Field(0, ge=0, description="CPU threads; 0 takes what the machine has")
    unpack_ratio: int = Field(
        100,
        ge=1,
        description="more than 256 MB must not be so many times the file that it is unpacked from",
    )
    offline: bool = Field(False, description="never open a network connection")
    fetch_retries: int = Field(
        5, ge=0, description="how often a download may break off without progress, or start anew, before it is given up"
    )
    fetch_silence_s: float = Field(30.0, gt=0, description="seconds that a server may be silent")
    fetch_patience_s: float = Field(
        300.0, gt=0, description="seconds that a download may come slower than 1 KiB a second before it is given up"
    )
    token: SecretStr | None = Field(None, description="Hugging Face token")
    bmd_password: SecretStr | None = Field(None, description="password of the films of BOLD Moments, from their terms")
    algonauts2021_link: SecretStr | None = Field(
        None, description="link to the archive that the form of Algonauts 2021 sends"
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Put brainflix.toml below the environment and .env."""
        return init_settings, env_settings, dotenv_settings, TomlConfigSettingsSource(settings_cls)


def load_settings(**flags: Any) -> Settings:
    """Read the settings; flags that are None were not given.

    Raises:
        UsageError: a value is not valid, or brainflix.toml cannot be read or has an unknown key; names it.
    """
    _check_toml(Path(TOML_FILE))
    _check_environment(os.environ, "the environment")
    _check_environment(_names_in(Path(ENV_FILE)), ENV_FILE)
    try:
        return Settings(**{name: value for name, value in flags.items() if value is not None})
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        advice = f"look at its flag, {PREFIX}{where.upper()}, {ENV_FILE} and {TOML_FILE}"
        raise UsageError(f"setting {where} is not valid", why=first["msg"], next=advice) from error


def tell_hub(settings: Settings) -> None:
    """Tell the Hugging Face libraries, and processes started from here, through the environment that they read.

    The token goes no other way, so it cannot get into a manifest or a log.
    """
    if settings.offline:
        os.environ["HF_HUB_OFFLINE"] = "1"
    if settings.token is not None:
        os.environ["HF_TOKEN"] = settings.token.get_secret_value()


def _check_environment(names: Iterable[str], place: str) -> None:
    """Warn of names that look like settings and are none: they have no effect, and somebody meant something by them.

    No error, as it is in the file: an environment is shared, and another version's or tool's names may stand there.
    """
    known = [f"{PREFIX}{name.upper()}" for name in Settings.model_fields]
    for name in names:
        if name.upper().startswith(PREFIX) and name.upper() not in (*known, *(f"{PREFIX}{e}" for e in _NOT_SETTINGS)):
            near = did_you_mean(name.upper(), known)
            warnings.warn(f"{name} in {place} is no setting ({near})", Ignored, stacklevel=3)


def _names_in(path: Path) -> list[str]:
    """Return the names that a file of the environment sets; none if there is no such file.

    Raises:
        UsageError: it cannot be read.
    """
    from dotenv import dotenv_values

    try:
        return list(dotenv_values(path)) if path.is_file() else []
    except (UnicodeDecodeError, OSError) as error:
        raise UsageError(f"{path} cannot be read", why=str(error), next=f"mend {path}") from error


def _check_toml(path: Path) -> None:
    """Refuse a file that would be ignored in part; it is brainflix's own.

    Raises:
        UsageError: it is not TOML, or has a key that is no setting.
    """
    try:
        keys = tomllib.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as error:
        raise UsageError(f"{path} cannot be read", why=str(error), next=f"mend {path}") from error
    for key in keys:
        if key not in Settings.model_fields:
            raise UsageError(f"{path} has no setting {key!r}", why=did_you_mean(key, Settings.model_fields))
