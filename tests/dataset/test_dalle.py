"""`brushmark dataset dalle`: money first, every answer of the API, going on after a kill."""

from __future__ import annotations

import csv
import functools
import io
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from backend.dataset.dalle import JOURNAL, Order, Studio
from backend.dataset.openai_images import Drawn, ImagesApi, Wanted
from backend.dataset.patience import Patience
from backend.dataset.prompts import bank
from backend.errors import BadInput, BrushmarkError, UrlRefused
from backend.imaging.decode import decode
from tests.cli.conftest import Brushmark, Ran
from tests.dataset.servers import ImagesServer, error
from tests.pictures import jpeg

MODEL = "gpt-image-9"
Make = Callable[..., Ran]


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Note waits in place of waiting."""
    waited: list[float] = []
    now = [0.0]

    def sleep(seconds: float) -> None:
        waited.append(seconds)
        now[0] += seconds

    quick = functools.partial(Patience, sleep=sleep, clock=lambda: now[0])
    monkeypatch.setattr("backend.dataset.patience.Patience", quick)
    return waited


@pytest.fixture
def make(brushmark: Brushmark, images: ImagesServer, tmp_path: Path, waits: list[float]) -> Make:
    """Run the command against the stand-in, with a price and without a question."""

    def run(*more: str, model: str = MODEL) -> Ran:
        return brushmark(
            *("dataset", "dalle", "--out", tmp_path, "--model", model, "--base-url"),
            *(images.base_url, "--price", "0.05", "--yes", *more),
        )

    return run


def credits(folder: Path) -> list[dict[str, str]]:
    path = folder / "ai_generated" / MODEL / "credits.csv"
    with path.open(newline="", encoding="utf-8") as table:
        return list(csv.DictReader(table))


def test_pictures_come_with_prompts_and_credits(
    make: Make, images: ImagesServer, tmp_path: Path
) -> None:
    """Each picture has a row with model, prompt, kind and terms; the API is asked as documented."""
    ran = make("--count", "4", "--quality", "low", "--format", "png")
    assert ran.code == 0, ran.err
    assert "4 pictures (4 made, 0 were here), 0 prompts blocked, 400 tokens" in ran.out
    rows = credits(tmp_path)
    assert [row["prompt"] for row in rows] == [bank().prompt(0, n).text for n in range(4)]
    assert {row["generator"] for row in rows} == {MODEL}
    assert [row["kind"] for row in rows] == [bank().prompt(0, n).kind for n in range(4)]
    assert [row["size"] for row in rows][:3] == ["1024x1024", "1536x1024", "1024x1536"]
    for row in rows:
        data = (tmp_path / "ai_generated" / MODEL / row["file"]).read_bytes()
        assert decode(data).facts.sha256 == row["sha256"]
    assert set(images.requests[0]) == {"model", "prompt", "n", "size", "quality", "output_format"}
    assert images.requests[0]["n"] == 1


def test_the_cost_is_shown_and_confirmed(
    brushmark: Brushmark, images: ImagesServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without --yes the sum is shown and a no, or no answer, asks the API for nothing."""
    ask = functools.partial(
        brushmark, "dataset", "dalle", "--out", tmp_path, "--base-url", images.base_url, "--model"
    )
    monkeypatch.setattr("sys.stdin", io.StringIO())
    ran = ask(MODEL, "--price", "0.05")
    assert (ran.code, ran.out) == (1, "")
    assert "600 pictures by gpt-image-9 at 0.050 US dollars: about 30.00 US dollars" in ran.err
    assert "Nothing was asked for" in ran.err
    known = ask("gpt-image-1-mini", "--quality", "low", "--size", "1024x1024", "--count", "10")
    assert "at 0.005 US dollars: about 0.05" in known.err
    unknown = ask(MODEL)
    assert unknown.code == 1
    assert "say it with --price" in unknown.err
    assert not images.requests


def test_going_on_pays_nothing_twice(make: Make, images: ImagesServer, tmp_path: Path) -> None:
    """A second run makes what is missing; another seed makes others beside them."""
    make("--count", "3")
    ran = make("--count", "5")
    assert "2 pictures by" in ran.err
    assert "(2 made, 3 were here)" in ran.out
    assert len(images.prompts) == len(set(images.prompts)) == 5
    assert "(0 made, 5 were here)" in make("--count", "5").out
    make("--count", "2", "--seed", "1")
    assert len(credits(tmp_path)) == 7


