"""What each rule of provenance costs in wrong answers: `make evidence-rates` prints it.

The squares of DALL·E 2 are looked for in the shared images of `train` and `val`, people's and
generated ones. All other rules are measured on files with metadata: the real ones of the fixtures,
spoofed ones, and people's pictures to which this writes what cameras, editors, agencies and
scanners write. The shared images say nothing there: they were encoded anew without metadata.
"""

from __future__ import annotations

import csv
import json
import sys
from collections import Counter
from collections.abc import Iterator

from backend.domain import Evidence, Policy, Prediction
from backend.imaging.decode import decode
from backend.imaging.provenance.ledger import shipped_ledger
from backend.imaging.provenance.marks import has_squares
from backend.imaging.provenance.watermark import find
from backend.verdict import decide
from tests.fakes import FakeJudge
from tests.imaging.provenance.signing import authority, sign
from tests.imaging.provenance.test_spoofs import CAMERA, peoples_pictures
from tests.imaging.provenance.written import GENERATORS, PROMPT, packet, write
from tests.pictures import SHARED, draw, encode

POLICY: Policy = FakeJudge().policy
HUMAN, UNSURE = 0.05, 0.6


def main() -> int:
    """Print the table; fail where a person's picture gets an AI verdict from provenance alone."""
    squares()
    fixtures()
    wrong = peoples()
    spoofs()
    return 1 if wrong else 0


def squares() -> None:
    """Count pictures that seem to carry the squares, by who made them."""
    manifest = SHARED / "data" / "manifest.csv"
    if not manifest.exists():
        print(f"There are no shared images at {SHARED}: the squares were not measured.")
        return
    seen, hits, judged, marked = Counter[str](), Counter[str](), Counter[str](), Counter[str]()
    with manifest.open(encoding="utf-8") as file:
        rows = [r for r in csv.DictReader(file) if r["split"] in {"train", "val"}]
    for row in rows:
        who = "people" if row["label"] == "human_made" else "other generators"
        if row["family"] == "dalle2" or row["generator"] in {"dalle2", "bing-dalle2"}:
            who = "DALL·E 2"
        image = decode((SHARED / "data" / row["path"]).read_bytes()).image
        seen[who] += 1
        judged[who] += image.width == image.height >= 256
        hits[who] += has_squares(image)
        marked[who] += find(image) is not None
    print("DALL·E 2's squares, in the shared images of train and val:")
    for who in sorted(seen):
        print(f"  {who:17} {hits[who]} of {seen[who]} (square and large enough: {judged[who]})")
    print("Invisible watermarks, in the same pictures (all of them went through JPEG):")
    for who in sorted(seen):
        print(f"  {who:17} {marked[who]} of {seen[who]}")


def fixtures() -> None:
    """Count what the real files' own account decides."""
    expected = SHARED / "fixtures" / "provenance" / "expected.json"
    if not expected.exists():
        print("There are no real files beside this checkout.")
        return
    found = Counter[str]()
    for name, wanted in json.loads(expected.read_text()).items():
        if not name.startswith("_"):
            rows = _rows((expected.parent / name).read_bytes())
            truth = "AI" if wanted["label"] else "not said to be AI"
            found[f"{truth}: {_verdict(rows, UNSURE)}"] += 1
    _print("Real files, as the file's account decides where the model is unsure:", found)


def peoples() -> int:
    """Count verdicts on people's pictures; return how many are AI by provenance."""
    found = Counter[str]()
    for _, data in peoples_pictures():
        found[_verdict(_rows(data), UNSURE)] += 1
    _print("People's pictures with camera, editor, agency and scanner metadata:", found)
    return sum(n for words, n in found.items() if words.startswith("ai_generated"))


def spoofs() -> None:
    """Count verdicts on people's pictures into which somebody pasted a generator's account."""
    bare, photo = Counter[str](), Counter[str]()
    for _, texts, exif in GENERATORS.values():
        bare[_verdict(_rows(write("PNG", texts=texts, exif=exif)), HUMAN)] += 1
        kept = {**CAMERA, **exif}
        photo[_verdict(_rows(write("PNG", texts=texts, exif=kept)), HUMAN)] += 1
    _print("Spoof: parameters pasted, no camera in the file; the model says human-made:", bare)
    _print("Spoof: parameters pasted into a photograph that names its camera:", photo)
    told = packet({"Iptc4xmpExt:DigitalSourceType": "trainedAlgorithmicMedia"})
    declared = Counter(_verdict(_rows(write(c, xmp=told)), HUMAN) for c in ("JPEG", "PNG", "WEBP"))
    _print("Spoof: a false declaration in XMP; the model says human-made:", declared)
    signed = sign(encode(draw(), "JPEG"), by=authority("OpenAI"))
    stranger = Counter([_verdict(_rows(signed), HUMAN)])
    _print("Spoof: signed by a stranger under another's name; human-made to the model:", stranger)
    trailer = encode(draw(), "JPEG") + PROMPT.encode() + write("PNG", texts={"parameters": PROMPT})
    _print(
        "Spoof: a trailer behind the end of the file:", Counter([_verdict(_rows(trailer), HUMAN)])
    )


def _rows(data: bytes) -> tuple[Evidence, ...]:
    return shipped_ledger().read(data, decode(data).image)


def _verdict(rows: tuple[Evidence, ...], score: float) -> str:
    verdict = decide(Prediction(score, FakeJudge().ref), rows, POLICY)
    basis = verdict.basis.value if verdict.basis else "none"
    return f"{verdict.outcome} by {basis}{', in conflict' if verdict.conflict else ''}"


def _print(title: str, found: Counter[str]) -> None:
    print(title)
    for words, number in _sorted(found):
        print(f"  {number:4}  {words}")


def _sorted(found: Counter[str]) -> Iterator[tuple[str, int]]:
    yield from sorted(found.items(), key=lambda item: -item[1])


if __name__ == "__main__":
    sys.exit(main())
