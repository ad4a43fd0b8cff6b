"""The report: one HTML file that holds all it needs and asks nothing of any network.

Its content security policy forbids every request, so that this is the browser's promise too.
"""

from __future__ import annotations

import json
from html import escape
from importlib.resources import files

from plotly.offline import get_plotlyjs

from backend.training.evaluation import name_sections, sections
from backend.training.evaluation.figures import PALETTE
from backend.training.evaluation.findings import Findings
from backend.training.evaluation.markup import paragraph, section, table
from backend.training.evaluation.sentences import warnings

POLICY = (
    "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; "
    "img-src data: blob:; base-uri 'none'; form-action 'none'"
)
_SECTIONS = (
    sections.headline,
    sections.aims,
    sections.decisions,
    sections.ranking,
    sections.honesty,
    sections.degraded,
    sections.controls,
    sections.part_figures,
    name_sections.names,
    name_sections.left_out,
    name_sections.mistakes,
)


def render(findings: Findings) -> str:
    """Return the whole page."""
    s = findings.setting
    title = f"{s.version} on {s.split}"
    body = "".join(part(findings) for part in _SECTIONS) + _setting(findings)
    told = "".join(paragraph(text, "alarm") for text in warnings(findings))
    lead = paragraph(
        f"{len(findings.clean.scores.rows):,} originals, {s.views}; {s.date[:10]}. "
        "Intervals are 95 %, over resampled groups of near-duplicates.",
        "lead",
    )
    return "\n".join(
        (
            "<!doctype html>",
            '<html lang="en">',
            "<head>",
            '<meta charset="utf-8">',
            f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            '<meta name="color-scheme" content="light dark">',
            f"<title>{escape(title)} · Brushmark evaluation</title>",
            f"<style>{_asset('report.css')}</style>",
            f"<script>{get_plotlyjs()}</script>",
            "</head>",
            "<body>",
            '<header><div class="top"><p class="brand">Brushmark evaluation</p>'
            '<button type="button" id="theme">Dark or light</button></div>'
            f"<h1>{escape(title)}</h1>{lead}</header>",
            f"<main>{told}{body}</main>",
            f'<script type="application/json" id="palette">{json.dumps(PALETTE)}</script>',
            f"<script>{_asset('report.js')}</script>",
            "</body>",
            "</html>",
        )
    )


def _asset(name: str) -> str:
    return files(__package__).joinpath(name).read_text(encoding="utf-8")


def _setting(f: Findings) -> str:
    s = f.setting
    rows = [
        ["Command", s.command],
        ["Date", s.date],
        ["Weights", f"{s.version}, card SHA-256 {s.model_sha256[:16]}…"],
        ["Scored with", s.device],
        ["Manifest", f"SHA-256 {s.manifest_sha256[:16]}…"],
        ["Views", s.views],
        ["Served thresholds", f"{s.low:.4f} and {s.high:.4f}"],
        *(
            [
                f"Openings of {split}",
                f"{n['by_the_release']} at the release, {n['by_evaluate']} by this command",
            ]
            for split, n in f.openings.items()
        ),
    ]
    return section(
        "setting",
        "How it was measured",
        table(["", ""], rows),
        paragraph(
            "This report shows pictures that belong to others: keep it to yourself, do not "
            "publish it or commit it. metrics.json beside it holds the figures alone.",
            "note",
        ),
    )
