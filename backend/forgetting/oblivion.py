"""What is to be forgotten, and the words that must not be left of it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from backend.domain import PredictionRecord
from backend.errors import BadInput
from backend.loggable import strip_address
from backend.storage.erasure import FORGOTTEN
from backend.storage.repository import MAX_PAGE, PredictionFilter, Repository

_KEY = re.compile(r"[0-9a-f]{64}|[0-9A-HJKMNP-TV-Z]{26}")
"""A SHA-256 or an id."""


@dataclass(frozen=True, slots=True)
class Oblivion:
    """Just one of: a site, an address of a page or picture, a client, a moment.

    Before the moment, everything is forgotten, reviewed or not.
    """

    site: str | None = None
    url: str | None = None
    client: str | None = None
    before: datetime | None = None

    def __post_init__(self) -> None:
        given = [v for v in (self.site, self.url, self.client, self.before) if v is not None]
        if len(given) != 1:
            raise BadInput("Name just one of site, url, client and before.")
        if isinstance(given[0], str) and not given[0].strip():
            raise BadInput("What is to be forgotten must not be blank.")

    def next_records(self, repository: Repository) -> tuple[PredictionRecord, ...]:
        """Return some of the records that are left; none when all are gone."""
        if self.url is not None:
            return next(
                (found for url in self._addresses() if (found := repository.records_at(url))), ()
            )
        where = PredictionFilter(site=self.site, client=self.client, until=self.before)
        found = repository.list_predictions(where, sort="created_at", limit=MAX_PAGE).records
        if found or self.site is None:
            return found
        # A record's site is its page's: what is left has its picture there, and its page elsewhere.
        return repository.records_on(self.site)

    def _addresses(self) -> list[str]:
        # The log keeps addresses without query and fragment.
        plain = strip_address(self.url)
        return [url for url in dict.fromkeys((self.url, plain)) if url]

    def places(self) -> list[str]:
        """Return the texts that name a place of the web that is forgotten."""
        return [] if self.client is not None else self.words()

    def words(self) -> list[str]:
        """Return the texts that name what is forgotten."""
        named = [*self._addresses()] if self.url else [self.site or self.client or ""]
        return [word.strip() for word in named if word.strip()]


class Rewriting:
    """Puts `forgotten` in the place of hashes, ids and names in texts that stay."""

    def __init__(self, keys: Iterable[str], words: Iterable[str]) -> None:
        self._keys = frozenset(keys)
        longest_first = sorted(words, key=len, reverse=True)
        alternatives = "|".join(re.escape(word) for word in longest_first)
        # A name within another word is another name.
        self._words = (
            re.compile(rf"(?<![\w.-])(?:{alternatives})(?![\w-])", re.IGNORECASE)
            if alternatives
            else None
        )

    def touches(self, text: str) -> bool:
        """Say whether a text names any of them."""
        if any(m[0] in self._keys for m in _KEY.finditer(text)):
            return True
        return self._words is not None and self._words.search(text) is not None

    def __call__(self, text: str) -> str:
        """Return the text without them."""
        text = _KEY.sub(lambda m: FORGOTTEN if m[0] in self._keys else m[0], text)
        return self._words.sub(FORGOTTEN, text) if self._words else text
