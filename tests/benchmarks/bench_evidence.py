"""Time the reading of all evidence from pictures of about one megabyte: `make bench-evidence`.

Distinct pictures, each read once; decoding is not counted, since a check needs it anyway. The aim
is a median under 5 ms without Content Credentials and under 20 ms with them.
"""

from __future__ import annotations

import argparse
import io
import statistics
import sys
import time

import numpy as np
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from backend.imaging.decode import decode
from backend.imaging.provenance.ledger import Ledger
from backend.imaging.provenance.trust_list import TrustList
from backend.model.processor import this_processor
from tests.imaging.provenance.signing import sign
from tests.imaging.provenance.written import COMFY_PROMPT, INFOTEXT, exif_block, packet

AIMS_MS = {"without credentials": 5.0, "with credentials": 20.0}
EXIF: dict[str, str | bytes] = {
    "Make": "Canon", "Model": "Canon EOS R5", "LensModel": "RF24-70mm", "MakerNote": bytes(20_000),
}  # fmt: skip
XMP = packet({"xmp:CreatorTool": "Krita"}, {"dc:description": "a word " * 1500})
SIZES = {
    "JPEG": (1400, 1050),
    "PNG": (660, 540),
    "WEBP": (1500, 1200),
    "PNG with alpha": (580, 480),
}


def picture(container: str, seed: int) -> bytes:
    """Return a grainy picture's file of about a megabyte with the metadata that is usual."""
    width, height = SIZES[container]
    rng = np.random.default_rng(seed)
    channels = 4 if "alpha" in container else 3
    slope = np.linspace(0, 200, width, dtype=np.float32)[None, :, None]
    pixels = np.clip(slope + rng.normal(30, 28, (height, width, channels)), 0, 255)
    image = Image.fromarray(pixels.astype(np.uint8))
    buffer = io.BytesIO()
    if container.startswith("PNG"):
        info = PngInfo()
        info.add_itxt("XML:com.adobe.xmp", XMP)
        info.add_text("Software", "Krita 5")
        info.add_text("Comment", INFOTEXT[:60] + COMFY_PROMPT[:60])
        image.save(buffer, "PNG", pnginfo=info, exif=exif_block(EXIF))
    else:
        quality = {"JPEG": 92, "WEBP": 90}[container]
        options = {"exif": exif_block(EXIF), "xmp": XMP.encode(), "quality": quality}
        image.save(buffer, container, **options)
    return buffer.getvalue()


def measure(files: list[bytes], ledger: Ledger) -> list[float]:
    """Return what reading each file took, in milliseconds."""
    taken = []
    for data in files:
        image = decode(data).image
        began = time.perf_counter()
        ledger.read(data, image)
        taken.append((time.perf_counter() - began) * 1000)
    return taken


def main() -> int:
    """Print a table; fail where a median misses its aim."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=40)
    count = parser.parse_args().count
    ledger = Ledger(TrustList.shipped())
    print(f"Reading all evidence, {count} distinct pictures a row, on {this_processor().summary}")
    print(f"{'':34}{'size':>9}{'median':>11}{'p95':>11}")
    missed = False
    for container in SIZES:
        plain = [picture(container, seed) for seed in range(count + 3)]
        media = f"image/{container.split(' ')[0].lower()}"
        rows = {"without credentials": plain, "with credentials": [sign(p, media) for p in plain]}
        for name, files in rows.items():
            taken = measure(files, ledger)[3:]  # libraries load at the first
            median, p95 = statistics.median(taken), sorted(taken)[int(0.95 * len(taken))]
            size_kb = statistics.mean(map(len, files)) / 1000
            missed |= median > AIMS_MS[name]
            print(f"{container:15}{name:19}{size_kb:6.0f} kB{median:8.2f} ms{p95:8.2f} ms")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
