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
            f"{card['recipe']['name']}, seed {card['seed']}, epoch {card['epoch_kept']} kept by "
            f"{card['select_by']} on the validation split. Initialised from "
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
            "Scored by the served graph in 32 bits, one whole view a picture. `test` shares "
            "sources with the training data, `unseen` does not. Accuracy at .5; “served” at the "
            "thresholds below, between which the verdict is *uncertain*.",
            "",
            *_figures(card["figures"]),
            "",
            *_confusions(card["figures"]),
            f"Thresholds: AI-generated from {thresholds['ai_at_least']:.3f}, human-made up "
            f"to {thresholds['human_at_most']:.3f}, set on `{thresholds['set_on']}` "
            f"for {thresholds['target_false_positive_rate']:.0%} of human pictures, and "
            f"{thresholds['target_worst_source_rate']:.0%} of the worst human source, called "
            f"AI-generated and {thresholds['target_false_negative_rate']:.0%} of generated "
            "ones called human-made.",
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


def _figures(figures: Mapping[str, Any]) -> list[str]:
    lines = [
        "| split | pictures | accuracy | balanced | AUC | ECE | decided | right when decided "
        "| human called AI |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for name, f in figures.items():
        served = f["served"]
        lines.append(
            f"| {name} | {sum(f['n'].values())} | {f['accuracy']:.3f} "
            f"| {f['balanced_accuracy']:.3f} | {f['auc']:.3f} | {f['ece']:.3f} "
            f"| {served['coverage']:.3f} | {served['accuracy_when_decided']:.3f} "
            f"| {served['human_called_ai']:.3f} |"
        )
    return lines


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
        "is served where the processor has it in hardware" if gate["accepted"] else "was left out"
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
