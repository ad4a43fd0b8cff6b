"""Write what an evaluation found: `metrics.json` and `report.html`."""

from __future__ import annotations

from pathlib import Path

from backend.training.evaluation.findings import Findings
from backend.training.evaluation.page import render
from backend.training.run import write_json, write_text

METRICS_NAME, REPORT_NAME = "metrics.json", "report.html"


def write(findings: Findings, folder: Path) -> Path:
    """Write both files, each whole or not at all; returns the report's path."""
    folder.mkdir(parents=True, exist_ok=True)
    write_json(folder / METRICS_NAME, findings.to_json())
    write_text(folder / REPORT_NAME, render(findings))
    return folder / REPORT_NAME
