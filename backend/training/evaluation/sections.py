"""The report's sections, each a pure function from findings to HTML."""

from __future__ import annotations

from backend.domain import Label
from backend.training.evaluation import curves, figures
from backend.training.evaluation.findings import Findings
from backend.training.evaluation.leaks import ALARM_AUC
from backend.training.evaluation.markup import (
    beside,
    chart,
    paragraph,
    percent,
    plain_with_interval,
    section,
    table,
    tiles,
    with_interval,
)
from backend.training.evaluation.sentences import alarms, in_words

_TILES = (
    ("auc", "AUC"),
    ("balanced_accuracy", "Balanced accuracy"),
    ("tpr_at_1_percent_fpr", "Found at 1 % false positives"),
    ("tpr_at_5_percent_fpr", "Found at 5 % false positives"),
    ("ece", "Calibration error (15 bins)"),
    ("brier", "Brier score"),
)


def headline(f: Findings) -> str:
    """Return the figures that matter most, in tiles and in words."""
    shown = [
        (
            title,
            f"{f.overall[key].value:.3f}",
            f"{f.overall[key].low:.3f} to {f.overall[key].high:.3f}",
        )
        for key, title in _TILES
    ]
    said = "".join(f"<li>{paragraph(text)}</li>" for text in in_words(f))
    return section("headline", "In short", tiles(shown), f'<ul class="words">{said}</ul>')


def aims(f: Findings) -> str:
    """Return where the model stands against the project's aims."""
    rows = [
        [
            aim.title,
            ("at most " if aim.at_most else "") + percent(aim.wanted),
            aim.plausible,
            percent(value),
            "met" if aim.met_by(value) else "missed",
        ]
        for aim, value in f.standing
    ]
    if not rows:
        return ""
    return section(
        "aims",
        "Against the aims",
        table(["Figure", "Aim", "Thought plausible", "Reached", ""], rows),
    )


def decisions(f: Findings) -> str:
    """Return confusion matrix and histogram of scores."""
    s = f.clean.scores
    served = f.summary["served"]
    return section(
        "decisions",
        "Decisions",
        beside(
            chart(
                "confusion",
                figures.confusion(f.summary["confusion"]),
                "Confusion matrix at score 0.5",
                "Shares are of the true class. Rows are the truth.",
            ),
            chart(
                "histogram",
                figures.histogram(s.scores, s.targets, low=f.setting.low, high=f.setting.high),
                "Scores",
                f"Dashed: the served thresholds, {f.setting.low:.3f} and {f.setting.high:.3f}. "
                f"Between them the verdict is “uncertain”: {percent(1 - served['coverage'])} of "
                "the originals.",
            ),
        ),
    )


def ranking(f: Findings) -> str:
    """Return ROC and precision-recall."""
    s = f.clean.scores
    precision = curves.average_precision(s.scores, s.targets)
    return section(
        "ranking",
        "Ranking",
        beside(
            chart(
                "roc",
                figures.roc(curves.roc(s.scores, s.targets)),
                "ROC",
                f"AUC {f.overall['auc'].value:.3f}. Dashed: 1 % and 5 % false positives.",
            ),
            chart(
                "precision-recall",
                figures.precision_recall(
                    curves.precision_recall(s.scores, s.targets), float(s.targets.mean())
                ),
                "Precision and recall",
                f"Average precision {precision:.3f}. Precision hangs on how many pictures are "
                f"generated; here {percent(float(s.targets.mean()))} are.",
            ),
        ),
    )


def honesty(f: Findings) -> str:
    """Return reliability diagram and risk-coverage curve."""
    s, served = f.clean.scores, f.summary["served"]
    area = curves.area_under_risk(s.scores, s.targets)
    return section(
        "honesty",
        "Does it know when it does not know?",
        beside(
            chart(
                "reliability",
                figures.reliability(curves.reliability(s.scores, s.targets)),
                "Reliability",
                "Of the pictures given a score, how many are AI-generated. On the dotted line "
                "the score is what it says. Larger dots hold more originals.",
            ),
            chart(
                "risk-coverage",
                figures.risk_coverage(
                    curves.risk_coverage(s.scores, s.targets),
                    coverage=served["coverage"],
                    risk=1 - served["accuracy_when_decided"],
                ),
                "Risk and coverage",
                "Errors among the pictures decided, when the least certain stay undecided. "
                f"Area {area:.3f}; 0 is perfect.",
            ),
        ),
    )


def degraded(f: Findings) -> str:
    """Return the degradation grid as figure and table."""
    if not f.grid:
        return ""
    rows = [
        [
            g.title,
            with_interval(g.figures["balanced_accuracy"]),
            f"{g.figures['auc'].value:.3f}",
            percent(g.figures["recall_ai_generated"].value),
            percent(g.figures["recall_human_made"].value),
            percent(g.figures["coverage"].value),
            percent(g.assessed),
        ]
        for g in f.grid
    ]
    heads = [
        "Copy",
        "Balanced accuracy",
        "AUC",
        "AI found",
        "Human right",
        "Decided",
        "Large enough",
    ]
    return section(
        "grid",
        "On copies as the web makes them",
        chart(
            "grid",
            figures.dots(
                [g.title for g in f.grid],
                {
                    "AUC": (figures.HUMAN, [g.figures["auc"] for g in f.grid]),
                    "balanced accuracy": (
                        figures.AI,
                        [g.figures["balanced_accuracy"] for g in f.grid],
                    ),
                },
                title="AUC, balanced accuracy at score 0.5",
                least=0.4,
                marks=(0.5,),
            ),
            "Degradation grid",
            "Every copy is made alike for both classes, seeded, and scored even where it is too "
            "small to be served; the dashed line is chance.",
        ),
        table(heads, rows),
        paragraph(
            "“Decided” is the share outside the uncertain band; “large enough” the share that "
            "the gate would let through by its size. Neither changes the other columns.",
            "note",
        ),
    )


def controls(f: Findings) -> str:
    """Return the leak controls beside the model's own figure."""
    if not f.controls:
        return ""
    lines = [("this model", f.overall["auc"]), *((c.sees, c.auc) for c in f.controls)]
    said = alarms(f.controls)
    return section(
        "leaks",
        "Leak controls",
        paragraph(
            "What classifiers reach that see no picture, only its packing: random forests, "
            "taught on the training split and judged on these originals."
        ),
        *(paragraph(text, "alarm") for text in said),
        chart(
            "leaks",
            figures.dots(
                [name for name, _ in lines],
                {"AUC": (figures.AI, [figure for _, figure in lines])},
                title="AUC",
                least=0.3,
                marks=(0.5, ALARM_AUC),
            ),
            "AUC of the controls",
            f"Dashed: chance, and .60, from where on a control on size or format tells that the "
            f"data are not equalised{'' if said else '; none does'}.",
        ),
    )


def part_figures(f: Findings) -> str:
    """Return the figures of parts of the originals."""
    rows = [
        [
            part.title,
            str(part.n[Label.AI_GENERATED.value]),
            str(part.n[Label.HUMAN_MADE.value]),
            plain_with_interval(part.figures["auc"]),
            with_interval(part.figures["balanced_accuracy"]),
        ]
        for part in f.subsets
    ]
    if not rows:
        return ""
    return section(
        "parts",
        "Parts of the originals",
        table(["Part", "AI-generated", "Human-made", "AUC", "Balanced accuracy"], rows),
    )
