"""Parameters that generators write into their own pictures."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from backend.domain import Evidence, Label
from backend.imaging.provenance import comfyui, infotext, other_generators, stealth
from backend.imaging.provenance.exif_fields import NONE, ExifFields
from backend.imaging.provenance.finding import Finding
from backend.imaging.provenance.original import Original
from backend.imaging.provenance.rows import absent, declared, unreadable
from backend.imaging.provenance.wording import clean, clean_prompt

KIND = "generator"
ABSENT = "No generator's parameters. Most copies on the web have lost theirs: it says nothing."
UNREADABLE = "There is text in the file that is damaged, or larger than anybody writes."


Recogniser = Callable[[dict[str, str], ExifFields], Finding | None]
RECOGNISERS: tuple[Recogniser, ...] = (
    other_generators.fooocus,
    other_generators.swarmui,
    infotext.stable_diffusion,
    comfyui.comfyui,
    other_generators.invokeai,
    other_generators.novelai,
    other_generators.easy_diffusion,
    other_generators.midjourney,
    other_generators.grok,
)
"""Asked in this order: those that borrow another's format stand before it."""


class GeneratorReader:
    """Recognises the parameters of each tool by their structure, never by a name alone."""

    kind = KIND
    about = "Text in the file"

    def read(self, original: Original) -> list[Evidence]:
        """Return a row for the tool that was recognised, or one that says that there is none."""
        metadata = original.metadata
        found = _recognise(dict(reversed(metadata.texts)), _exif(original))
        if found is None:
            hidden = stealth.read(original.data, metadata.format)
            found = _recognise(hidden, NONE) if hidden else None
            found = replace(found, hidden=True) if found else None
        if found is not None:
            return [_row(found)]
        return [unreadable(KIND, UNREADABLE) if metadata.too_much else absent(KIND, ABSENT)]


def _exif(original: Original) -> ExifFields:
    try:
        return original.exif
    except ValueError:  # the row of the camera says so
        return NONE


def _recognise(texts: dict[str, str], exif: ExifFields) -> Finding | None:
    for recogniser in RECOGNISERS:
        found = recogniser(texts, exif)
        if found is not None:
            return found
    return None


def _row(found: Finding) -> Evidence:
    name = " ".join(part for part in (found.tool, clean(found.version, 40)) if part)
    model = f" (model {clean(found.model, 60)})" if found.model else ""
    prompt = clean_prompt(found.prompt)
    if not found.generated:
        detail = f"Carries a workflow of {name}{model} that edits a picture and generates none."
        return declared(KIND, detail, None, prompt)
    where = " hidden in its transparency" if found.hidden else ""
    detail = (
        f"Carries the parameters that {name}{model} writes into pictures it generates{where}. "
        "They are not signed: anyone could copy them into a file."
    )
    return declared(KIND, detail, Label.AI_GENERATED, prompt)
