"""`brushmark check`: what it looks at, what it prints, what it leaves alone."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from backend.cli.checking import Answer, judge_each
from backend.cli.inputs import Input
from backend.domain import ReviewLabel
from backend.errors import NoModel
from backend.model.processor import usable_cores
from backend.report.verify import read_report
from backend.settings import Settings
from backend.storage import open_repository
from backend.storage.repository import PredictionFilter
from tests.cli.conftest import Brushmark
from tests.fakes import FakeJudge
from tests.imaging.provenance.written import INFOTEXT, PROMPT, write
from tests.pictures import draw, encode, jpeg
from tests.records import review


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """A folder with pictures, a hidden one, a text and a sub-folder."""
    folder = tmp_path / "pictures"
    (folder / "sub").mkdir(parents=True)
    (folder / "b.jpg").write_bytes(jpeg(seed=1))
    (folder / "a.PNG").write_bytes(encode(draw(seed=2), "PNG"))
    (folder / ".hidden.jpg").write_bytes(jpeg(seed=3))
    (folder / "notes.txt").write_text("no picture")
    (folder / "sub" / "c.webp").write_bytes(encode(draw(seed=4), "WEBP"))
    return folder


def test_a_folder_is_walked_in_order(
    brushmark: Brushmark, judge: FakeJudge, pictures: Path
) -> None:
    """Pictures of a folder come sorted; hidden files and other kinds are left out."""
    ran = brushmark("check", pictures)
    assert (ran.code, ran.err) == (0, "")
    names = [line.split("\t")[3] for line in ran.out.splitlines()]
    assert names == [str(pictures / "a.PNG"), str(pictures / "b.jpg"), str(pictures / "sub/c.webp")]


def test_piped_lines_have_five_fields(
    brushmark: Brushmark, judge: FakeJudge, pictures: Path
) -> None:
    """When piped, a verdict is outcome, both probabilities, file and sentence with tabs."""
    ran = brushmark("check", pictures / "b.jpg")
    outcome, ai, human, name, sentence = ran.out.rstrip("\n").split("\t")
    assert outcome == "uncertain"
    assert float(ai) + float(human) == pytest.approx(1)
    assert name == str(pictures / "b.jpg")
    assert sentence.startswith("Too close to call")


def test_json_is_one_contract_record_a_line(
    brushmark: Brushmark, judge: FakeJudge, pictures: Path
) -> None:
    """--json prints the contract's prediction record, which names the file it is about."""
    ran = brushmark("check", "--json", pictures)
    records = [json.loads(line) for line in ran.out.splitlines()]
    assert [r["context"]["image_url"] for r in records] == [
        p.as_uri() for p in (pictures / "a.PNG", pictures / "b.jpg", pictures / "sub/c.webp")
    ]
    for record in records:
        assert record["context"]["source"] == "cli"
        assert sum(record["probabilities"].values()) == pytest.approx(1)
        assert record["heatmap"] is None


@pytest.mark.parametrize("logged", [(), ("--log",)])
def test_a_review_of_the_same_bytes_stands_in_the_record(
    brushmark: Brushmark, judge: FakeJudge, pictures: Path, logged: tuple[str, ...]
) -> None:
    """What a curator said of a file is told wherever it is checked, logged or not."""
    brushmark("check", "--log", pictures / "b.jpg")
    repository = open_repository(Settings.from_env())
    (record,) = repository.list_predictions(PredictionFilter()).records
    repository.append_review(review(1, record, label=ReviewLabel.HUMAN_MADE))
    repository.close()
    told = [
        json.loads(brushmark("check", "--json", *logged, pictures / name).out)["review"]
        for name in ("b.jpg", "a.PNG")
    ]
    assert told[0]["label"] == "human_made"
    assert told[1] is None
    page = pictures / "report.html"
    assert brushmark("check", *logged, "--report", page, pictures / "b.jpg").code == 0
    assert read_report(page.read_bytes()).facts["review"]["label"] == "human_made"


def test_what_cannot_be_judged_does_not_stop_the_rest(
    brushmark: Brushmark, judge: FakeJudge, pictures: Path
) -> None:
    """A file that is no picture and one that is missing give a line each; the others go on."""
    ran = brushmark("check", pictures / "notes.txt", pictures / "gone.jpg", pictures / "b.jpg")
    assert ran.code == 1
    assert len(ran.out.splitlines()) == 1
    first, second = sorted(ran.err.splitlines())
    assert first.startswith(f"brushmark: {pictures / 'gone.jpg'}: no such file")
    assert second.startswith(f"brushmark: {pictures / 'notes.txt'}: ")


def test_a_folder_without_pictures_is_said(
    brushmark: Brushmark, judge: FakeJudge, tmp_path: Path
) -> None:
    """A folder that holds no pictures gives one line and exit code 1."""
    ran = brushmark("check", tmp_path)
    assert (ran.code, ran.out) == (1, "")
    assert "no pictures in this folder" in ran.err


