"""The whole loop on pictures, end to end: `python -m tests.loop.rehearsal` prints its figures.

A backend judges 300 pictures, a third of them of a domain that its weights get wrong; they are
reviewed, exported over HTTP, learnt from by the command line, compared, activated over HTTP, held
against pictures of the domain that nobody has seen, and rolled back.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from tests.loop.backend import Backend, backend
from tests.loop.gallery import AI, HUMAN, PLANTED, Shown, gallery

COUNT, HELD_OUT = 300, 120
"""Pictures logged, and held-out pictures of the planted domain."""


@dataclass(frozen=True, slots=True)
class Domain:
    """How a model does on held-out pictures of the planted domain; shares of 0 to 1."""

    wrong: float
    """On the wrong side of one half."""
    human_taken_for_ai: float
    ai_taken_for_human: float
    accused: float
    """Human-made pictures that the verdict calls AI-generated."""
    scores: tuple[float, ...]
    versions: frozenset[str]
    """Which models said so."""


@dataclass(slots=True)
class Rehearsal:
    """What came out."""

    pictures: str = ""
    logged: int = 0
    reviewed: int = 0
    exported: int = 0
    champion: str = ""
    candidate: str = ""
    before: Domain | None = None
    after: Domain | None = None
    back: Domain | None = None
    comparison: dict[str, Any] = field(default_factory=dict)
    trained: str = ""
    seconds: dict[str, float] = field(default_factory=dict)

    def evaluation(self, figure: str) -> tuple[float, float]:
        """Return a figure of champion and candidate on the shipped evaluation set."""
        (shipped,) = (
            h for h in self.comparison["hold_outs"] if h["name"] == "the shipped evaluation set"
        )
        (found,) = (f for f in shipped["figures"] if f["name"] == figure)
        return found["champion"], found["candidate"]


def rehearse(
    home: Path,
    count: int = COUNT,
    held_out: int = HELD_OUT,
    arguments: Sequence[str] = (),
    say: Callable[[str], None] = lambda line: None,
) -> Rehearsal:
    """Go through the loop once in a home; `arguments` go to `brushmark train`."""
    shown = gallery(count, held_out)
    found = Rehearsal(shown.kind, len(shown.logged))
    with backend(home) as server:
        step = _Stopwatch(found.seconds, say)
        records = server.check(shown.logged, log=True)
        step("check and log")
        _review(server, shown.logged, records)
        found.reviewed = server.ask("GET", "/stats")["reviewed"]
        step("review")
        file = home / "export.zip"
        found.exported = _export(server, file)
        step("export")
        found.champion = server.ask("GET", "/model")["version"]
        found.before = _domain(server, shown.held_out)
        step("check the held-out pictures")
        found.trained = _told(
            server.run("train", "--init", "active", "--data", str(file), *arguments)
        )
        step("fine-tune")
        found.candidate = f"{found.champion}-tuned-1"
        found.comparison = server.ask("GET", "/comparison", params={"candidate": found.candidate})
        step("compare")
        server.ask("POST", f"/models/{found.candidate}/activate", json={})
        step("activate")
        found.after = _domain(server, shown.held_out)
        step("check the held-out pictures again")
        server.ask("POST", "/models/rollback")
        found.back = _domain(server, shown.held_out)
        step("roll back, and check them once more")
    return found


class _Stopwatch:
    """Notes how long each step took."""

    def __init__(self, seconds: dict[str, float], say: Callable[[str], None]) -> None:
        self._seconds, self._say, self._since = seconds, say, time.perf_counter()

    def __call__(self, name: str) -> None:
        now = time.perf_counter()
        self._seconds[name] = now - self._since
        self._since = now
        self._say(f"{name}: {self._seconds[name]:.1f} s")


def _review(server: Backend, shown: Sequence[Shown], records: Sequence[dict[str, Any]]) -> None:
    for label in (AI, HUMAN):
        ids = [r["id"] for s, r in zip(shown, records, strict=True) if s.label == label]
        for start in range(0, len(ids), 100):
            some = {"ids": ids[start : start + 100], "label": label}
            server.ask("POST", "/reviews", json=some)


def _export(server: Backend, file: Path) -> int:
    answer = server.session.post(f"{server.address}/api/v1/exports", json={})
    answer.raise_for_status()
    file.write_bytes(answer.content)
    (entry,) = server.ask("GET", "/exports")["exports"]
    return int(entry["result"]["examples"])


def _domain(server: Backend, shown: Sequence[Shown]) -> Domain:
    records = server.check(shown, log=False)
    scores = np.array([r["probabilities"][AI] for r in records])
    ai = np.array([s.label == AI for s in shown])
    called = np.array([r["outcome"] == AI for r in records])
    return Domain(
        wrong=float(np.mean((scores >= 0.5) != ai)),
        human_taken_for_ai=float(np.mean(scores[~ai] >= 0.5)),
        ai_taken_for_human=float(np.mean(scores[ai] < 0.5)),
        accused=float(np.mean(called[~ai])),
        scores=tuple(scores.tolist()),
        versions=frozenset(r["model"]["version"] for r in records),
    )


def _told(done: Any) -> str:
    if done.returncode != 0:
        raise RuntimeError(done.stderr)
    return str(done.stdout).strip()


def report(found: Rehearsal) -> str:
    """Return the figures as Markdown."""
    assert found.before is not None
    assert found.after is not None
    rows = [
        (f"wrong on held-out pictures of {PLANTED}", found.before.wrong, found.after.wrong),
        (
            "human-made ones of them nearer to AI-generated",
            found.before.human_taken_for_ai,
            found.after.human_taken_for_ai,
        ),
        ("human-made ones called AI-generated", found.before.accused, found.after.accused),
        (
            "generated ones of them nearer to human-made",
            found.before.ai_taken_for_human,
            found.after.ai_taken_for_human,
        ),
        ("balanced accuracy, shipped evaluation set", *found.evaluation("balanced_accuracy")),
        ("human-made called AI-generated there", *found.evaluation("human_called_ai")),
        ("calibration error there", *found.evaluation("calibration_error")),
    ]
    return "\n".join(
        [
            f"{found.logged} {found.pictures} pictures logged, {found.reviewed} reviewed, "
            f"{found.exported} exported; {len(found.before.scores)} held out.",
            "",
            f"| | {found.champion} | {found.candidate} |",
            "|---|---|---|",
            *(f"| {name} | {old:.3f} | {new:.3f} |" for name, old, new in rows),
            "",
            *(f"- {name}: {seconds:.1f} s" for name, seconds in found.seconds.items()),
            "",
            f"Objections: {', '.join(found.comparison['objections']) or 'none'}. "
            f"{len(found.comparison['flips'])} of {found.comparison['looked_at']} logged verdicts "
            f"would change.",
        ]
    )


def main() -> None:
    """Rehearse the loop in a new home, and print what came out."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--count", type=int, default=COUNT)
    parser.add_argument("--held-out", type=int, default=HELD_OUT)
    given, arguments = parser.parse_known_args()
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "home"
        found = rehearse(
            home,
            given.count,
            given.held_out,
            arguments,
            lambda line: print(line, file=sys.stderr, flush=True),
        )
    print(report(found))


if __name__ == "__main__":
    main()
