"""The serving benchmark's own parts: percentiles, ratios, the table, the loop of clients."""

from __future__ import annotations

import hashlib
import io
import threading
from collections.abc import Callable

import pytest
from PIL import Image

from tests.benchmarks import asking
from tests.benchmarks.load import Timings, closed_loop
from tests.benchmarks.serving_report import Series, Setting, percentile, ratio, table, verdict
from tests.benchmarks.workload import make_pictures

SMALL, LARGE = Setting(640, 480, 1), Setting(1920, 1080, 4)


def series(*images_per_s: float, resident_mb: float = 100.0) -> Series:
    """Rounds of ten answers each, at these rates."""
    return Series(tuple(Timings((1 / r,) * 10, 10 / r) for r in images_per_s), resident_mb)


@pytest.mark.parametrize(
    ("percent", "expected"), [(50, 50), (99, 99), (99.1, 100), (100, 100), (0.5, 1)]
)
def test_percentile_is_a_value_that_was_measured(percent: float, expected: int) -> None:
    """A percentile is the least measured value that so many per cent do not exceed."""
    assert percentile(list(range(100, 0, -1)), percent) == expected


@pytest.mark.parametrize(("values", "percent"), [([], 50), ([1.0], 0), ([1.0], 101)])
def test_percentile_refuses_what_has_no_answer(values: list[float], percent: float) -> None:
    """No values and per cents outside (0, 100] are refused."""
    with pytest.raises(ValueError, match="percentile"):
        percentile(values, percent)


def test_ratio_compares_round_by_round() -> None:
    """A round in which the machine was slow for both does not move the ratio."""
    assert ratio(series(100, 10, 80), series(20, 2, 16)) == pytest.approx(5.0)


def test_table_has_a_row_for_each_and_no_ratio_for_ourselves() -> None:
    """The table names setting, contestant, rate, latencies, memory and our speed over theirs."""
    text = table({SMALL: {"ours": series(50), "theirs": series(10, resident_mb=900)}}, "ours")
    assert text.splitlines()[2:] == [
        "| 640x480, 1 client | ours | 50.0 | 20.0 | 20.0 | 100 |  |",
        "| 640x480, 1 client | theirs | 10.0 | 100.0 | 100.0 | 900 | 5.0x |",
    ]


@pytest.mark.parametrize(
    ("page", "page_4", "said"),
    [(5, 10, "met."), (5, 10.1, "met in 1 of 2 cases."), (20, 10.1, "missed.")],
)
def test_verdict_counts_every_case_of_the_smallest_size(
    page: float, page_4: float, said: str
) -> None:
    """Each variant must reach the target at the smallest size; larger pictures do not count."""
    results = {
        SMALL: {"ours": series(50), "page": series(page), "page, 4": series(page_4)},
        LARGE: {"ours": series(50), "page": series(49), "page, 4": series(1)},
    }
    text = verdict(results, "ours", ["page", "page, 4"], 5.0)
    assert text.startswith(f"Target of 5 times the founding way's images a second: {said}")
    assert f"{50 / page:.1f} times (page, 640x480, 1 client)" in text
    assert "1920x1080" not in text


def test_closed_loop_asks_each_piece_once() -> None:
    """Every piece is asked exactly once, whatever the number of clients, and each is timed."""
    asked: list[int] = []
    timings = closed_loop(3, range(10), lambda: asked.append)
    assert sorted(asked) == list(range(10))
    assert len(timings.latencies_s) == 10


def test_closed_loop_keeps_to_its_clients() -> None:
    """Four clients ask four at a time: all of them are waiting for an answer at once."""
    together = threading.Barrier(4, timeout=20)

    def send(piece: int) -> None:
        together.wait()

    closed_loop(4, range(8), lambda: send)


@pytest.mark.parametrize("at_start", [True, False])
def test_closed_loop_passes_a_failure_on(at_start: bool) -> None:
    """A client that fails ends the measurement with its own error, never with figures."""

    def fail(piece: int) -> None:
        raise RuntimeError("no verdict")

    def client() -> Callable[[int], None]:
        if at_start:
            raise RuntimeError("no verdict")
        return fail

    with pytest.raises(RuntimeError, match="no verdict"):
        closed_loop(3, range(6), client)


def test_pictures_are_distinct_and_of_their_size() -> None:
    """The workload's pictures have the exact size, and no two share their bytes or pixels."""
    pictures = make_pictures(96, 64, 40)
    opened = [Image.open(io.BytesIO(jpeg)) for jpeg in pictures]
    assert {(p.format, p.size) for p in opened} == {("JPEG", (96, 64))}
    assert len({hashlib.sha256(p.tobytes()).digest() for p in opened}) == 40


def test_gradio_ways_send_the_picture_itself() -> None:
    """Every way of asking the page carries the whole picture, so nobody is asked less."""
    jpeg = b"\xff\xd8 a picture \xff\xd9"
    upload, call, run = (way.prepare(jpeg) for way in asking.gradio_ways(1))
    assert jpeg in upload
    assert b"data:image/jpeg;base64,/9ggYSBwaWN0dXJlIP/Z" in call
    assert run == call