def test_nothing_is_logged_unasked(
    brushmark: Brushmark, judge: FakeJudge, pictures: Path, home: Path
) -> None:
    """A check touches no home: not even the folder is made."""
    assert brushmark("check", pictures).code == 0
    assert not home.exists()


def test_log_adds_to_the_homes_store(
    brushmark: Brushmark, judge: FakeJudge, pictures: Path
) -> None:
    """--log keeps the records, also while another process holds the store open."""
    repository = open_repository(Settings.from_env())
    try:
        ran = brushmark("check", "--log", "--json", pictures)
        assert (ran.code, ran.err) == (0, "")
        page = repository.list_predictions(PredictionFilter())
        assert {r.id for r in page.records} == {
            json.loads(line)["id"] for line in ran.out.splitlines()
        }
        assert {r.client for r in page.records} == {"cli"}
        assert all(r.context.image_url is None for r in page.records)
    finally:
        repository.close()


def test_many_pictures_come_in_order_and_wait_ahead_in_bounds() -> None:
    """Answers keep the order of the inputs, and few are worked on ahead of what was taken."""
    started: list[str] = []

    def answer(item: Input) -> Answer:
        started.append(item.name)
        return Answer(item)

    inputs = [Input(str(number), "") for number in range(200)]
    answers = judge_each(inputs, answer)
    assert next(answers).input.name == "0"
    assert len(started) <= 4 * usable_cores()
    assert [a.input.name for a in answers] == [str(number) for number in range(1, 200)]


def test_published_thresholds_count_here_too(
    brushmark: Brushmark, judge: FakeJudge, pictures: Path
) -> None:
    """The command line follows the policy published in the home, as the badge does."""
    from backend.domain import Policy, utc_now

    repository = open_repository(Settings.from_env())
    repository.append_policy(Policy(1, 0.01, 0.02, utc_now()))
    repository.close()
    record = json.loads(brushmark("check", "--json", pictures / "b.jpg").out)
    assert (record["outcome"], record["policy"]) == ("ai_generated", 1)


def test_heat_maps_are_written_apart(
    brushmark: Brushmark, judge: FakeJudge, tmp_path: Path
) -> None:
    """Two pictures of one name get a heat map each, named in their records."""
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "cat.jpg").write_bytes(jpeg(seed=len(folder)))
    ran = brushmark(
        "check", "--json", "--heatmap", tmp_path / "maps", tmp_path / "one", tmp_path / "two"
    )
    maps = {json.loads(line)["heatmap"] for line in ran.out.splitlines()}
    assert maps == {str(tmp_path / "maps" / n) for n in ("cat-heatmap.png", "cat-2-heatmap.png")}
    for path in maps:
        with Image.open(path) as image:
            assert image.width >= 320
            assert image.height > 260  # the picture and, below it, the legend


def test_a_small_picture_is_not_assessed(
    brushmark: Brushmark, judge: FakeJudge, tmp_path: Path
) -> None:
    """A picture too small to judge is no failure: dashes for probabilities, and the reason."""
    (tmp_path / "tiny.png").write_bytes(encode(draw(64, 64), "PNG"))
    ran = brushmark("check", "--heatmap", tmp_path / "maps", tmp_path / "tiny.png")
    assert ran.code == 0
    assert ran.out.split("\t")[:3] == ["not assessed", "-", "-"]
    assert list((tmp_path / "maps").iterdir()) == []


def test_addresses_that_lead_inside_are_refused(brushmark: Brushmark, judge: FakeJudge) -> None:
    """A web address of this machine is not fetched."""
    ran = brushmark("check", "http://127.0.0.1:1/picture.jpg")
    assert (ran.code, ran.out) == (1, "")
    assert ran.err.count("\n") == 1


