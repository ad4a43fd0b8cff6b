"""Rates and their intervals as people read them."""

from __future__ import annotations

import math

from dashboard.client import Json
from dashboard.words import joined

_WIDE = 0.2
_WANTED_HALF = 0.05
_Z = 1.96


def share(value: float | None) -> str:
    r"""Write a share in per cent; one decimal where it is small.

    >>> share(0.934), share(0.012), share(0.0), share(None)
    ('93\xa0%', '1.2\xa0%', '0\xa0%', '–')
    """
    if value is None:
        return "–"
    percent = 100 * value
    return joined(f"{percent:.0f} %" if percent >= 10 or percent == 0 else f"{percent:.1f} %")


def interval(rate: Json) -> str:
    r"""Write a rate's interval and what it is of.

    >>> interval({"k": 3, "n": 40, "value": 0.075, "low": 0.026, "high": 0.199})
    '2.6\xa0% to 20\xa0%; 3 of 40'
    """
    if rate["value"] is None:
        return "no such picture reviewed yet"
    return f"{share(rate['low'])} to {share(rate['high'])}; {rate['k']} of {rate['n']}"


def is_wide(rate: Json) -> bool:
    """Say whether a rate is too uncertain to act on."""
    return rate["value"] is None or rate["high"] - rate["low"] > _WIDE


def reviews_wanted(rate: Json) -> int:
    """Return about how many more pictures would bring the interval to five points either way.

    >>> reviews_wanted({"n": 30, "value": 0.1, "low": 0.03, "high": 0.26, "k": 3})
    110
    """
    # At a rate of nothing or all, the middle of the interval is the better guess.
    n: int = rate["n"]
    p: float = 0.5 if rate["value"] is None else rate["value"]
    if p in {0.0, 1.0}:
        p = (rate["low"] + rate["high"]) / 2
    wanted = _Z**2 * p * (1 - p) / _WANTED_HALF**2
    return max(10, math.ceil((wanted - n) / 10) * 10)


def count(number: int, one: str, many: str | None = None) -> str:
    """Write a number of things.

    >>> count(1, "picture"), count(20_400, "picture")
    ('1 picture', '20,400 pictures')
    """
    return f"{number:,} {one if number == 1 else many or one + 's'}"
