"""The results of a sweep as Markdown: the founding setting, then what size and numbers change."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from backend.training.baselines.cells import WHOLE, Cell
from backend.training.baselines.classifiers import KINDS
from backend.training.baselines.results import WEB_COPIES, Results

WHAT = {False: "founding settings", True: "tuned"}
_Z = 1.96


class Judged:
    """What the seeds of one classifier said."""

    __slots__ = ()
    seeds: tuple[dict[str, Any], ...]
    """The figures of each seed; `judged` holds a confusion matrix for each split."""

    @property
    def title(self) -> str:
        """Its name in tables."""
        raise NotImplementedError

    def cells(self, split: str) -> dict[str, int]:
        """Return the confusion matrix of a split, summed over the seeds."""
        judged = [figures["judged"][split] for figures in self.seeds]
        return {name: sum(one[name] for one in judged) for name in judged[0]}

    def accuracies(self, split: str) -> list[float]:
        """Return each seed's accuracy on a split."""
        return [accuracy(figures["judged"][split]) for figures in self.seeds]


@dataclass(frozen=True, slots=True)
class Line(Judged):
    """The seeds of one kind, tuned or not, at one size on one share of the pictures."""

    kind: str
    tuned: bool
    px: int
    eighths: int
    seeds: tuple[dict[str, Any], ...]

    @property
    def title(self) -> str:
        """Its name in tables and figures."""
        unlabelled = self.kind == "kmeans"
        return KINDS[self.kind].title + ("" if unlabelled else f", {WHAT[self.tuned]}")

    def mean(self, name: str) -> float | None:
        """Return the mean of a figure over the seeds that have it."""
        values = [figures[name] for figures in self.seeds if figures[name] is not None]
        return float(np.mean(values)) if values else None


def lines_of(results: Results) -> tuple[Line, ...]:
    """Gather the seeds of each line, in the order in which kinds are listed."""
    gathered: dict[tuple[str, bool, int, int], list[dict[str, Any]]] = {}
    for cell in sorted(results.done, key=_order):
        key = (cell.kind, cell.tuned, cell.px, cell.eighths)
        gathered.setdefault(key, []).append(results.done[cell])
    return tuple(Line(*key, tuple(seeds)) for key, seeds in gathered.items())


def _order(cell: Cell) -> tuple[int, bool, int, int, int]:
    return list(KINDS).index(cell.kind), cell.tuned, cell.px, cell.eighths, cell.seed


def accuracy(cells: Mapping[str, int]) -> float:
    """Return the share of right answers of a confusion matrix."""
    return (cells["ai_as_ai"] + cells["human_as_human"]) / sum(cells.values())


def recalls(cells: Mapping[str, int]) -> tuple[float, float]:
    """Return the share found of generated and of human-made pictures."""
    ai = cells["ai_as_ai"] / (cells["ai_as_ai"] + cells["ai_as_human"])
    human = cells["human_as_human"] / (cells["human_as_human"] + cells["human_as_ai"])
    return ai, human


def half_width(share: float, count: int) -> float:
    """Return half of the Wilson 95 % interval of a share of `count` (Wilson 1927)."""
    spread = np.sqrt(share * (1 - share) / count + _Z**2 / (4 * count**2))
    return float(_Z * spread / (1 + _Z**2 / count))


def markdown(results: Results) -> str:
    """Write the whole report."""
    lines = lines_of(results)
    parts = [_head(results), _counts(results)]
    if lines:
        top = max(line.px for line in lines if line.eighths == WHOLE)
        for split in results.head["counts"]:
            parts += [_judged(results, lines, split + end, top) for end in ("", WEB_COPIES)]
        parts += [_by_size(lines), _by_share(lines)]
    parts.append(_left_out(results))
    return "\n\n".join(part for part in parts if part) + "\n"


def _head(results: Results) -> str:
    dates = sorted({figures["date"] for figures in results.done.values()})
    when = " to ".join(dict.fromkeys((dates[0], dates[-1]))) if dates else "never"
    opened = ", ".join(f"{split} {n} times" for split, n in results.openings().items())
    return (
        f"### Task {results.head['task']}\n\n"
        f"Rows {results.head['rows_sha256'][:16]}; measured {when} on {results.head['processor']}, "
        f"one thread; opened: {opened or 'nothing'} (once by every fit)."
    )


def _counts(results: Results) -> str:
    rows = [(part, n["ai_generated"], n["human_made"]) for part, n in _counted(results)]
    return markdown_table(("pictures", "AI-generated", "human-made"), rows)


def _counted(results: Results) -> Iterable[tuple[str, dict[str, int]]]:
    counts: dict[str, dict[str, int]] = results.head["counts"]
    return counts.items()


def _judged(results: Results, lines: Sequence[Line], split: str, px: int) -> str:
    if not all(split in figures["judged"] for line in lines for figures in line.seeds):
        return ""
    chosen = [line for line in lines if (line.px, line.eighths) == (px, WHOLE)]
    about = f"{px} px, all pictures learnt from"
    return judged_table(
        chosen, split, results.head["counts"][split.removesuffix(WEB_COPIES)], about
    )


