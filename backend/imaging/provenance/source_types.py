"""Digital source types: how a picture came about, in IPTC's words.

Source: https://cv.iptc.org/newscodes/digitalsourcetype/
"""

from __future__ import annotations

from dataclasses import dataclass

from backend.imaging.provenance.wording import clean


@dataclass(frozen=True, slots=True)
class SourceType:
    """What a source type says: made by a trained model as a whole, in parts, or not at all."""

    words: str
    wholly_ai: bool = False
    partly_ai: bool = False
    captured: bool = False


_KNOWN = {
    "trainedAlgorithmicMedia": SourceType("made by a trained model", wholly_ai=True),
    "compositeWithTrainedAlgorithmicMedia": SourceType(
        "edited with a trained model, or put together with parts that one made", partly_ai=True
    ),
    "compositeSynthetic": SourceType("put together with synthetic parts", partly_ai=True),
    "algorithmicMedia": SourceType("made by an algorithm that was not trained on pictures"),
    "algorithmicallyEnhanced": SourceType("enhanced by an algorithm"),
    "dataDrivenMedia": SourceType("made from data"),
    "virtualRecording": SourceType("recorded in a virtual scene"),
    "digitalCapture": SourceType("a digital photograph", captured=True),
    "computationalCapture": SourceType("a photograph from several shots", captured=True),
    "compositeCapture": SourceType("put together from photographs", captured=True),
    "negativeFilm": SourceType("scanned from a film negative", captured=True),
    "positiveFilm": SourceType("scanned from a film positive", captured=True),
    "print": SourceType("scanned from a print", captured=True),
    "digitalCreation": SourceType("made by a person with digital tools"),
    "digitalArt": SourceType("made by a person with digital tools"),
    "humanEdits": SourceType("edited by a person"),
    "minorHumanEdits": SourceType("edited slightly by a person"),
    "softwareImage": SourceType("made by software"),
    "screenCapture": SourceType("a screen capture"),
}


def source_type(value: object) -> SourceType:
    """Return what an address or a bare name of a source type says; unknown ones say nothing."""
    name = str(value).strip().rstrip("/").rpartition("/")[2]
    return _KNOWN.get(name) or SourceType(f"of the source type “{clean(name, 40)}”")
