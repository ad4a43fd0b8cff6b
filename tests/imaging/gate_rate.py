"""How many real pictures the gate would refuse: `make gate` prints it.

Reads the whole views of a split of the shared images, decodes them as the service does, and
asks the gate with no least size, since the views were scaled down for training.
"""

from __future__ import annotations

import argparse
import csv
import sys

from backend.imaging.decode import decode
from backend.imaging.gate import LEAST_DETAIL, detail, refusal
from tests.pictures import SHARED


def main() -> int:
    """Print the refusal rate and the emptiest pictures; fail where there are no pictures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--split", default="train", choices=["train", "val"])
    split = parser.parse_args().split
    manifest = SHARED / "data" / "manifest.csv"
    if not manifest.exists():
        print(f"There are no shared images at {SHARED}; set BRUSHMARK_TEST_SHARED.")
        return 1
    with manifest.open(encoding="utf-8") as file:
        rows = [r for r in csv.DictReader(file) if r["split"] == split and r["view"] == "whole"]
    found = []
    for row in rows:
        image = decode((SHARED / "data" / row["path"]).read_bytes()).image
        refused = refusal(image, min_short_side_px=0) is not None
        found.append((detail(image), refused, row["kind"], row["path"]))
    refusals = sum(refused for _, refused, _, _ in found)
    print(f"{split}: {refusals} of {len(found)} refused ({100 * refusals / len(found):.2f} %)")
    print(f"least detail asked: {LEAST_DETAIL}; the five emptiest pictures have")
    for share, _, kind, path in sorted(found)[:5]:
        print(f"  {share:.3f}  {kind}  {path}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
