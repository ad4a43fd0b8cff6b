"""Asking again: how often, how long apart, and when the server says so."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from backend.dataset.patience import LONGEST_WAIT_S, Patience, TryLater, retry_after_s


class Clock:
    """A clock that moves only by waiting."""

    def __init__(self) -> None:
        self.now, self.waits = 0.0, list[float]()

    def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.now += seconds

    def patience(self, attempts: int = 5) -> Patience:
        return Patience(attempts, sleep=self.sleep, clock=lambda: self.now)


class Flaky:
    def __init__(self, *failures: TryLater) -> None:
        self.failures, self.calls = list(failures), 0

    def __call__(self) -> str:
        self.calls += 1
        if self.failures:
            raise self.failures.pop(0)
        return "done"


def later(wait_s: float | None = None) -> TryLater:
    return TryLater(ValueError("not now"), wait_s)


def test_waits_double_with_jitter() -> None:
    """Each wait lies between half and the whole of twice the one before."""
    clock = Clock()
    assert clock.patience().of(Flaky(later(), later(), later())) == "done"
    for wait, longest in zip(clock.waits, (1, 2, 4), strict=True):
        assert longest / 2 <= wait <= longest


def test_out_of_tries() -> None:
    """After the last try the error that stood behind it is raised."""
    clock, work = Clock(), Flaky(*[later() for _ in range(9)])
    with pytest.raises(ValueError, match="not now"):
        clock.patience(attempts=3).of(work)
    assert work.calls == 3


def test_what_the_server_asks_for_holds_for_all() -> None:
    """Retry-After is waited for exactly, also by who comes next, and never beyond two minutes."""
    clock = Clock()
    patience = clock.patience(attempts=1)
    with pytest.raises(ValueError, match="not now"):
        patience.of(Flaky(later(wait_s=7)))  # out of tries: the next one waits in its place
    assert patience.of(Flaky()) == "done"
    assert clock.waits == [7]
    assert clock.patience().of(Flaky(later(wait_s=9999))) == "done"
    assert clock.waits[1:] == [LONGEST_WAIT_S]


def test_other_errors_pass_at_once() -> None:
    """What would not work another time is not tried again."""
    work = Flaky(TypeError("never"))  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        Clock().patience().of(work)
    assert work.calls == 1


def test_giving_up_ends_waiting() -> None:
    """After `give_up` nobody waits and nothing is tried again."""
    patience, work = Patience(first_wait_s=60), Flaky(later(), later())
    patience.give_up()
    with pytest.raises(ValueError, match="not now"):
        patience.of(work)
    assert work.calls == 1


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("3", 3.0),
        (" 0.5 ", 0.5),
        ("Tue, 24 Nov 2026 10:00:30 GMT", 30.0),
        ("Tue, 24 Nov 2026 09:00:00 GMT", 0.0),
        ("soon", None),
        ("-4", None),
        ("", None),
        (None, None),
    ],
)
def test_retry_after(header: str | None, seconds: float | None) -> None:
    """Numbers and dates are understood, anything else is as if it were not there."""
    assert retry_after_s(header, datetime(2026, 11, 24, 10, tzinfo=UTC)) == seconds
