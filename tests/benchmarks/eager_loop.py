"""The founding network without any server: decode, preprocess and forward, eagerly, in a loop.

Reads one order a line on standard input and answers each with one line of timings:
{"pictures": [paths], "clients": 1} -> {"latencies_s": [...], "elapsed_s": ...}
"""

from __future__ import annotations

import dataclasses
import io
import json
import sys
from pathlib import Path

from PIL import Image
from torch import nn

from tests.benchmarks.founding_network import load_network, predict
from tests.benchmarks.load import closed_loop


def main() -> None:
    """Answer orders until there are no more."""
    network = load_network(sys.argv[1])
    for line in sys.stdin:
        order = json.loads(line)
        pictures = [Path(path).read_bytes() for path in order["pictures"]]
        timings = closed_loop(
            order["clients"], pictures, lambda: lambda jpeg: _judge(network, jpeg)
        )
        print(json.dumps(dataclasses.asdict(timings)), flush=True)


def _judge(network: nn.Module, jpeg: bytes) -> None:
    with Image.open(io.BytesIO(jpeg)) as picture:
        predict(network, picture)


if __name__ == "__main__":
    main()