def judged_table(lines: Iterable[Judged], split: str, count: Mapping[str, int], about: str) -> str:
    """Write what each line says of a split's `count` pictures of each class."""
    rows = []
    for line in lines:
        cells = line.cells(split)
        ai, human = recalls(cells)
        rows.append(
            (
                line.title,
                with_range(line.accuracies(split)),
                _percent((ai + human) / 2),
                _percent(ai),
                _percent(human),
                f"{cells['ai_as_ai']} / {cells['ai_as_human']}",
                f"{cells['human_as_ai']} / {cells['human_as_human']}",
                len(line.seeds),
            )
        )
    heading = (
        "classifier",
        "accuracy",
        "balanced",
        "AI found",
        "human kept",
        "AI as AI / human",
        "human as AI / human",
        "seeds",
    )
    pictures = sum(count.values())
    return (
        f"**Judged on `{split}`**, {about}. Percent; in brackets the lowest and highest seed; the "
        f"confusion matrix is summed over the seeds. On {pictures} pictures the 95 % interval of "
        f"one accuracy is ±{100 * half_width(0.6, pictures):.0f} points.\n\n"
        + markdown_table(heading, rows)
    )


def _by_size(lines: Sequence[Line]) -> str:
    chosen = [line for line in lines if line.eighths == WHOLE]
    sizes = sorted({line.px for line in chosen})
    return "**Against resolution**, all pictures learnt from.\n\n" + _trade_off(
        chosen, [(f"{px} px", px) for px in sizes], lambda line: line.px
    )


def _by_share(lines: Sequence[Line]) -> str:
    shares = [line for line in lines if line.eighths != WHOLE]
    if not shares:
        return ""
    px = shares[0].px
    chosen = [line for line in lines if line.px == px]
    sizes = sorted({line.eighths for line in chosen})
    numbers = {line.eighths: line.seeds[0]["learnt"] for line in chosen}
    columns = [(f"{numbers[e]} pictures", e) for e in sizes]
    return f"**Against the number of pictures learnt from**, {px} px.\n\n" + _trade_off(
        chosen, columns, lambda line: line.eighths
    )


def _trade_off(lines: Sequence[Line], columns: Sequence[tuple[str, int]], place: Any) -> str:
    found = {(line.title, place(line)): line for line in lines}
    titles = dict.fromkeys(line.title for line in lines)
    most = max(len(line.seeds) for line in lines)
    rows = [
        (title, *(_cost(found.get((title, value)), most) for _, value in columns))
        for title in titles
    ]
    note = (
        "Accuracy on `test` · processor seconds to fit · milliseconds to judge a picture · "
        "peak MiB of the process."
    )
    return note + "\n\n" + markdown_table(("classifier", *(name for name, _ in columns)), rows)


def _cost(line: Line | None, most_seeds: int) -> str:
    if line is None:
        return "not run"
    peak = line.mean("peak_mib")
    accuracies = line.accuracies("test") if "test" in line.seeds[0]["judged"] else []
    share = _percent(float(np.mean(accuracies))) if accuracies else "–"
    memory = f"{peak:.0f}" if peak is not None else "–"
    fit, judge = line.mean("fit_s") or 0.0, line.mean("predict_ms_each") or 0.0
    seeds = len(line.seeds)
    fewer = f" (seeds: {seeds})" if seeds < most_seeds else ""
    return f"{share} · {_brief(fit)} s · {_brief(judge)} ms · {memory}{fewer}"


def _left_out(results: Results) -> str:
    if not results.left_out:
        return "Every fit that was asked for was made."
    reasons: dict[str, dict[str, list[str]]] = {}
    for cell, reason in sorted(results.left_out.items(), key=lambda item: _order(item[0])):
        reasons.setdefault(reason, {}).setdefault(cell.shape, []).append(str(cell.seed))
    listed = [
        f"- {reason}: "
        + "; ".join(f"{shape} (seed {', '.join(seeds)})" for shape, seeds in shapes.items())
        for reason, shapes in reasons.items()
    ]
    return "**Not run**\n\n" + "\n".join(listed)


def with_range(values: Sequence[float]) -> str:
    """Write the mean of the seeds' shares in percent, and the lowest and highest beside it."""
    low, high = min(values), max(values)
    mean = _percent(float(np.mean(values)))
    return mean if low == high else f"{mean} ({_percent(low)}–{_percent(high)})"


def _percent(share: float) -> str:
    return f"{100 * share:.1f}"


def _brief(value: float) -> str:
    return f"{value:.0f}" if value >= 10 else f"{value:.1f}" if value >= 0.1 else "<0.1"


def markdown_table(heading: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """Write a table whose columns but the first are numbers."""
    body = ["| " + " | ".join(str(value) for value in row) + " |" for row in rows]
    rule = "|---" + "|---:" * (len(heading) - 1) + "|"
    return "\n".join(["| " + " | ".join(heading) + " |", rule, *body])
