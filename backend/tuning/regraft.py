"""Put another head into a served graph by changing its constants: no torch, no export.

The graph's weights lie in a `.bin`; its `.xml` says where each constant starts. A head's
tensors are found there by their values, as they are or transposed, and overwritten.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from defusedxml import ElementTree

from backend.errors import BadRun, WeightsDamaged
from backend.tuning.head import LEARNT, Head

_TYPES = {"f16": np.float16, "f32": np.float32}


@dataclass(frozen=True, slots=True)
class _Constant:
    """Where a constant lies in the `.bin`."""

    offset: int
    size: int
    kind: type[Any]

    def read(self, raw: bytearray) -> npt.NDArray[Any]:
        """Return its numbers, flat; they can be written to."""
        return np.frombuffer(memoryview(raw)[self.offset : self.offset + self.size], self.kind)


def regraft(xml: Path, weights: Path, target: Path, before: Head, after: Head) -> int:
    """Write a copy of a graph's weights with another head; returns how many constants changed.

    Args:
        xml, weights: the graph that serves `before`.
        target: where the weights with `after` go; they go with the same `.xml`.

    Raises:
        BadRun: a tensor of the head is nowhere in the graph.
        WeightsDamaged: the graph cannot be read.
    """
    try:
        raw = bytearray(weights.read_bytes())
        constants = list(_constants(xml))
    except (OSError, ElementTree.ParseError, KeyError, ValueError) as error:
        raise WeightsDamaged(f"The graph {xml.name} cannot be read: {error}.") from error
    changed = 0
    for name in LEARNT:
        sites = list(_sites(raw, constants, getattr(before, name)))
        if not sites:
            raise BadRun(
                f"{xml.name} does not hold the head as its checkpoint has it ({name}), so it "
                "cannot be changed in place. Fine-tune another release, or use --full."
            )
        for constant, turned in sites:
            tensor = getattr(after, name)
            constant.read(raw)[:] = (tensor.T if turned else tensor).ravel().astype(constant.kind)
        changed += len(sites)
    target.write_bytes(raw)
    return changed


def _constants(xml: Path) -> Iterator[_Constant]:
    root = ElementTree.fromstring(xml.read_bytes())
    for layer in root.iter("layer"):
        data = layer.find("data")
        if layer.get("type") != "Const" or data is None:
            continue
        kind = _TYPES.get(data.get("element_type") or "")
        if kind is not None:
            yield _Constant(int(data.attrib["offset"]), int(data.attrib["size"]), kind)


def _sites(
    raw: bytearray, constants: list[_Constant], tensor: npt.NDArray[Any]
) -> Iterator[tuple[_Constant, bool]]:
    """Yield each place of a tensor, and whether it lies there transposed."""
    seen = set()
    for constant in constants:
        if (
            constant.offset in seen
            or constant.size != tensor.size * np.dtype(constant.kind).itemsize
        ):
            continue
        found = constant.read(raw)
        for turned in (False, True):
            wanted = (tensor.T if turned else tensor).ravel()
            if np.array_equal(found.astype(np.float16), wanted.astype(np.float16)):
                seen.add(constant.offset)
                yield constant, turned
                break
