"""What a release says of pictures that the log kept, for releases whose vectors differ."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from backend.errors import BrushmarkError
from backend.imaging.decode import decode
from backend.model.card import Card, verify_files
from backend.model.judge import Scored
from backend.model.openvino_runtime import OpenVinoJudge
from backend.model.processor import this_processor
from backend.storage.images import ImageStore


def scored_anew(card: Card, images: ImageStore, digests: Sequence[str]) -> dict[str, Scored]:
    """Judge kept pictures by a release's own graph; those that are not kept are left out.

    Raises:
        WeightsDamaged: a file is not the one that was released, or the graph cannot be loaded.
    """
    kept = [digest for digest in digests if images.has(digest)]
    if not kept:
        return {}
    verify_files(card)
    judge = OpenVinoJudge(card)

    def look(digest: str) -> Scored | None:
        try:
            data = images.get(digest)
            return None if data is None else judge.score(decode(data).image)
        except BrushmarkError:  # a damaged file: its record says so where it is read
            return None

    with ThreadPoolExecutor(this_processor().cores, thread_name_prefix="compare") as pool:
        found = zip(kept, pool.map(look, kept), strict=True)
        return {digest: scored for digest, scored in found if scored is not None}
