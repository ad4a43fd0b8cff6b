"""What the jobs do: fine-tune the head, and re-score the log."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from backend.errors import Conflict
from backend.jobs.folder import JobFolder
from backend.model import registry
from backend.model.card import Card
from backend.settings import Settings
from backend.storage.repository import PredictionFilter, Repository
from backend.training.run import OtherRun
from backend.tuning.examples import sharing_trunk
from backend.tuning.fit import TuneRecipe
from backend.tuning.loop import Made, Source, fine_tune
from backend.tuning.rejudge import Rejudge
from backend.tuning.tune import Progress

log = logging.getLogger(__name__)

_PAGE = 500


@dataclass(frozen=True, slots=True)
class Work:
    """All that a job works with."""

    settings: Settings
    repository: Repository
    folder: JobFolder
    options: Mapping[str, object]
    progress: Progress

    def text(self, name: str) -> str | None:
        """Return an option that is text."""
        value = self.options.get(name)
        return value if isinstance(value, str) and value else None

    def number(self, name: str, default: int) -> int:
        """Return an option that is a whole number."""
        value = self.options.get(name)
        return value if isinstance(value, int) else default


def fine_tune_job(work: Work) -> dict[str, object]:
    """Fine-tune the head of a version on the reviewed log."""
    parent = work.text("parent")
    card = (
        registry.named_card(work.settings, parent) if parent else registry.find_card(work.settings)
    )
    made = _fine_tuned(work, card)
    counts = made.data["examples"]
    return {
        "summary": f"Made {made.version} from {counts['ai_generated']} AI-generated and "
        f"{counts['human_made']} human-made pictures. Compare it, then serve it.",
        "version": made.version,
        "parent": card.ref.version,
    }


def _fine_tuned(work: Work, card: Card) -> Made:
    """Fine-tune, going on where the job was unless there is something else to learn from now."""

    def attempt() -> Made:
        return fine_tune(
            work.settings,
            work.repository,
            card,
            Source(),
            version=work.text("version"),
            seed=work.number("seed", 0),
            recipe=TuneRecipe(steps=work.number("steps", TuneRecipe().steps)),
            run_folder=work.folder.run,
            progress=work.progress,
            keep=work.folder.keep_curve,
        )

    try:
        return attempt()
    except (OtherRun, Conflict) as error:
        # A conflict is about a name that the run chose, unless somebody gave one.
        is_given = isinstance(error, Conflict) and work.text("version") is not None
        if is_given or not work.folder.run.exists():
            raise
        log.info("the job starts anew: %s", error)
    shutil.rmtree(work.folder.run)
    return attempt()


def re_score_job(work: Work) -> dict[str, object]:
    """Judge the log again by a version, from its vectors, and mark the verdicts that flip."""
    wanted = work.text("version")
    card = (
        registry.named_card(work.settings, wanted) if wanted else registry.find_card(work.settings)
    )
    known = registry.list_cards(work.settings)
    models = {c.ref.sha256 for c in sharing_trunk(card, known)}
    policy = work.repository.latest_policy() or card.policy
    judge = Rejudge(card, policy)
    total = work.repository.count_predictions(PredictionFilter())
    asked = {"model": card.ref.sha256, "policy": policy.number}
    place: dict[str, Any] = {"after": "", "seen": 0, "judged": 0, "flipped": 0, **asked}
    kept = work.folder.place()
    if asked.items() <= kept.items():
        place = kept
    while page := work.repository.vectors_after(place["after"], _PAGE):
        rows = [(r, v) for r, v in page if r.model is not None and r.model.sha256 in models]
        if rows:
            features = np.stack([np.frombuffer(vector, "<f2") for _, vector in rows])
            said = judge.say([record for record, _ in rows], features)
            turned = [
                record.id
                for (record, _), new in zip(rows, said, strict=True)
                if new.outcome is not record.verdict.outcome
            ]
            flipped = set(turned)
            work.repository.set_flipped(turned, True)
            work.repository.set_flipped([r.id for r, _ in rows if r.id not in flipped], False)
            place["judged"] = place["judged"] + len(rows)
            place["flipped"] = place["flipped"] + len(turned)
        place["after"] = page[-1][0].id
        place["seen"] = place["seen"] + len(page)
        work.folder.keep_place(place)
        work.progress(place["seen"], total, f"{place['judged']} verdicts looked at again")
    work.folder.forget_place()
    return {
        "summary": f"{place['flipped']} of {place['judged']} verdicts would be another with "
        f"{card.ref.version}; they wait in the queue “flipped”.",
        "version": card.ref.version,
        "judged": place["judged"],
        "flipped": place["flipped"],
    }
