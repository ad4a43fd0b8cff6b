"""What a picture costs, where its maker publishes a price for one."""

from __future__ import annotations

from backend.errors import BadInput

PRICES_PAGE = "https://developers.openai.com/api/docs/pricing"
_US_DOLLARS = {
    "gpt-image-1": {"low": (0.011, 0.016), "medium": (0.042, 0.063), "high": (0.167, 0.25)},
    "gpt-image-1-mini": {"low": (0.005, 0.006), "medium": (0.011, 0.015), "high": (0.036, 0.052)},
    "gpt-image-1.5": {"low": (0.009, 0.013), "medium": (0.034, 0.05), "high": (0.133, 0.2)},
}
"""Per picture, square 1024 and oblong 1536, as the models' pages said in November 2026. Newer
models are priced by the token alone, so what a picture costs must be told with --price."""


def price_of(model: str, quality: str | None, sizes: tuple[str, ...]) -> float:
    """Return the dearest price in US dollars of a picture of any of the sizes.

    Raises:
        BadInput: it is not known here.
    """
    prices = _US_DOLLARS.get(model, {})
    if not prices:
        raise BadInput(
            f"What a picture by {model} costs is not known here. Look it up at {PRICES_PAGE} "
            "and say it with --price, in US dollars."
        )
    square, oblong = prices.get(quality or "high", prices["high"])
    return square if set(sizes) == {"1024x1024"} else oblong
