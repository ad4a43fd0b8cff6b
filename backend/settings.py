"""One frozen Settings, read from the environment once."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TypeVar

import platformdirs

from backend.errors import BadSetting, UnknownField

EVERY_ADDRESS = ("", "0.0.0.0", "::")  # noqa: S104 - compared with, not listened on
"""What BRUSHMARK_HOST says of a server that listens on all that the machine has."""
PREFIX = "BRUSHMARK_"
_E = TypeVar("_E", bound=StrEnum)


class KeepImages(StrEnum):
    """Which checked pictures are kept on disk."""

    ALL = "all"
    REVIEWABLE = "reviewable"
    NONE = "none"


class RuntimeName(StrEnum):
    """What runs the network."""

    AUTO = "auto"
    OPENVINO = "openvino"
    TORCH = "torch"


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything a running Brushmark can be told from outside. See docs/settings.md."""

    home: Path
    host: str = "127.0.0.1"
    port: int = 8765
    dashboard_port: int = 8501
    trusted_hosts: tuple[str, ...] = ()
    public: bool = False
    store: str = "tinydb"
    images: Path | None = None
    runtime: RuntimeName = RuntimeName.AUTO
    weights: str | None = None
    url_fetch: bool = True
    keep_images: KeepImages = KeepImages.REVIEWABLE
    retention_days: int = 90
    keep_addresses: bool = False
    login: Path | None = None
    keep_prompts: bool = False
    trust_list: Path | None = None
    watermark: bool = False

    @property
    def backend_lock_path(self) -> Path:
        """What the one backend of the home holds."""
        return self.home / "backend.lock"

    @property
    def store_path(self) -> Path:
        """The SQLite file that holds the log."""
        return self.home / "store.sqlite3"

    @property
    def images_path(self) -> Path:
        """The folder of kept pictures."""
        return self.images or self.home / "images"

    @property
    def dashboard_token_path(self) -> Path:
        """The 0600 file with the local dashboard's token."""
        return self.home / "dashboard.token"

    def prepare_home(self) -> None:
        """Create the data folder, readable by its owner alone.

        Raises:
            BadSetting: the folder cannot be made or written.
        """
        try:
            self.home.mkdir(parents=True, exist_ok=True, mode=0o700)
            if os.name == "posix":
                self.home.chmod(0o700)
        except OSError as error:
            raise BadSetting(
                f"The data folder {self.home} cannot be used ({error.strerror}). "
                "Set BRUSHMARK_HOME to a folder you own."
            ) from error

    @classmethod
    def from_env(cls, environ: Mapping[str, str] | None = None) -> Settings:
        """Read the settings from `BRUSHMARK_*` variables.

        Raises:
            BadSetting: a value that cannot be followed.
            UnknownField: a variable nobody knows, with the nearest known name.
        """
        env = os.environ if environ is None else environ
        given = {k: v.strip() for k, v in env.items() if k.startswith(PREFIX) and v.strip()}
        for name in given:
            if name not in NAMES:
                raise UnknownField(name, NAMES, what="setting")
        url_default = not _flag(given, "BRUSHMARK_PUBLIC", False)
        home = given.get("BRUSHMARK_HOME")
        images = given.get("BRUSHMARK_IMAGES")
        login = given.get("BRUSHMARK_LOGIN")
        trust_list = given.get("BRUSHMARK_TRUST_LIST")
        store = given.get("BRUSHMARK_STORE", "tinydb")
        if store != "tinydb":
            raise BadSetting(f"BRUSHMARK_STORE is “{store}”; the only store so far is “tinydb”.")
        return cls(
            home=Path(home).expanduser().resolve()
            if home
            else Path(platformdirs.user_data_dir("brushmark", appauthor=False)),
            host=given.get("BRUSHMARK_HOST", "127.0.0.1"),
            port=_integer(given, "BRUSHMARK_PORT", 8765, 0, 65535),
            dashboard_port=_integer(given, "BRUSHMARK_DASHBOARD_PORT", 8501, 0, 65535),
            trusted_hosts=tuple(
                h.strip() for h in given.get("BRUSHMARK_TRUSTED_HOSTS", "").split(",") if h.strip()
            ),
            public=_flag(given, "BRUSHMARK_PUBLIC", False),
            store=store,
            images=Path(images).expanduser().resolve() if images else None,
            runtime=_choice(given, "BRUSHMARK_RUNTIME", RuntimeName, RuntimeName.AUTO),
            weights=given.get("BRUSHMARK_WEIGHTS"),
            url_fetch=_flag(given, "BRUSHMARK_URL_FETCH", url_default),
            keep_images=_choice(given, "BRUSHMARK_KEEP_IMAGES", KeepImages, KeepImages.REVIEWABLE),
            retention_days=_integer(given, "BRUSHMARK_RETENTION_DAYS", 90, 1, 36500),
            keep_addresses=_flag(given, "BRUSHMARK_KEEP_ADDRESSES", False),
            login=Path(login).expanduser().resolve() if login else None,
            keep_prompts=_flag(given, "BRUSHMARK_KEEP_PROMPTS", False),
            watermark=_flag(given, "BRUSHMARK_WATERMARK", False),
            trust_list=Path(trust_list).expanduser().resolve() if trust_list else None,
        )


NAMES = tuple(PREFIX + name.upper() for name in Settings.__dataclass_fields__)


def _flag(given: Mapping[str, str], name: str, default: bool) -> bool:
    value = given.get(name)
    if value is None:
        return default
    if value.lower() in {"1", "on", "true", "yes"}:
        return True
    if value.lower() in {"0", "off", "false", "no"}:
        return False
    raise BadSetting(f"{name} is “{value}”; say on or off.")


def _integer(given: Mapping[str, str], name: str, default: int, least: int, most: int) -> int:
    value = given.get(name)
    if value is None:
        return default
    try:
        number = int(value)
    except ValueError:
        raise BadSetting(f"{name} is “{value}”; a whole number is wanted.") from None
    if not least <= number <= most:
        raise BadSetting(f"{name} is {number}; it must lie between {least} and {most}.")
    return number


def _choice(given: Mapping[str, str], name: str, kind: type[_E], default: _E) -> _E:
    value = given.get(name)
    if value is None:
        return default
    try:
        return kind(value.lower())
    except ValueError:
        known = ", ".join(kind)
        raise BadSetting(f"{name} is “{value}”; it takes one of: {known}.") from None


def in_address(host: str) -> str:
    """Return a host as it stands in an address: IPv6 in brackets.

    >>> in_address("::1"), in_address("example.org")
    ('[::1]', 'example.org')
    """
    return f"[{host}]" if ":" in host else host
