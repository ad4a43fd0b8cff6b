"""The model card as people read it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

STATEMENTS: dict[str, Any] = {
    "intended_use": (
        "A second opinion on whether a picture was made by a generator or by a person, shown "
        "with its probabilities to someone who decides for themselves."
    ),
    "not_for": [
        "accusing anyone, or proof in a dispute, a contest, a court or a sale",
        "deciding about people without a person looking at the picture and its history",
        "pictures partly generated or edited by generators: the model knows two classes",
        "screenshots, charts and text, which are not pictures in its sense",
    ],
}
VALIDATION = "val"
"""What a scale was fitted on where it was not fitted out of fold."""


def limits(fitted_on: str, *, native: bool) -> list[str]:
    """Return what the weights cannot do, by how they were calibrated and what they look at."""
    lines = [
        "Generators and sources unlike those it learnt from are judged worse; see `unseen`.",
        "Small, heavily compressed or resized copies lose the traces it looks for.",
    ]
    if fitted_on == VALIDATION:
        lines.append(
            "Thresholds are set on held-out pictures of the same sources as the training data: on "
            "other sources more human-made pictures are accused than the target rate says."
        )
    seen = (
        "the square in its centre, and one detailed square of larger pictures"
        if native
        else ("the square in its centre")
    )
    return [*lines, f"It does not see the whole of a picture: {seen}."]


def render(card: Mapping[str, Any]) -> str:
    """Write a card's README from its facts."""
    thresholds = card["thresholds"]
    return "\n".join(
        [
            f"# Weights {card['version']}",
            "",
            f"Released {card['released_at']}. Architecture {card['architecture']}, recipe "
            f"{card['recipe']['name']}, seed {card['seed']}{_epoch(card)}. Initialised from "
            f"{card['initialisation']}. Trained on {card['trained_on']}.",
            "",
            f"**Intended use.** {card['intended_use']}",
            "",
            "**Not for:**",
            "",
            *[f"- {line}" for line in card["not_for"]],
            "",
            "**Limits:**",
            "",
            *[f"- {line}" for line in card["limits"]],
            "",
            "## Figures",
            "",
            f"Scored by the served graph in 32 bits, {_views(card)} a picture. `test` shares "
            "sources with the training data, `unseen` does not. Accuracy at .5; “decided” and what "
            "follows at the thresholds below, between which the verdict is *uncertain*. Beneath "
            "each figure its 95 % interval over resampled groups.",
            "",
            *_figures(card["figures"]),
            "",
            *_confusions(card["figures"]),
            f"Thresholds: AI-generated from {thresholds['ai_at_least']:.3f}, human-made up "
            f"to {thresholds['human_at_most']:.3f}, set on `{thresholds['set_on']}` "
            f"for {thresholds['target_false_positive_rate']:.0%} of human pictures, and "
            f"{thresholds['target_worst_source_rate']:.0%} of the worst human source, called "
            f"AI-generated and {thresholds['target_false_negative_rate']:.0%} of generated "
            "ones called human-made." + _sureness(thresholds),
            "",
            _int8(card["int8"]),
            "",
            f"Openings of sealed splits so far: {_openings(card['data']['openings'])}.",
            "",
            "## Data",
            "",
            f"Manifest SHA-256 `{card['data']['manifest_sha256']}`; training "
            f"{_rows(card['data']['rows']['train'])}, validation "
            f"{_rows(card['data']['rows']['val'])}.",
            "",
            "| source | label | licence as noted | pictures |",
            "|---|---|---|---|",
            *[
                f"| {_cell(s['source'])} | {s['label']} | {_cell(s['licence'])} | {s['pictures']} |"
                for s in card["data"]["sources"]
            ],
            "",
        ]
    )


def _views(card: Mapping[str, Any]) -> str:
    """Say what of a picture was looked at."""
    view = card["recipe"].get("view")
    return f"one {view} view" if view else "its views averaged,"


