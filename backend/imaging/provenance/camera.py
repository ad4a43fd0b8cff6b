"""What EXIF says of a camera: shown as declared, never as proof."""

from __future__ import annotations

import re

from backend.domain import Evidence
from backend.imaging.provenance.exif_fields import ExifFields
from backend.imaging.provenance.original import Original
from backend.imaging.provenance.rows import declared
from backend.imaging.provenance.wording import clean

KIND = "camera"
# Generators that write where a camera would: their names, or a graph of ComfyUI's.
_NOT_CAMERAS = re.compile(r"(Ideogram|Midjourney|workflow:|prompt:)", re.IGNORECASE)


class CameraReader:
    """Reads make, model, lens and the presence of maker notes."""

    kind = KIND
    about = "EXIF"

    def read(self, original: Original) -> list[Evidence]:
        """Return a row where a device is named; none otherwise. Raises where EXIF is damaged."""
        device = _device(original.exif)
        return [declared(KIND, _sentence(device, original.exif))] if device else []


def _device(exif: ExifFields) -> str:
    make, model = (
        "" if _NOT_CAMERAS.match(exif.get(field)) else clean(exif.get(field), limit)
        for field, limit in (("Make", 40), ("Model", 60))
    )
    repeated = bool(make) and model.lower().startswith(make.split(" ")[0].lower())
    return model if repeated else " ".join(part for part in (make, model) if part)


def _sentence(device: str, exif: ExifFields) -> str:
    lens = clean(exif.get("LensModel"), 60)
    notes = ", and carries a camera's maker notes" if exif.has_maker_note else ""
    software = clean(exif.get("Software"), 60)
    saved = f" Last written by {software}." if software else ""
    return (
        f"EXIF names the device {device}{f' with the lens {lens}' if lens else ''}{notes}.{saved} "
        "Anyone can write that into a file: it proves nothing."
    )
