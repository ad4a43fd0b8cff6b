"""Draw a report: one HTML file that holds all it needs, runs nothing and asks no network.

Its content security policy forbids scripts and requests, so that this is the browser's promise
too. Every text is escaped here, once; the data stands in an element that no browser runs.
"""

from __future__ import annotations

import base64
import json
from html import escape
from importlib.resources import files

from backend.report import sections
from backend.wire import Json

POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; "
    "form-action 'none'"
)
DATA_OPENS = '<script type="application/json" id="brushmark-report">'
DATA_CLOSES = "</script>"
PREVIEW, HEAT_MAP = "picture", "heat-map"


def render(facts: Json, preview: bytes | None, heat_map: bytes | None) -> str:
    """Return the whole page; the same data and pictures give the same page, byte for byte."""
    record = facts["record"]
    image = _picture(PREVIEW, preview, "The picture that was checked, made smaller")
    heat = _picture(HEAT_MAP, heat_map, "The heat map over the picture")
    parts = (
        sections.verdict(facts, image),
        sections.evidence(record),
        sections.heat(heat),
        sections.file(record),
        sections.model(facts),
        sections.limits(facts),
        sections.checking(),
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
            '<meta name="referrer" content="no-referrer">',
            f"<title>Brushmark report {escape(record['image']['sha256'][:12])}</title>",
            f"<style>{_style()}</style>",
            "</head>",
            "<body>",
            sections.head(facts),
            f"<main>{''.join(parts)}</main>",
            f"{DATA_OPENS}{as_data(facts)}{DATA_CLOSES}",
            "</body>",
            "</html>\n",
        )
    )


def as_data(facts: Json) -> str:
    """Write the data so that no text in it can end the element that it stands in."""
    text = json.dumps(facts, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _picture(name: str, jpeg: bytes | None, words: str) -> str:
    if jpeg is None:
        return ""
    source = base64.b64encode(jpeg).decode("ascii")
    return f'<img id="{name}" src="data:image/jpeg;base64,{source}" alt="{escape(words)}">'


def _style() -> str:
    return files("backend.report").joinpath("report.css").read_text(encoding="utf-8")
