"""Which weights there are, which are served, and how they are loaded."""

from __future__ import annotations

import importlib.util
import json
import logging
import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from backend.errors import (
    BadSetting,
    Conflict,
    MissingExtra,
    NoModel,
    WeightsDamaged,
    WeightsMissing,
)
from backend.model.card import CARD_NAME, METRICS, Card, load_card, verify_files
from backend.model.judge import Judge
from backend.settings import RuntimeName, Settings

log = logging.getLogger(__name__)

SHIPPED = Path(__file__).resolve().parents[2] / "weights"
"""The weights that come with this checkout."""


@dataclass(frozen=True, slots=True)
class Version:
    """A set of weights on this machine."""

    name: str
    folder: Path
    sha256: str
    released_at: datetime
    active: bool
    parent: str | None = None
    """The version it was fine-tuned from; such a version is served only when activated."""


def weights_roots(settings: Settings) -> tuple[Path, ...]:
    """Return the folders in which versions lie: the installation's own, then the shipped."""
    return settings.home / "weights", SHIPPED


def list_versions(settings: Settings) -> tuple[Version, ...]:
    """Return every readable version, newest first, the active one marked."""
    cards = _cards(settings)
    active = _active_card(settings, cards)
    return tuple(
        Version(
            card.ref.version,
            card.folder,
            card.ref.sha256,
            card.policy.published_at,
            active is not None and card.folder == active.folder,
            card.parent,
        )
        for card in cards
    )


def list_cards(settings: Settings) -> tuple[Card, ...]:
    """Return the card of every readable version, newest first."""
    return tuple(_cards(settings))


def choice_stamp(settings: Settings) -> tuple[int, int] | None:
    """Return what changes whenever a version is chosen, at the cost of one look at a file."""
    try:
        found = _choice_path(settings).stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_ino


def previous_version(settings: Settings) -> str | None:
    """Return the version that a roll-back would serve."""
    return _read_choice(settings).get("previous")


def load_judge(settings: Settings, version: str | None = None) -> Judge:
    """Load the active weights, or the named ones, after their hashes were checked.

    Raises:
        WeightsMissing: no such version, or none at all.
        WeightsDamaged: a file is not the one that the card names.
        MissingExtra: torch was asked for and is not installed.
    """
    card = find_card(settings, version)
    verify_files(card)
    return _runtime(settings.runtime)(card)


def find_card(settings: Settings, version: str | None = None) -> Card:
    """Return the card of a version or folder; of the active version where none is named.

    Raises:
        WeightsMissing, WeightsDamaged: as `load_judge`.
    """
    wanted = version or settings.weights
    if wanted and (Path(wanted) / CARD_NAME).exists():
        return load_card(Path(wanted).resolve())
    if wanted:
        return named_card(settings, wanted)
    cards = _cards(settings)
    card_ = _active_card(settings, cards)
    if card_ is None:
        raise WeightsMissing(
            f"There are no weights in {' or '.join(map(str, weights_roots(settings)))}. "
            "Get a release, or train one: `brushmark train --help`."
        )
    return card_


def named_card(settings: Settings, version: str) -> Card:
    """Return the card of a version by its name alone, never of a folder.

    Raises:
        WeightsMissing, WeightsDamaged: as `load_judge`.
    """
    cards = _cards(settings)
    card = next((c for c in cards if c.ref.version == version), None)
    if card is None:
        _require_unharmed(settings, version)
        known = ", ".join(c.ref.version for c in cards) or "none"
        raise WeightsMissing(f"There are no weights “{version[:64]}” here. Versions: {known}.")
    return card


