"""Read a JSON array value by value, so that a file's length does not decide over the memory."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterator
from typing import IO, Any

from backend.errors import BadInput, TooLarge
from backend.importing.source import MAX_LINE_BYTES, MAX_TEXT_BYTES, Source, refusing_damage

_PIECE_CHARS = 64 * 1024
_DECODER = json.JSONDecoder()
_BLANKS = re.compile(r"[ \t\r\n]*")


class NoArray(BadInput):
    """The file is no JSON array, or not to its end."""


def values(source: Source, name: str) -> Iterator[Any]:
    """Yield the values of a file that is one JSON array, holding one at a time.

    Raises:
        NoArray: it is something else; values that came before may have been yielded.
        TooLarge: it, or one of its values, is too long.
        BadInput: it is damaged.
    """
    with refusing_damage(source.label), source.open(name) as file:
        window = _Window(file, name)
        try:
            yield from _values(window)
        except (ValueError, RecursionError) as error:
            raise NoArray(f"{name} is no list in JSON ({error}).") from error


def _values(window: _Window) -> Iterator[Any]:
    window.require("[")
    if not window.passes("]"):
        yield window.value()
        while window.passes(","):
            yield window.value()
        window.require("]")
    window.require_end()


class _Window:
    """The part of a text that is being looked at; what lies before it is dropped."""

    def __init__(self, file: IO[bytes], name: str) -> None:
        self._text = io.TextIOWrapper(file, "utf-8-sig")
        self._name = name
        self._held = ""
        self._at = 0
        self._read = 0

    def passes(self, mark: str) -> bool:
        """Pass over blanks and the mark; say whether it was there."""
        self._pass_blanks()
        is_there = self._held.startswith(mark, self._at)
        self._at += is_there
        return is_there

    def require(self, mark: str) -> None:
        """Pass over blanks and the mark. Raises `ValueError` where it is not there."""
        if not self.passes(mark):
            raise ValueError(f"“{mark}” is missing")

    def require_end(self) -> None:
        """Pass over blanks. Raises `ValueError` where anything follows."""
        self._pass_blanks()
        if self._at < len(self._held):
            raise ValueError("something follows its end")

    def value(self) -> Any:
        """Return the value that comes next. Raises `ValueError` where none does."""
        self._pass_blanks()
        while True:
            try:
                found, self._at = _DECODER.raw_decode(self._held, self._at)
            except json.JSONDecodeError:
                if not self._fetch():
                    raise
            else:
                return found

    def _pass_blanks(self) -> None:
        while True:
            blanks = _BLANKS.match(self._held, self._at)
            self._at = blanks.end() if blanks else self._at
            if self._at < len(self._held) or not self._fetch():
                return

    def _fetch(self) -> bool:
        """Read on, twice as far each time that a value has no end yet; say whether more came."""
        rest = self._held[self._at :]
        if len(rest) > MAX_LINE_BYTES or self._read > MAX_TEXT_BYTES:
            raise TooLarge(f"{self._name} is too large for a list of pictures.")
        piece = self._text.read(max(_PIECE_CHARS, len(rest)))
        self._held, self._at = rest + piece, 0
        self._read += len(piece)
        return bool(piece)
