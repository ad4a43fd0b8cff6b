"""Say what pictures are, take it back, and ask what to look at next."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from dashboard.client.transport import Client, Json

UNSEEN = "unseen"
"""In place of the id of the review that one saw: there was none."""


def submit(client: Client, record_id: str, label: str, note: str, seen: str) -> Json:
    """Review a record; refused (code `conflict`) where another review than the one seen stands."""
    body = {"label": label, "note": note, "seen": seen}
    return client.post(f"/predictions/{record_id}/reviews", body)


MOST = 200
"""Records or reviews that one request may name."""


def parts(ids: Sequence[str]) -> Iterator[Sequence[str]]:
    """Yield ids in parts that one request takes each."""
    for start in range(0, len(ids), MOST):
        yield ids[start : start + MOST]


def submit_many(client: Client, ids: Sequence[str], label: str, note: str) -> list[Json]:
    """Give one label to at most `MOST` records, all or none; return the reviews."""
    body = {"ids": list(ids), "label": label, "note": note}
    written: list[Json] = client.post("/reviews", body)["reviews"]
    return written


def undo(client: Client, review_ids: Sequence[str]) -> list[Json]:
    """Take at most `MOST` reviews back, all or none; the log keeps both."""
    undone: list[Json] = client.post("/reviews/undo", {"ids": list(review_ids)})["reviews"]
    return undone


def appeal(client: Client, record_id: str, claim: str, reason: str) -> Json:
    """Say that a verdict is wrong; a curator will look."""
    return client.post(f"/predictions/{record_id}/appeals", {"claim": claim, "reason": reason})


MOST_LEFT_OUT = 1000
"""Pictures that one request for a queue may leave out."""
_NAMED_BY = 16
"""Digits of its hash that name such a picture."""


def queue(
    client: Client, strategy: str, limit: int, session: str, without: Iterable[str] = ()
) -> Json:
    """Return the next records of a queue and how many wait; they are kept from others a while.

    `without` holds hashes of at most `MOST_LEFT_OUT` pictures that are not wanted.
    """
    names = ",".join(sha256[:_NAMED_BY] for sha256 in without)
    return client.get("/queue", strategy=strategy, limit=limit, session=session, without=names)