def find_report(settings: Settings, version: str) -> tuple[Card, dict[str, Any] | None]:
    """Return a version's card and the figures of its release, where it brings them.

    Raises:
        WeightsMissing, WeightsDamaged: as `load_judge`.
    """
    card = named_card(settings, version)
    try:
        metrics = json.loads((card.folder / METRICS).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return card, None
    except (OSError, ValueError) as error:
        raise WeightsDamaged(f"The figures of {version} cannot be read.") from error
    return card, dict(metrics)


def activate(settings: Settings, version: str) -> Version:
    """Choose the version to serve; the one before is remembered. A running backend follows.

    Raises:
        WeightsMissing, WeightsDamaged: the version cannot be served.
        Conflict: BRUSHMARK_WEIGHTS says what is served.
    """
    if settings.weights:
        raise Conflict(
            f"BRUSHMARK_WEIGHTS is set to “{settings.weights}”, and so no other version would "
            "be served. Unset it and restart, then activate."
        )
    card = named_card(settings, version)
    try:
        before = _active_card(settings, _cards(settings))
    except WeightsDamaged:  # what nobody can serve is no way back
        before = None
    if METRICS not in card.files:
        raise WeightsDamaged(
            f"{version} brings no {METRICS}: what nobody has measured is not served. "
            "`brushmark release` and `brushmark train` write it."
        )
    verify_files(card)
    previous = before.ref.version if before else None
    if previous == card.ref.version:  # chosen again: the way back stays
        previous = _read_choice(settings).get("previous")
    _write_choice(settings, card.ref.version, previous)
    return next(v for v in list_versions(settings) if v.folder == card.folder)


def roll_back(settings: Settings) -> Version:
    """Serve the version that was active before the last activation.

    Raises:
        Conflict: there is none.
    """
    previous = _read_choice(settings).get("previous")
    if not previous:
        raise Conflict("There is no earlier version to go back to.")
    return activate(settings, previous)


def _cards(settings: Settings) -> list[Card]:
    """Read every card that can be read: a damaged or foreign one must not hide the others."""
    cards = []
    for folder in _folders(settings):
        try:
            cards.append(load_card(folder))
        except NoModel as error:
            log.warning("left aside: %s", error)
    return sorted(cards, key=lambda c: c.policy.published_at, reverse=True)


def _folders(settings: Settings) -> list[Path]:
    return [
        folder
        for root in weights_roots(settings)
        if root.is_dir()
        for folder in sorted(root.iterdir())
        if (folder / CARD_NAME).exists()
    ]


def _require_unharmed(settings: Settings, version: str) -> None:
    """Raise `WeightsDamaged` where a version is there by name and its card cannot be read."""
    for folder in _folders(settings):
        if folder.name == version:
            load_card(folder)


def _active_card(settings: Settings, cards: list[Card]) -> Card | None:
    chosen = _read_choice(settings).get("version")
    if chosen and all(card.ref.version != chosen for card in cards):
        _require_unharmed(settings, chosen)
    released = next((c for c in cards if c.parent is None), cards[0] if cards else None)
    return next((c for c in cards if c.ref.version == chosen), released)


def _choice_path(settings: Settings) -> Path:
    return settings.home / "active-model.json"


def _read_choice(settings: Settings) -> dict[str, str]:
    try:
        document = json.loads(_choice_path(settings).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise BadSetting(
            f"{_choice_path(settings)} cannot be read ({error}); delete it to serve the newest."
        ) from error
    return {k: v for k, v in document.items() if isinstance(v, str)}


def _write_choice(settings: Settings, version: str, previous: str | None) -> None:
    path = _choice_path(settings)
    fresh = path.with_suffix(".new")
    with fresh.open("w", encoding="utf-8") as file:
        json.dump({"version": version, "previous": previous}, file)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)


def _runtime(name: RuntimeName) -> Callable[[Card], Judge]:
    has_torch = importlib.util.find_spec("torch") is not None
    if name is RuntimeName.TORCH and not has_torch:
        raise MissingExtra(
            "BRUSHMARK_RUNTIME is torch; install it: pip install 'brushmark[train]'."
        )
    if name is RuntimeName.TORCH or (name is RuntimeName.AUTO and has_torch and _has_gpu()):
        from backend.model.torch_runtime import TorchJudge

        return TorchJudge
    from backend.model.openvino_runtime import OpenVinoJudge

    return OpenVinoJudge


def _has_gpu() -> bool:
    # Importing torch costs seconds: only where a driver is there at all.
    if not any(Path("/dev").glob("nvidia[0-9]*")) and os.name != "nt":
        return False
    import torch

    return bool(torch.cuda.is_available())