def test_blocked_prompts_are_passed_over(make: Make, images: ImagesServer, tmp_path: Path) -> None:
    """A prompt that the safety system refuses is noted, replaced, and not asked again."""
    word = bank().prompt(0, 1).text
    images.blocked_words = (word,)
    ran = make("--count", "3")
    assert ran.code == 0
    assert "3 pictures (3 made, 0 were here), 1 prompts blocked" in ran.out
    make("--count", "4")
    assert images.prompts.count(word) == 1
    images.blocked_words = (" ",)
    ran = make("--count", "30")
    assert ran.code == 1
    assert "10 prompts in a row were blocked" in ran.err


def test_too_fast_and_out_of_sorts(
    make: Make, images: ImagesServer, waits: list[float], tmp_path: Path
) -> None:
    """429 waits as long as Retry-After says, 5xx a little and longer; then it goes on."""
    images.first = [
        error(429, "rate_limit_exceeded", "Rate limit reached", Retry_After="7"),
        error(500, "server_error", "The server had an error"),
        (503, {"Content-Type": "text/html"}, b"<html>overloaded"),
    ]
    ran = make("--count", "2", "--jobs", "1")
    assert ran.code == 0, ran.err
    assert waits[0] == 7
    assert len(waits) == 3
    assert len(credits(tmp_path)) == 2


@pytest.mark.parametrize(
    ("reply", "words"),
    [
        (error(429, "insufficient_quota", "You exceeded your current quota"), "no credit left"),
        (error(400, "billing_hard_limit_reached", "Billing hard limit"), "no credit left"),
        (error(403, "", "Your organization must be verified"), "must be verified"),
        (error(400, "invalid_value", "Invalid size"), "refuses the request (400): Invalid size"),
        (error(400, "", "The model `dall-e-3` has been deprecated"), "no image model"),
        (error(404, "model_not_found", "The model does not exist"), "no image model"),
        ((200, {}, b'{"data": []}'), "no picture"),
        ((200, {}, b"<html>"), "no picture"),
        ((302, {"Location": "http://127.0.0.1/"}, b""), "refuses the request (302)"),
    ],
)
def test_what_would_not_work_again_is_one_line(
    make: Make, images: ImagesServer, reply: tuple[int, dict[str, str], bytes], words: str
) -> None:
    """Such an answer ends the run with one clear line and is not tried again."""
    images.first = [reply] * 8
    ran = make("--count", "2", "--jobs", "1")
    assert (ran.code, ran.out) == (1, "")
    assert words in ran.err.splitlines()[-1]
    assert len(images.first) == 7


def test_a_retired_model(make: Make) -> None:
    """A model that left the API is named in one line that says where to look."""
    ran = make("--count", "1", model="dall-e-3")
    assert ran.code == 1
    assert "no image model “dall-e-3”" in ran.err.splitlines()[-1]
    assert "--model" in ran.err.splitlines()[-1]


