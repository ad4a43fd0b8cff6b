"""Which version is served: compare, activate, roll back, and let a candidate run in the shadow."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from backend.domain import AuditEvent, new_id, utc_now
from backend.errors import BadInput, BrushmarkError, Conflict, NoModel, WorseThanServed
from backend.model import registry
from backend.model.card import Card, verify_files
from backend.model.judge import Judge
from backend.model.registry import Version
from backend.settings import Settings
from backend.storage.images import ImageStore
from backend.storage.repository import Repository
from backend.tuning.compare import Comparison, compare
from backend.tuning.examples import sharing_trunk
from backend.tuning.shadow import ShadowReport, shadow_report
from backend.wire import time_from_text, time_to_text

log = logging.getLogger(__name__)

FOLLOW_EVERY_S = 0.5
"""How often a backend looks whether another process has chosen a version."""
_SHADOW = "shadow_model"


@dataclass(frozen=True, slots=True)
class Shadow:
    """A candidate that judges along, and since when."""

    version: str
    since: datetime


class Releases:
    """The versions of a home, and the one that its backend serves."""

    def __init__(
        self,
        settings: Settings,
        repository: Repository,
        serve: Callable[[Judge], None] | None = None,
        served: Callable[[], Judge | None] = lambda: None,
    ) -> None:
        """Take what is needed.

        Args:
            settings: whose home.
            repository: its log.
            serve: takes a loaded model into service; what is being judged by the one before
                goes on with that one. None where nothing is served here: in a command.
            served: returns the model in service.
        """
        self._settings = settings
        self._repository = repository
        self._serve = serve
        self._served = served
        self._turn = threading.Lock()
        self._stamp = registry.choice_stamp(settings)

    def compare(self, champion: str | None, candidate: str) -> Comparison:
        """Compare two versions; the champion is the active one where none is named.

        Raises:
            WeightsMissing, WeightsDamaged: one of them cannot be read.
        """
        return compare(
            registry.named_card(self._settings, champion)
            if champion
            else registry.find_card(self._settings),
            registry.named_card(self._settings, candidate),
            self._repository,
            registry.list_cards(self._settings),
            self._repository.latest_policy(),
            ImageStore(self._settings.images_path),
        )

    def activate(self, version: str, actor: str, despite: str = "") -> Version:
        """Serve a version from now on, without a restart.

        `despite` is the reason to serve it although it is worse; it goes to the audit trail.

        Raises:
            WeightsMissing, WeightsDamaged: the version cannot be served; nothing changes.
            WorseThanServed: it is worse than the active one, and no reason was given.
            Conflict: BRUSHMARK_WEIGHTS says what is served.
        """
        if len(despite) > 2000:
            raise BadInput("A reason has at most 2000 characters.")
        with self._turn:
            card = registry.named_card(self._settings, version)
            verify_files(card)
            objections = self._objections(card)
            if objections and not despite.strip():
                raise WorseThanServed(
                    f"{card.ref.version} is worse than what is served: {'; '.join(objections)}. "
                    "Give a reason to serve it all the same."
                )
            chosen = self._choose(card.ref.version)
            said = f", although {'; '.join(objections)}: {despite.strip()}" if objections else ""
            self._note(actor, "model.activate", f"{chosen.name}{said}")
            return chosen

    def roll_back(self, actor: str) -> Version:
        """Serve the version that was active before. Raises `Conflict` where there is none."""
        with self._turn:
            previous = registry.previous_version(self._settings)
            if not previous:
                raise Conflict("There is no earlier version to go back to.")
            chosen = self._choose(previous)
            self._note(actor, "model.rollback", chosen.name)
            return chosen

    def _choose(self, version: str) -> Version:
        # Loaded before it is chosen: what cannot run here is never chosen.
        judge = registry.load_judge(self._settings, version) if self._serve else None
        chosen = registry.activate(self._settings, version)
        self._stamp = registry.choice_stamp(self._settings)
        if self._serve is not None and judge is not None:
            self._serve(judge)
        return chosen

    def _objections(self, card: Card) -> tuple[str, ...]:
        try:
            active = registry.find_card(self._settings)
            if active.ref == card.ref:
                return ()
            verify_files(active)
        except NoModel:  # there is nothing sound that it could be worse than
            return ()
        found = compare(
            active,
            card,
            self._repository,
            registry.list_cards(self._settings),
            self._repository.latest_policy(),
            ImageStore(self._settings.images_path),
        )
        if card.parent is not None and not found.guarded:
            return ("there is nothing that both could be measured on",)
        return found.objections

    def _note(self, actor: str, action: str, detail: str) -> None:
        self._repository.append_event(AuditEvent(new_id(), utc_now(), actor, action, detail))

    # ---- following other processes ------------------------------------------------------

    def follow(self) -> None:
        """Serve what another process has chosen since the last look.

        What cannot be loaded is logged, and what is served stays.
        """
        if registry.choice_stamp(self._settings) == self._stamp:
            return
        with self._turn:
            self._stamp = registry.choice_stamp(self._settings)
            served = self._served()
            try:
                card = registry.find_card(self._settings)
                if served is not None and card.ref == served.ref:
                    return
                if self._serve is not None:
                    self._serve(registry.load_judge(self._settings))
            except BrushmarkError as error:
                log.error("the version that was chosen cannot be served: %s", error)
            else:
                log.info("another version is served", extra={"version": card.ref.version})

    @contextmanager
    def following(self) -> Iterator[None]:
        """Follow other processes beside the server for as long as the context lasts."""
        ended = threading.Event()

        def work() -> None:
            while not ended.wait(FOLLOW_EVERY_S):
                self.follow()

        thread = threading.Thread(target=work, name="following", daemon=True)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join(timeout=5)

    # ---- in the shadow ------------------------------------------------------------------

    def set_shadow(self, version: str | None, actor: str) -> Shadow | None:
        """Let a version judge along from now on, or none.

        Raises:
            WeightsMissing, WeightsDamaged: there is no such version.
            Conflict: its network is another one below the head.
        """
        if version is None:
            self._repository.put_setting(_SHADOW, "")
            self._note(actor, "model.shadow", "none")
            return None
        card = registry.named_card(self._settings, version)
        active = registry.find_card(self._settings)
        if active.ref not in {c.ref for c in sharing_trunk(card, (card, active))}:
            raise Conflict(
                f"{card.ref.version} has another network than {active.ref.version} below its "
                "head, so it cannot judge along on the vectors that are logged. Compare them "
                "instead."
            )
        shadow = Shadow(card.ref.version, utc_now())
        self._repository.put_setting(
            _SHADOW, json.dumps({"version": shadow.version, "since": time_to_text(shadow.since)})
        )
        self._note(actor, "model.shadow", shadow.version)
        return shadow

    def shadow(self) -> Shadow | None:
        """Return which version judges along; none where its weights are gone or damaged."""
        kept = self._repository.get_setting(_SHADOW)
        if not kept:
            return None
        document: dict[str, Any] = json.loads(kept)
        try:
            registry.named_card(self._settings, document["version"])
        except NoModel as error:
            log.warning("nothing judges along: %s", error)
            return None
        return Shadow(document["version"], time_from_text(document["since"]))

    def shadow_report(self) -> tuple[Shadow, ShadowReport] | None:
        """Return what the version that judges along would have said since it does.

        Raises:
            WeightsMissing, WeightsDamaged: it is gone meanwhile.
        """
        shadow = self.shadow()
        if shadow is None:
            return None
        return shadow, shadow_report(
            registry.find_card(self._settings, shadow.version),
            registry.list_cards(self._settings),
            self._repository,
            shadow.since,
            self._repository.latest_policy(),
        )