def _epoch(card: Mapping[str, Any]) -> str:
    """Name the epoch kept, where a recipe chooses one."""
    if card["recipe"].get("frozen_epochs") is None:
        return ""
    return f", epoch {card['epoch_kept']} kept by {card['select_by']} on the validation split"


_COLUMNS = {
    "accuracy": "accuracy",
    "balanced_accuracy": "balanced",
    "auc": "AUC",
    "ece": "ECE",
    "coverage": "decided",
    "accuracy_when_decided": "right when decided",
    "human_called_ai": "human called AI",
}


def _figures(figures: Mapping[str, Any]) -> list[str]:
    lines = [
        f"| split | pictures | {' | '.join(_COLUMNS.values())} |",
        "|---" * (2 + len(_COLUMNS)) + "|",
    ]
    for name, f in figures.items():
        values, spans = {**f, **f["served"]}, f["intervals"]
        cells = (
            f"{values[key]:.3f}<br>{spans[key]['low']:.3f} to {spans[key]['high']:.3f}"
            for key in _COLUMNS
        )
        lines.append(f"| {name} | {sum(f['n'].values())} | {' | '.join(cells)} |")
    return lines


def _sureness(thresholds: Mapping[str, Any]) -> str:
    """Say how far resampled sources move the thresholds, and what errors those leave."""
    if "held_out" not in thresholds:
        return ""
    spans, left = thresholds["intervals"], thresholds["held_out"]
    worst = left.get("worst_human_source")
    said = (
        f" Over resampled sources (95 %) they lie at {_span(spans['ai_at_least'], '.3f')} and "
        f"{_span(spans['human_at_most'], '.3f')}. On those pictures they call "
        f"{_share(left['human_called_ai'])} of human ones AI-generated and "
        f"{_share(left['ai_called_human'])} of generated ones human-made"
    )
    if worst is None:
        return said + "."
    return (
        f"{said}; of the human source accused most, {worst['source']} with {worst['originals']} "
        f"originals, {_share(worst)} ({worst['shrunk']:.1%} drawn towards its kind's rate)."
    )


def _share(interval: Mapping[str, float]) -> str:
    return f"{interval['value']:.1%} ({_span(interval, '.1%')})"


def _span(interval: Mapping[str, float], form: str) -> str:
    return f"{interval['low']:{form}} to {interval['high']:{form}}"


def _confusions(figures: Mapping[str, Any]) -> list[str]:
    lines = []
    for name, f in figures.items():
        c = f["confusion"]
        lines += [
            f"Confusion matrix on `{name}` at .5:",
            "",
            "| | said AI-generated | said human-made |",
            "|---|---|---|",
            f"| AI-generated | {c['ai_as_ai']} | {c['ai_as_human']} |",
            f"| human-made | {c['human_as_ai']} | {c['human_as_human']} |",
            "",
        ]
    return lines


def _int8(gate: Mapping[str, Any]) -> str:
    copies = "; ".join(
        f"{name.replace('_', ' ')}: balanced accuracy {f['int8']['balanced_accuracy']:.4f} "
        f"(full {f['full']['balanced_accuracy']:.4f}), AUC {f['int8']['auc']:.4f} "
        f"(full {f['full']['auc']:.4f})"
        for name, f in gate.items()
        if isinstance(f, Mapping)
    )
    verdict = (
        "is served where the processor has it in hardware, or its sums fit into 16 bits"
        if gate["accepted"]
        else "was left out"
    )
    if not copies:
        return f"There is no 8-bit graph: {gate['reason']}."
    return f"The 8-bit graph {verdict}. On `{gate['split']}`: {copies}."


def _openings(openings: Mapping[str, int]) -> str:
    return ", ".join(f"{split} {n}" for split, n in openings.items())


def _rows(rows: Mapping[str, int]) -> str:
    return " and ".join(f"{n} {label}" for label, n in rows.items())


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
