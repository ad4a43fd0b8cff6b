"""Declarations in the file: IPTC's digital source type, AI properties, labels, software names."""

from __future__ import annotations

import re

from backend.domain import Evidence, Label
from backend.imaging.provenance.exif_fields import NONE, ExifFields
from backend.imaging.provenance.finding import json_object
from backend.imaging.provenance.original import Original
from backend.imaging.provenance.rows import declared, unreadable
from backend.imaging.provenance.source_types import source_type
from backend.imaging.provenance.wording import clean, clean_prompt
from backend.imaging.provenance.xmp import AIGC, IPTC, PHOTOSHOP, XMP, Properties

KIND = "declaration"
UNSIGNED = "Nobody signed that."

# Whole names at the start of a software field. Captions and keywords are never searched.
_SOFTWARE = re.compile(
    r"(DALL[·.\- ]?E|Midjourney|Adobe Firefly|Stable Diffusion|DreamStudio|NovelAI|InvokeAI"
    r"|ComfyUI|Fooocus|SwarmUI|Easy Diffusion|Draw Things|Bing Image Creator|Ideogram(?: AI)?"
    r"|Leonardo\.?Ai|NightCafe|Imagen|gpt-image|Google Gemini|Made with Google AI|Grok)(?!\w)",
    re.IGNORECASE,
)
_CHINESE_LABELS = {
    "1": "AI-generated",
    "2": "possibly AI-generated",
    "3": "suspected to be AI-generated",
}

_GOOGLE_CREDITS = {"Made with Google AI": Label.AI_GENERATED, "Edited with Google AI": None}


class DeclarationReader:
    """Reads what a file declares about itself, unsigned."""

    kind = KIND
    about = "XMP"

    def read(self, original: Original) -> list[Evidence]:
        """Return a row for each declaration; none where there is none."""
        exif, texts = _exif(original), dict(reversed(original.metadata.texts))
        damaged: list[Evidence] = []
        try:
            xmp = original.xmp
        except ValueError:
            xmp, damaged = {}, [unreadable(KIND, "There is an XMP packet that cannot be read.")]
        rows = (
            _credit(xmp),
            _ai_system(xmp),
            _label_row(exif, xmp, texts),
            _software_row(exif, xmp, texts),
        )
        return [*_source_types(xmp), *(row for row in rows if row is not None), *damaged]


def _exif(original: Original) -> ExifFields:
    try:
        return original.exif
    except ValueError:  # the row of the camera says so
        return NONE


def _source_types(xmp: Properties) -> list[Evidence]:
    rows = []
    stated = [*xmp.get(f"{IPTC}DigitalSourceType", ()), *xmp.get(f"{IPTC}DigitalSourcetype", ())]
    for value in dict.fromkeys(stated[:8]):
        kind = source_type(value)
        label = Label.AI_GENERATED if kind.wholly_ai else None
        rows.append(declared(KIND, f"The file declares itself {kind.words}. {UNSIGNED}", label))
    return rows


def _credit(xmp: Properties) -> Evidence | None:
    """Read the credit line that Google's tools write, where it is that line and nothing else."""
    if xmp.get(f"{IPTC}DigitalSourceType"):
        return None  # they write it beside the source type, which says the same
    for value in xmp.get(f"{PHOTOSHOP}Credit", ()):
        if value.strip() in _GOOGLE_CREDITS:
            label = _GOOGLE_CREDITS[value.strip()]
            return declared(KIND, f"The credit line says “{value.strip()}”. {UNSIGNED}", label)
    return None


def _ai_system(xmp: Properties) -> Evidence | None:
    """Read IPTC's properties on generative AI (Photo Metadata Standard 2025.1)."""
    systems = xmp.get(f"{IPTC}AISystemUsed")
    prompts = xmp.get(f"{IPTC}AIPromptInformation")
    if not systems and not prompts:
        return None
    name = clean(systems[0]) if systems else "an AI system"
    prompt = clean_prompt(prompts[0]) if prompts else None
    detail = f"The file declares that {name} had a part in making it. {UNSIGNED}"
    return declared(KIND, detail, Label.AI_GENERATED, prompt)


def _label_row(exif: ExifFields, xmp: Properties, texts: dict[str, str]) -> Evidence | None:
    """Read the label that China asks for (GB 45438-2025, annex E)."""
    candidates = [*xmp.get(f"{AIGC}AIGC", ()), texts.get("AIGC"), exif.get("UserComment")]
    for text in candidates:
        found = json_object(text)
        inner = found.get("AIGC", found)
        inner = json_object(inner) if isinstance(inner, str) else inner
        if isinstance(inner, dict) and str(inner.get("Label")) in _CHINESE_LABELS:
            words = _CHINESE_LABELS[str(inner["Label"])]
            label = Label.AI_GENERATED if str(inner["Label"]) == "1" else None
            return declared(
                KIND, f"The file carries an AIGC label that calls it {words}. {UNSIGNED}", label
            )
    return None


def _software_row(exif: ExifFields, xmp: Properties, texts: dict[str, str]) -> Evidence | None:
    fields = (
        exif.get("Software"),
        exif.get("Make"),
        texts.get("Software", ""),
        *xmp.get(f"{XMP}CreatorTool", ()),
    )
    for field in fields:
        if _SOFTWARE.match(field.strip()):
            detail = f"The file names {clean(field)} as the program that made it. {UNSIGNED}"
            return declared(KIND, detail, Label.AI_GENERATED)
    return None
