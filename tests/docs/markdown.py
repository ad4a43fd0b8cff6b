"""Read Markdown as far as the tests of the documents need it."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
_NOT_OURS = {"build", "dist", "node_modules", "runs"}
_FENCE = re.compile(r"^(`{3,}|~{3,}).*?^\1[^\n]*$", re.MULTILINE | re.DOTALL)
_CODE = re.compile(r"(`+)(?!`).+?(?<!`)\1(?!`)")
_INLINE = re.compile(r"\]\(\s*<?([^\s)>]+)>?[^)]*\)")
_REFERENCE = re.compile(r"^\s{0,3}\[[^\]]+\]:\s*<?(\S+?)>?\s*$", re.MULTILINE)
_HTML = re.compile(r"<(?:img|a)\b[^>]*?\b(?:src|href)=\"([^\"]+)\"")
_HEADING = re.compile(r"^#{1,6}\s+(.+?)\s*#*\s*$", re.MULTILINE)
_HTML_ANCHOR = re.compile(r"<[a-z]+\b[^>]*?\b(?:id|name)=\"([^\"]+)\"")


def documents() -> list[Path]:
    """Find every Markdown file of the project, leaving out what was built or installed."""
    found: list[Path] = []
    for folder, names, files in os.walk(ROOT):
        names[:] = [n for n in names if n not in _NOT_OURS and not n.startswith(".")]
        found += [Path(folder, file) for file in files if file.endswith(".md")]
    return sorted(found)


def prose(text: str) -> str:
    """Drop fenced blocks and inline code: what looks like a link there is none."""
    return _CODE.sub("", _FENCE.sub("", text))


def links(text: str) -> Iterator[str]:
    """Yield the target of every link and picture."""
    plain = prose(text)
    for pattern in (_INLINE, _REFERENCE, _HTML):
        yield from pattern.findall(plain)


def anchors(text: str) -> set[str]:
    """Return what a fragment may name: headings as GitHub writes them, and ids in HTML."""
    plain = _FENCE.sub("", text)
    seen: Counter[str] = Counter()
    found = set(_HTML_ANCHOR.findall(plain))
    for heading in _HEADING.findall(plain):
        slug = _slug(heading)
        found.add(f"{slug}-{seen[slug]}" if seen[slug] else slug)
        seen[slug] += 1
    return found


def _slug(heading: str) -> str:
    shown = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).replace("`", "")
    return re.sub(r"[^\w\- ]", "", shown.lower()).replace(" ", "-")


def broken(document: Path, target: str) -> str | None:
    """Return why a link's target does not resolve, or None where it does or leaves the project."""
    if re.match(r"[a-z][a-z0-9+.-]*:", target) or target.startswith("//"):
        return None
    place, _, fragment = target.partition("#")
    path = (document.parent / place).resolve() if place else document
    if not path.is_relative_to(ROOT):
        return f"{target} leaves the project"
    if not path.exists():
        return f"{target} does not exist"
    if fragment and path.suffix == ".md" and fragment not in anchors(path.read_text("utf-8")):
        return f"{target} names no heading of {path.name}"
    return None
