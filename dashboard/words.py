"""Text for the page: what came from outside is shown as it is, never as markup."""

from __future__ import annotations

import re
from typing import Any

_AUTOLINK = re.compile(r"://|@|www(?=\.)", re.IGNORECASE)
_MARKUP = re.compile(r"([\\`*_{}\[\]()<>#+\-.!|~$:&^=\"'/@])")


_PER_CENT = re.compile(r"(?<=\d) (?=%)")


def joined(text: str) -> str:
    """Keep a number and its per cent sign on one line.

    >>> joined("over 99 % sure")
    'over 99\\xa0% sure'
    """
    return _PER_CENT.sub("\u00a0", text)


def plain(text: str) -> str:
    """Escape text from outside so that Streamlit's Markdown shows every character of it.

    Control characters and line breaks become spaces, so nothing can begin a block.
    """
    flat = joined("".join(c if c.isprintable() else " " for c in text))
    return _MARKUP.sub(r"\\\1", _AUTOLINK.sub(_unlinked, flat))


def _unlinked(match: re.Match[str]) -> str:
    # An invisible word joiner: an address in a title must not become something to click on.
    text = match.group()
    return text[0] + "\u2060" + text[1:] if text in {"@", "://"} else text + "\u2060"


def code(text: str) -> str:
    """Write text from outside as inline code, to be copied letter by letter.

    >>> code("https://a.example/b"), code("a`b")
    ('`https://a.example/b`', "`a'b`")
    """
    flat = "".join(c if c.isprintable() else " " for c in text).replace("`", "'").strip()
    return f"`{flat}`" if flat else ""


def size(number_of_bytes: int) -> str:
    """Write a file's size as people read it.

    >>> size(950), size(183_220), size(4_200_000), size(73_400_000_000)
    ('950 B', '183 kB', '4.2 MB', '73.4 GB')
    """
    if number_of_bytes < 1000:
        return f"{number_of_bytes} B"
    if number_of_bytes < 1_000_000:
        return f"{number_of_bytes / 1000:.0f} kB"
    if number_of_bytes < 1_000_000_000:
        return f"{number_of_bytes / 1_000_000:.1f} MB"
    return f"{number_of_bytes / 1_000_000_000:.1f} GB"


def facts(image: dict[str, Any]) -> str:
    """Write a picture's facts in one line: format, pixels, size.

    >>> facts({"format": "JPEG", "width": 1024, "height": 768, "bytes": 183220, "frames": 1})
    'JPEG, 1024 × 768 pixels, 183 kB'
    """
    line = f"{image['format']}, {image['width']} × {image['height']} pixels, {size(image['bytes'])}"
    frames = image.get("frames", 1)
    return line if frames == 1 else f"{line}, the first of {frames} frames"


def day(moment: str) -> str:
    """Write a moment's day and minute, in UTC as the log has it.

    >>> day("2026-11-12T09:00:31.000Z")
    '2026-11-12 09:00 UTC'
    """
    return f"{moment[:10]} {moment[11:16]} UTC"
