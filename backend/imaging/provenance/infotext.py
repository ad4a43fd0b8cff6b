"""The parameter text of AUTOMATIC1111's WebUI, which many other tools write too."""

from __future__ import annotations

import re

from backend.imaging.provenance.exif_fields import ExifFields
from backend.imaging.provenance.finding import Finding

_LINE = re.compile(r"^Steps: \d{1,5}, ")
_FIELD = re.compile(r'(?:^|, )([A-Z][\w /.-]{0,40}): ("(?:[^"\\]|\\.){0,2000}"|[^,]{0,200})')
_USUAL = frozenset({"Sampler", "CFG scale", "Seed", "Size", "Model hash", "Model", "Guidance"})
_NEGATIVE = "\nNegative prompt:"

_DEFAULT = "AUTOMATIC1111 Stable Diffusion WebUI"
# Tools that write the same text say so in its field Version or App.
_TOOLS = (
    (re.compile(r"^stable-diffusion\.cpp"), "stable-diffusion.cpp"),
    (re.compile(r"^ComfyUI", re.IGNORECASE), "ComfyUI"),
    (re.compile(r"^Fooocus", re.IGNORECASE), "Fooocus"),
    (re.compile(r"^SD\.?Next", re.IGNORECASE), "SD.Next"),
    (re.compile(r"^(forge|neo|f\d)", re.IGNORECASE), "Stable Diffusion WebUI Forge"),
)
_CANDIDATES = ("parameters", "Parameters")
_MAX_SEARCHED_CHARS = 64_000


def stable_diffusion(texts: dict[str, str], exif: ExifFields) -> Finding | None:
    """Recognise the text in PNG's `parameters` or EXIF's UserComment.

    Its last lines begin with `Steps: …` and go on with at least two of the usual fields, as in
    https://github.com/AUTOMATIC1111/stable-diffusion-webui/wiki/Features#png-info.
    """
    for text in (*(texts.get(key, "") for key in _CANDIDATES), exif.get("UserComment")):
        found = _parse(text[:_MAX_SEARCHED_CHARS])
        if found is not None:
            return found
    return None


def _parse(text: str) -> Finding | None:
    lines = text.strip().split("\n")
    start = next((i for i in range(len(lines) - 1, -1, -1) if _LINE.match(lines[i])), None)
    if start is None:
        return None
    fields = dict(_FIELD.findall(lines[start]))
    if len(_USUAL & fields.keys()) < 2:
        return None
    prompt = "\n".join(lines[:start]).partition(_NEGATIVE)[0]
    version = fields.get("Version", "").strip()
    tool = _tool(version) or _tool(fields.get("App", "").strip()) or _DEFAULT
    shown = "" if version.lower().startswith(tool.split(" ")[0].lower()) else version
    return Finding(tool, shown, fields.get("Model", "").strip(), prompt)


def _tool(name: str) -> str:
    return next((tool for pattern, tool in _TOOLS if pattern.match(name)), "")