def test_fetching_can_be_switched_off(
    brushmark: Brushmark, judge: FakeJudge, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where fetching by address is off, the line names the setting."""
    monkeypatch.setenv("BRUSHMARK_URL_FETCH", "off")
    ran = brushmark("check", "https://example.org/picture.jpg")
    assert ran.code == 1
    assert "BRUSHMARK_URL_FETCH" in ran.err


def test_without_weights_nothing_can_be_judged(
    brushmark: Brushmark, pictures: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Missing weights give one line for all pictures, not one each."""

    def none(*_: object) -> FakeJudge:
        raise NoModel("There are no weights.")

    monkeypatch.setattr("backend.model.registry.load_judge", none)
    ran = brushmark("check", pictures)
    assert (ran.code, ran.out, ran.err) == (1, "", "brushmark: There are no weights.\n")


def test_names_cannot_steer_the_terminal(
    brushmark: Brushmark, judge: FakeJudge, tmp_path: Path
) -> None:
    """Line breaks, tabs and escape sequences in a file's name are defused in lines for people."""
    evil = tmp_path / "a\x1b[31m\tb\nc.jpg"
    evil.write_bytes(jpeg())
    bad = tmp_path / "d\x1b[2J.jpg"
    bad.write_bytes(b"no picture")
    ran = brushmark("check", evil, bad)
    assert len(ran.out.splitlines()) == 1
    assert len(ran.out.split("\t")) == 5
    assert "\x1b" not in ran.out + ran.err


def on_a_terminal(*arguments: str) -> tuple[int, str]:
    """Run `brushmark check` with the fake judge on a pseudo-terminal; return code and screen."""
    program = (
        "import sys, backend.model.registry as r, tests.fakes as f\n"
        "r.load_judge = lambda *_: f.FakeJudge()\n"
        "from backend.cli import main; main(['check', *sys.argv[1:]])"
    )
    ours, theirs = os.openpty()
    process = subprocess.Popen(
        [sys.executable, "-c", program, *arguments],
        stdin=subprocess.DEVNULL,
        stdout=theirs,
        stderr=theirs,
        env={**os.environ, "COLUMNS": "120", "TERM": "xterm"},
        cwd=Path(__file__).parents[2],
    )
    os.close(theirs)
    screen = b""
    with contextlib.suppress(OSError):  # Linux says EIO where the terminal was left
        while piece := os.read(ours, 65536):
            screen += piece
    os.close(ours)
    return process.wait(), screen.decode()


def test_a_person_at_a_terminal_gets_bar_and_table(tmp_path: Path) -> None:
    """On a terminal many pictures show a bar, then a table, then what could not be judged."""
    for number in range(12):
        (tmp_path / f"{number}.jpg").write_bytes(jpeg(seed=number))
    (tmp_path / "[red]bad.jpg").write_bytes(b"no picture")
    code, screen = on_a_terminal(str(tmp_path))
    assert code == 1
    parts = ("Looking", "100%", "Verdict", "What it means", "uncertain", "[red]bad.jpg")
    places = [screen.find(part) for part in parts]
    assert -1 not in places
    assert places == sorted(places)
    assert "\t" not in screen


def test_evidence_follows_its_picture(
    brushmark: Brushmark, judge: FakeJudge, tmp_path: Path
) -> None:
    """--evidence adds a line for each finding and prompt; --json has them anyway."""
    path = tmp_path / "told.png"
    path.write_bytes(write(texts={"parameters": INFOTEXT}, picture=draw()))
    ran = brushmark("check", "--evidence", path)
    verdict, *lines = (line.split("\t") for line in ran.out.splitlines())
    assert verdict[0] == "AI-generated"
    assert [line[:3] for line in lines] == [
        ["evidence", "absent", "c2pa"],
        ["evidence", "declared", "generator"],
        ["evidence", "prompt", "generator"],
    ]
    assert all(line[3] == str(path) and len(line) == 5 for line in lines)
    assert "AUTOMATIC1111" in lines[1][4]
    assert lines[2][4].startswith(PROMPT)
    assert len(brushmark("check", path).out.splitlines()) == 1
    record = json.loads(brushmark("check", "--json", path).out)
    assert record["evidence"][1]["prompt"].startswith(PROMPT)


def test_a_report_is_written_and_checked(
    brushmark: Brushmark, judge: FakeJudge, pictures: Path, tmp_path: Path
) -> None:
    """--report writes a page on one picture; --verify-report says what holds of it."""
    path, page = pictures / "b.jpg", tmp_path / "opinion.html"
    assert brushmark("check", "--report", page, path).code == 0
    ran = brushmark("check", "--verify-report", page, path)
    assert ran.code == 0
    assert all(line.startswith("holds") for line in ran.out.splitlines())
    ran = brushmark("check", "--verify-report", page, pictures / "a.PNG")
    assert ran.code == 1
    assert "FAILS  This is another file" in ran.out
    page.write_text(page.read_text().replace("no proof", "proof"))
    assert brushmark("check", "--verify-report", page, path).code == 1


@pytest.mark.parametrize("option", ["--report", "--verify-report"])
def test_a_report_is_about_one_picture(
    brushmark: Brushmark, judge: FakeJudge, pictures: Path, tmp_path: Path, option: str
) -> None:
    """Two pictures, a folder of many, and a page that is none are refused in one line."""
    page = tmp_path / "opinion.html"
    page.write_text("no report")
    assert brushmark("check", option, page, pictures / "b.jpg", pictures / "a.PNG").code == 2
    ran = brushmark("check", option, page, pictures)
    assert ran.code == 1
    assert len(ran.err.splitlines()) == 1
    assert page.read_text() == "no report"
