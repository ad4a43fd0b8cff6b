"""What the feature vector of a picture holds. No torch."""

from __future__ import annotations

from typing import TypeVar

import numpy as np
import numpy.typing as npt

STATISTICS = 2048
"""Numbers that say what the picture looks like, where the network reads every stage. What follows
them is an opinion of it (`texture_network`), which was learnt from labels."""

_Kind = TypeVar("_Kind", bound=np.generic)


def without_opinion(vectors: npt.NDArray[_Kind]) -> npt.NDArray[_Kind]:
    """Return vectors (n, d) less the opinion that they end with, if they do."""
    return vectors[:, :STATISTICS]
