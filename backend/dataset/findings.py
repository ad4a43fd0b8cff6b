"""What a check of a manifest says: findings, figures, and whether something must be mended."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any


class Weight(StrEnum):
    """How grave a finding is."""

    MEND = "mend"
    """Figures made with this manifest would be wrong."""
    CARE = "care"
    """A model can learn this in place of the question: control for it, and report it."""
    NOTE = "note"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was found: how often, in a sentence, with a few examples."""

    code: str
    weight: Weight
    count: int
    message: str
    examples: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Report:
    """All findings on one manifest, and the figures that they rest on."""

    manifest: str
    sha256: str
    figures: Mapping[str, Any]
    findings: tuple[Finding, ...]

    def must_be_mended(self, strict: bool = False) -> bool:
        """Say whether a finding is grave enough to stop at; `strict` stops at `care` too."""
        grave = {Weight.MEND, Weight.CARE} if strict else {Weight.MEND}
        return any(finding.weight in grave for finding in self.findings)

    def document(self) -> dict[str, Any]:
        """Return the report as JSON."""
        return {
            "manifest": self.manifest,
            "sha256": self.sha256,
            "must_be_mended": self.must_be_mended(),
            "figures": dict(self.figures),
            "findings": [asdict(finding) for finding in self.findings],
        }

    def lines(self) -> list[str]:
        """Return the report as people read it, the gravest first."""
        lines = [f"{self.manifest}: {self.figures['rows']} rows"]
        lines += [
            f"  {split}: {n['ai_generated']} AI-generated, {n['human_made']} human-made"
            for split, n in self.figures["splits"].items()
        ]
        order = list(Weight)
        for finding in sorted(self.findings, key=lambda f: order.index(f.weight)):
            lines.append(f"{finding.weight.upper():4}  {finding.message}")
            lines += [f"        {example}" for example in finding.examples]
        if not self.findings:
            lines.append("Nothing to mend, nothing to take care of.")
        return lines