def test_keys(make: Make, images: ImagesServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """No key, a wrong one, or one with a line break: one line, and never the key itself."""
    for key in ("", "sk-wrong-secret", "sk-a secret", "sk-\nsecret"):
        monkeypatch.setenv("OPENAI_API_KEY", key)
        ran = make("--count", "1")
        assert ran.code == 1
        assert "OPENAI_API_KEY" in ran.err.splitlines()[-1]
        assert "secret" not in ran.err
        assert images.key not in ran.err
    assert not images.requests


def test_the_key_goes_nowhere_in_the_open() -> None:
    """An address without TLS is refused unless it is this machine."""
    for address in ("http://api.example.org/v1", "ftp://x", "", "http://127.0.0.1.evil.example"):
        with pytest.raises(BadInput, match="https"):
            ImagesApi("sk-1", address)
    assert "sk-1" not in repr(ImagesApi("sk-1", "http://localhost:1/v1"))


def test_a_netrc_does_not_take_the_keys_place(
    images: ImagesServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A .netrc that names the host is not used in place of the key."""
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login a password b\n", encoding="utf-8")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    assert ImagesApi(images.key, images.base_url).draw("a cat", Wanted(MODEL)).tokens == 100


def test_answers_with_an_address(images: ImagesServer) -> None:
    """Where the answer is an address, the picture is fetched from there, from public ones alone."""
    images.gives_address = "http://10.0.0.1/picture.png"
    fetched: list[str] = []

    def fetch(url: str) -> bytes:
        fetched.append(url)
        return jpeg()

    drawn = ImagesApi(images.key, images.base_url, fetch).draw("a cat", Wanted(MODEL))
    assert drawn.data == jpeg()
    assert drawn.revised_prompt == "a cat\nindeed"
    assert fetched == [images.gives_address]
    with pytest.raises(UrlRefused):
        ImagesApi(images.key, images.base_url).draw("a cat", Wanted(MODEL))


def test_no_answer_at_all(images: ImagesServer, waits: list[float]) -> None:
    """A server that is not there is asked again, then told in a sentence."""
    api = ImagesApi(images.key, "http://127.0.0.1:9/v1")
    patience = Patience(attempts=3, sleep=waits.append)
    with pytest.raises(BrushmarkError, match="does not answer"):
        patience.of(lambda: api.draw("a cat", Wanted(MODEL)))
    assert len(waits) == 2


def test_a_kill_loses_nothing_that_was_paid_for(
    make: Make, images: ImagesServer, tmp_path: Path
) -> None:
    """After kill -9 the next run goes on: only what was under way is asked for again."""
    images.hold_after = 3
    program = "import sys; from backend.cli import main; main(sys.argv[1:])"
    arguments = ("--model", MODEL, "--base-url", images.base_url, "--count", "6", "--jobs", "1")
    given = ("--out", str(tmp_path), "--price", "0", "--yes", *arguments)
    child = subprocess.Popen(
        [sys.executable, "-c", program, "dataset", "dalle", *given],
        cwd=Path(__file__).parents[2],
        env={**os.environ, "BRUSHMARK_HOME": str(tmp_path / "home")},
        stderr=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
    )
    try:
        for _ in range(3):
            assert images.made.acquire(timeout=60)
        while len(images.prompts) < 4 and child.poll() is None:
            images.released.wait(0.02)
    finally:
        child.send_signal(signal.SIGKILL)
        child.wait(timeout=20)
        images.released.set()
    ran = make("--count", "6")
    assert ran.code == 0, ran.err
    assert "(3 made, 3 were here)" in ran.out
    asked = [bank().prompt(0, n).text for n in range(6)]
    assert [images.prompts.count(prompt) for prompt in asked] == [1, 1, 1, 2, 1, 1]
    assert [row["prompt"] for row in credits(tmp_path)] == asked


def test_an_interrupted_run_enters_what_it_waits_for(
    make: Make, images: ImagesServer, tmp_path: Path
) -> None:
    """At Ctrl-C the picture that is awaited is written, entered, and not paid for again."""
    images.hold_after = 1

    def press() -> None:
        while len(images.prompts) < 2:
            images.released.wait(0.02)
        os.kill(os.getpid(), signal.SIGINT)
        images.released.wait(0.3)
        images.released.set()

    presses = threading.Thread(target=press)
    presses.start()
    ran = make("--count", "3", "--jobs", "1")
    presses.join()
    assert ran.code != 0
    assert len(credits(tmp_path)) == len(images.prompts) == 2
    assert "(1 made, 2 were here)" in make("--count", "3").out
    assert len(images.prompts) == len(set(images.prompts)) == 3


def test_pictures_behind_a_slow_one_are_entered_at_once(tmp_path: Path) -> None:
    """A kill while the first is still being made finds the others in the journal."""
    studio = Studio(tmp_path, Order(MODEL, 4))
    entered: list[int] = []

    class Uneven(ImagesApi):
        def draw(self, prompt: str, wanted: Wanted) -> Drawn:
            if prompt == bank().prompt(0, 0).text:
                deadline = time.monotonic() + 10
                while len(lines := journal.read_text().splitlines()) < 3:
                    if time.monotonic() > deadline:
                        break
                    time.sleep(0.01)
                entered.extend(sorted(json.loads(line)["index"] for line in lines))
            return Drawn(jpeg(), "", 100)

    journal = studio.folder / JOURNAL
    journal.touch()
    studio.make(Uneven("sk-1"), Patience(), 4, lambda *_: None)
    assert entered == [1, 2, 3]


def test_a_picture_without_an_entry_is_adopted(
    make: Make, images: ImagesServer, tmp_path: Path
) -> None:
    """What was written just before a kill is entered at the next start, and what is none made."""
    make("--count", "3", "--format", "png")
    folder = tmp_path / "ai_generated" / MODEL
    whole = credits(tmp_path)
    journal = folder / JOURNAL
    # Pictures are made side by side: the first line need not be the first picture's.
    lines = journal.read_text().splitlines(keepends=True)
    (first,) = [line for line in lines if json.loads(line)["file"] == whole[0]["file"]]
    journal.write_text(first)
    (folder / whole[2]["file"]).write_bytes(b"none")
    (folder / "0-00009.png.part").write_bytes(b"half")
    ran = make("--count", "3")
    assert "(1 made, 2 were here)" in ran.out
    adopted = credits(tmp_path)[1]
    for known in ("file", "sha256", "generator", "kind", "licence", "credit", "prompt", "index"):
        assert adopted[known] == whole[1][known]
    assert adopted["size"] == "192x128"
    assert [images.prompts.count(row["prompt"]) for row in whole] == [1, 1, 2]
