"""What comes from elsewhere is taken whole or not at all, and what went out comes back the same."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import struct
import time
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from backend.domain import utc_now
from backend.errors import BadInput, BrushmarkError, Busy, NotFound, OutOfSpace, TooLarge
from backend.exporting.request import ExportFormat, ExportRequest, Shares
from backend.imaging.provenance.watermark import MESSAGES, WatermarkReader
from backend.importing.importer import Importer, ImportReport
from backend.settings import KeepImages
from backend.storage import maintenance
from backend.storage.forgetting_lock import forgetting
from backend.storage.images import ImageStore
from backend.storage.repository import PredictionFilter
from tests.exporting.homes import (
    AI,
    HUMAN,
    Home,
    copy_of,
    document,
    drawn,
    manifest,
    names,
    open_home,
    quiet,
    read,
    sha256,
)
from tests.imaging.provenance.test_watermark import calm, embed
from tests.imaging.provenance.written import INFOTEXT, write
from tests.pictures import encode

EVERYTHING = PredictionFilter()


def bring(home: Home, path: Path, progress: Any = quiet) -> ImportReport:
    """Import into a home."""
    importer = Importer(home.settings, home.repository, home.images, home.service.require_judge)
    return importer.run(path, "tester", progress)


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    """An empty home."""
    with open_home(tmp_path / "home") as opened:
        yield opened


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An export of twenty pictures, four of them near-duplicates and two not kept."""
    folder = tmp_path_factory.mktemp("exported")
    with open_home(folder / "home") as home:
        home.stock(16)
        for number in range(4):
            home.log(copy_of(number), AI if number % 2 else HUMAN)
        for number in (14, 15):
            home.images.delete(sha256(drawn(number)))
        home.log(drawn(90))
        home.export(folder / "export.zip")
    return folder / "export.zip"


def _labelled(tmp_path: Path, generated: bytes) -> Path:
    """Return a folder with a picture of each class, the generated one given."""
    folder = tmp_path / "labelled"
    for label, data in ((AI, generated), (HUMAN, drawn(1))):
        (folder / label.value).mkdir(parents=True)
        (folder / label.value / "one.png").write_bytes(data)
    return folder


def _prompts(home: Home) -> list[str]:
    records = home.repository.list_predictions(EVERYTHING).records
    return [e.prompt for record in records for e in record.verdict.evidence if e.prompt]


def test_prompts_are_kept_only_where_the_settings_say_so(tmp_path: Path) -> None:
    """Imported files and records lose their prompts, unless BRUSHMARK_KEEP_PROMPTS is on."""
    folder = _labelled(tmp_path, write(texts={"parameters": INFOTEXT}))
    with open_home(tmp_path / "off") as home:
        bring(home, folder)
        assert _prompts(home) == []
        assert b"lighthouse at dusk" not in home.settings.store_path.read_bytes()
    with open_home(tmp_path / "on") as home:
        keeping = replace(home, settings=replace(home.settings, keep_prompts=True))
        bring(keeping, folder)
        assert len(_prompts(home)) == 1
        home.export(tmp_path / "export.zip")
    with open_home(tmp_path / "elsewhere") as home:
        assert bring(home, tmp_path / "export.zip").taken.records == 2
        assert _prompts(home) == []


def test_evidence_is_read_as_the_settings_want_it(tmp_path: Path) -> None:
    """An import looks for the invisible watermark where checks do."""
    folder = _labelled(tmp_path, encode(embed(calm(), MESSAGES[0]), "PNG"))
    kinds = []
    for watermark in (False, True):
        with open_home(tmp_path / str(watermark)) as home:
            bring(replace(home, settings=replace(home.settings, watermark=watermark)), folder)
            records = home.repository.list_predictions(EVERYTHING).records
            kinds.append({e.kind for record in records for e in record.verdict.evidence})
    assert kinds[1] - kinds[0] == {WatermarkReader.kind}


def test_nothing_is_imported_while_something_is_forgotten(home: Home, exported: Path) -> None:
    """It is refused in a sentence, and goes through when that is done."""
    with forgetting(home.settings.home), pytest.raises(Busy, match="being forgotten"):
        bring(home, exported)
    assert home.repository.count_predictions(EVERYTHING) == 0
    assert bring(home, exported).taken.records == 20


def test_a_round_trip_is_identical_by_hash(home: Home, exported: Path, tmp_path: Path) -> None:
    """Export, import into an empty home, export: the same bytes; importing again adds nothing."""
    report = bring(home, exported)
    assert (report.taken.records, report.taken.labels, report.not_kept) == (20, 20, 2)
    home.export(tmp_path / "again.zip")
    assert sha256((tmp_path / "again.zip").read_bytes()) == sha256(exported.read_bytes())
    again = bring(home, exported).taken
    assert (again.records, again.labels, again.known, again.reviewed) == (0, 0, 20, 20)
    assert home.service.require_judge().calls == 0  # type: ignore[attr-defined]
    assert list((home.settings.home / "imports").iterdir()) == []
    assert maintenance.verify(home.settings).ok
    assert home.repository.list_events()[0].action == "import"


def test_a_picture_that_was_tested_on_stays_so(home: Home, exported: Path, tmp_path: Path) -> None:
    """Imported splits are kept when more pictures join, whatever the seed draws for these."""
    bring(home, exported)
    home.stock(30, start=200)
    home.export(tmp_path / "more.zip", ExportRequest(split=Shares(0.5, 0.25, 0.25, seed=9)))
    before = {row["sha256"]: row["split"] for row in manifest(exported)}
    after = {row["sha256"]: row["split"] for row in manifest(tmp_path / "more.zip")}
    assert {digest: after[digest] for digest in before} == before


def test_newer_reviews_here_stand(home: Home, exported: Path) -> None:
    """An imported review takes its place in time: a later one here still counts."""
    record = home.log(drawn(0), AI)  # called human-made in the export, earlier
    report = bring(home, exported)
    assert report.taken.records == 20
    label = home.repository.latest_reviews([record.image.sha256])[record.image.sha256].label
    assert label is AI


def test_nothing_comes_from_the_future(home: Home, exported: Path, tmp_path: Path) -> None:
    """What another clock dated ahead comes in as of now, so that a review here overrules it."""
    ahead = "2999-01-01T00:00:00.000Z"
    path = changed(
        exported,
        tmp_path / "ahead.zip",
        edit_record(record__created_at=ahead, review__created_at=ahead),
    )
    line = json.loads(read(path, "records.jsonl").splitlines()[0])
    other = HUMAN if line["review"]["label"] == AI else AI
    bring(home, path)
    home.service.submit_review(line["record"]["id"], other, "Ada")
    digest = line["record"]["image"]["sha256"]
    assert home.repository.latest_reviews([digest])[digest].label is other
    record = home.repository.get_prediction(line["record"]["id"])
    assert record is not None
    assert record.created_at <= utc_now()


def write_zip(path: Path, files: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return path


def test_image_folders_of_others(home: Home, tmp_path: Path) -> None:
    """Folders name label, split, generator and source; pictures are judged, kept and credited."""
    path = write_zip(
        tmp_path / "theirs.zip",
        {
            "data/train/Fake/midjourney/a.jpg": drawn(1),
            "data/train/Real/museum/b.jpg": drawn(2),
            "data/validation/real/c.jpg": drawn(3),
            "data/train/cats/d.jpg": drawn(4),
            "data/test/real/broken.jpg": b"no picture",
            "data/test/fake/same.jpg": drawn(2),
            "__MACOSX/._a.jpg": b"x",
            "data/notes.txt": b"hello",
        },
    )
    report = bring(home, path)
    assert (report.kind, report.taken.records, report.taken.labels) == ("an image folder", 2, 2)
    assert {out.name: out.reason[:24] for out in report.left_out} == {
        "data/train/cats/d.jpg": "neither its folder nor a",
        "data/test/real/broken.jpg": "This is no picture forma",
        "data/train/Real/museum/b.jpg": "the same file is there w",
    }
    assert sorted(home.images.hashes()) == sorted(sha256(drawn(n)) for n in (1, 3))
    home.export(tmp_path / "a.zip")
    rows = {row["sha256"]: row for row in manifest(tmp_path / "a.zip")}
    first = rows[sha256(drawn(1))]
    assert (first["label"], first["generator"], first["source"], first["split"]) == (
        "ai_generated",
        "midjourney",
        "midjourney",
        "train",
    )
    assert rows[sha256(drawn(3))]["split"] == "val"
    (record,) = home.repository.latest_by_sha256([sha256(drawn(1))]).values()
    assert (record.context.source.value, record.client) == ("import", "import")
    assert record.verdict.prediction is not None


def test_tables_beside_pictures_are_read(home: Home, tmp_path: Path) -> None:
    """metadata.jsonl names label and credits, and our imagefolder export is such a set."""
    with open_home(tmp_path / "other") as other:
        other.stock(6)
        other.export(tmp_path / "a.zip", ExportRequest(format=ExportFormat.IMAGEFOLDER))
    with zipfile.ZipFile(tmp_path / "a.zip") as archive:
        archive.extractall(tmp_path / "unpacked")
    report = bring(home, tmp_path / "unpacked")
    assert (report.taken.labels, report.left_out) == (6, ())
    home.export(tmp_path / "b.zip")
    columns = ("label", "generator", "source", "licence", "split", "group", "path")
    first, second = (
        sorted(tuple(row[c] for c in columns) for row in rows)
        for rows in (metadata_rows(tmp_path / "a.zip"), metadata_rows(tmp_path / "b.zip"))
    )
    assert first == second


def metadata_rows(zipped: Path) -> list[dict[str, str]]:
    rows = []
    for name in names(zipped):
        if name.endswith("metadata.jsonl"):
            for line in read(zipped, name).decode().splitlines():
                row = json.loads(line)
                rows.append({**row, "path": f"{row['split']}/{row['file_name']}"})
    return rows


def task(number: int, choice: str | None, image: str, **more: Any) -> dict[str, Any]:
    result = [{"type": "choices", "value": {"choices": [choice]}}] if choice else []
    return {"id": number, "data": {"image": image}, "annotations": [{"result": result, **more}]}


def test_label_studio_exports(home: Home, tmp_path: Path) -> None:
    """Tasks label their pictures in the zip, or pictures of the log by their hash."""
    logged = home.log(drawn(5))
    tasks = [
        task(1, "AI-generated", "/data/upload/3/0123abcd-one.jpg"),
        task(2, "human_made", "/data/local-files/?d=set/b/two.jpg"),
        task(3, "Real", f"/data/local-files/?d=train/human_made/{logged.image.sha256}.jpg"),
        task(4, None, "/data/upload/3/four.jpg"),
        task(5, "banana", "/data/upload/3/five.jpg"),
        task(6, "real", "https://elsewhere.example/six.jpg"),
        task(7, "real", "/data/upload/3/0123abcd-one.jpg", was_cancelled=True),
    ]
    path = write_zip(
        tmp_path / "ls.zip",
        {
            "project.json": json.dumps(tasks).encode(),
            "images/one.jpg": drawn(1),
            "images/a/two.jpg": drawn(2),
            "images/b/two.jpg": drawn(3),
        },
    )
    report = bring(home, path)
    assert (report.kind, report.taken.labels, report.taken.known) == ("Label Studio's JSON", 3, 1)
    reasons = {out.name: out.reason for out in report.left_out}
    assert set(reasons) == {"task 4", "task 5", "task 6", "task 7"}
    assert "neither AI-generated nor human-made" in reasons["task 5"]
    digests = [sha256(drawn(n)) for n in (1, 3, 5)]
    labels = home.repository.latest_reviews(digests)
    assert [labels[d].label for d in digests] == [AI, HUMAN, HUMAN]
    assert home.repository.latest_by_sha256([sha256(drawn(2))]) == {}


def test_our_label_studio_export_comes_back(home: Home, tmp_path: Path) -> None:
    """Tasks that went out and were labelled anew there bring the new labels, unless one stands."""
    home.stock(4)
    home.export(tmp_path / "out.zip", ExportRequest(format=ExportFormat.LABEL_STUDIO))
    tasks = json.loads(read(tmp_path / "out.zip", "label_studio.json"))
    for each in tasks:
        each["annotations"][0]["result"][0]["value"]["choices"] = ["ai_generated"]
    path = write_zip(tmp_path / "back.zip", {"tasks.json": json.dumps(tasks).encode()})
    report = bring(home, path)
    assert (report.taken.known, report.taken.reviewed, report.taken.contradicted) == (4, 2, 2)


def test_pictures_are_not_kept_where_none_are(tmp_path: Path, exported: Path) -> None:
    """With BRUSHMARK_KEEP_IMAGES=none records and labels come, and no picture."""
    with open_home(tmp_path / "home", KeepImages.NONE) as home:
        assert bring(home, exported).not_kept == 20
        assert list(home.images.hashes()) == []
        assert home.repository.count_predictions(EVERYTHING) == 20


# ---- what is refused ------------------------------------------------------------------------


def links(path: Path) -> None:
    info = zipfile.ZipInfo("ai/a.jpg")
    info.external_attr = 0o120777 << 16
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(info, "/etc/passwd")


def named(name: str) -> Callable[[Path], None]:
    def make(path: Path) -> None:
        write_zip(path, {"ai/good.jpg": drawn(1), name: drawn(2)})

    return make


def bomb(path: Path) -> None:
    write_zip(path, {"ai/a.jpg": b"\0" * 300_000_000})


def overlapping(path: Path) -> None:
    """Two entries of the table of contents that share the bytes of one file."""
    write_zip(path, {"ai/a.jpg": drawn(1), "ai/b.jpg": drawn(2)})
    raw = bytearray(path.read_bytes())
    at = raw.rfind(b"PK\x01\x02")
    raw[at + 42 : at + 46] = struct.pack("<I", 0)
    path.write_bytes(raw)


def truncated(path: Path) -> None:
    write_zip(path, {"ai/a.jpg": drawn(1)})
    path.write_bytes(path.read_bytes()[:-40])


def encrypted(path: Path) -> None:
    write_zip(path, {"ai/a.jpg": drawn(1)})
    raw = bytearray(path.read_bytes())
    raw[6] |= 1
    at = raw.rfind(b"PK\x01\x02")
    raw[at + 8] |= 1
    path.write_bytes(raw)


def no_zip(path: Path) -> None:
    path.write_bytes(b"x" * 5000)


def cats(path: Path) -> None:
    write_zip(path, {"cats/a.jpg": drawn(1)})


HOSTILE: dict[str, tuple[Callable[[Path], None], type[BrushmarkError], str]] = {
    "not a zip": (no_zip, BadInput, "no whole zip"),
    "empty": (Path.touch, BadInput, "no whole zip"),
    "truncated": (truncated, BadInput, "no whole zip"),
    "dots": (named("ai/../../x.jpg"), BadInput, "lead out of its folder"),
    "absolute": (named("/etc/x.jpg"), BadInput, "lead out of its folder"),
    "backslash": (named("ai\\..\\x.jpg"), BadInput, "lead out of its folder"),
    "drive": (named("C:/x.jpg"), BadInput, "lead out of its folder"),
    "control": (named("ai/\x1b[31m.jpg"), BadInput, "lead out of its folder"),
    "link": (links, BadInput, "a link"),
    "bomb": (bomb, TooLarge, "times its size"),
    "overlap": (overlapping, BadInput, "overlap"),
    "encrypted": (encrypted, BadInput, "encrypted"),
    "foreign": (cats, BadInput, "no data set that is read here"),
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_hostile_and_foreign_zips_are_refused(home: Home, tmp_path: Path, kind: str) -> None:
    """Each is refused with a sentence, and neither a picture nor a staging folder is left."""
    make, error, words = HOSTILE[kind]
    path = tmp_path / "hostile.zip"
    make(path)
    with pytest.raises(error, match=words):
        bring(home, path)
    nothing_came(home)


def nothing_came(home: Home) -> None:
    assert home.repository.count_predictions(EVERYTHING) == 0
    assert list(home.images.hashes()) == []
    imports = home.settings.home / "imports"
    assert not imports.exists() or list(imports.iterdir()) == []


def changed(source: Path, target: Path, change: Callable[[dict[str, bytes]], None]) -> Path:
    """Write an export anew with files changed."""
    files = {name: read(source, name) for name in names(source)}
    change(files)
    return write_zip(target, files)


def with_sums(files: dict[str, bytes]) -> None:
    sums = [f"{sha256(data)}  {name}\n" for name, data in files.items() if name != "SHA256SUMS"]
    files["SHA256SUMS"] = "".join(sums).encode()


def edit_record(**fields: Any) -> Callable[[dict[str, bytes]], None]:
    def change(files: dict[str, bytes]) -> None:
        first, *rest = files["records.jsonl"].splitlines()
        line = json.loads(first)
        for name, value in fields.items():
            part, _, field = name.partition("__")
            if field:
                line[part][field] = value
            else:
                line[part] = value
        files["records.jsonl"] = b"\n".join([json.dumps(line).encode(), *rest]) + b"\n"
        with_sums(files)

    return change


def drop_a_picture(files: dict[str, bytes]) -> None:
    del files[next(name for name in files if name.endswith(".jpg"))]


def swap_a_picture(files: dict[str, bytes]) -> None:
    files[next(name for name in files if name.endswith(".jpg"))] = drawn(77)
    with_sums(files)


def break_vectors(files: dict[str, bytes]) -> None:
    raw = files["features.safetensors"]
    files["features.safetensors"] = raw[: len(raw) // 2]
    with_sums(files)


def nest_vectors(files: dict[str, bytes]) -> None:
    files["features.safetensors"] = struct.pack("<Q", 200_000) + b"[" * 200_000
    with_sums(files)


def from_the_future(files: dict[str, bytes]) -> None:
    files["export.json"] = b'{"brushmark_export": 99, "examples": 1}'
    with_sums(files)


def edit_image(**facts: Any) -> Callable[[dict[str, bytes]], None]:
    def change(files: dict[str, bytes]) -> None:
        image = json.loads(files["records.jsonl"].splitlines()[0])["record"]["image"]
        edit_record(record__image={**image, **facts})(files)

    return change


def deep(files: dict[str, bytes]) -> None:
    files["records.jsonl"] = b"[" * 200_000 + b"\n"
    with_sums(files)


def finding(**fields: Any) -> dict[str, Any]:
    return {"kind": "c2pa", "status": "declared", "label": None, "detail": "x", **fields}


YEAR_ZERO = "0001-01-01T00:00:00+05:00"

DAMAGED: dict[str, tuple[Callable[[dict[str, bytes]], None], str]] = {
    "a picture is missing": (drop_a_picture, "do not agree"),
    "a byte differs": (lambda f: f.update({"README.md": b"other"}), "not what was exported"),
    "a picture is another's": (swap_a_picture, "not the picture of its record"),
    "the vectors are cut": (break_vectors, "cannot be read"),
    "the vectors are too deep": (nest_vectors, "cannot be read"),
    "a label is unknown": (edit_record(review__label="maybe"), "maybe"),
    "an id is none": (edit_record(record__id="../x"), "not one of ours"),
    "a score is beyond one": (
        edit_record(record__probabilities={"ai_generated": 7, "human_made": 0}),
        "must lie in",
    ),
    "a detail is a number": (edit_record(record__evidence=[finding(detail=5)]), "line 1: detail"),
    "a prompt is a list": (edit_record(record__evidence=[finding(prompt=[])]), "line 1: prompt"),
    "a width is no whole number": (edit_image(width=1.5), "line 1: width"),
    "a width is true": (edit_image(width=True), "line 1: width"),
    "a policy is text": (edit_record(record__policy="x"), "line 1: policy"),
    "a policy is out of bounds": (edit_record(record__policy=2**70), "line 1: policy"),
    "a conflict is text": (edit_record(record__conflict="x"), "line 1: conflict"),
    "a summary has half a character": (edit_record(record__summary="a\ud800"), "line 1: summary"),
    "a version has half a character": (
        edit_record(record__model={"version": "\ud800", "sha256": "0" * 64}),
        "line 1: version",
    ),
    "a summary is a number": (edit_record(record__summary=7), "line 1: summary"),
    "a time spent is a list": (edit_record(record__elapsed_ms=[1]), "line 1: elapsed_ms"),
    "a time spent is no number": (edit_record(record__elapsed_ms=float("nan")), "line 1: elapsed"),
    "a check is before all years": (edit_record(record__created_at=YEAR_ZERO), "line 1: date"),
    "a review is before all years": (edit_record(review__created_at=YEAR_ZERO), "line 1: date"),
    "a split is unknown": (edit_record(split="nope", kept=True), "line 1: its picture is missing"),
    "a line is too deep": (deep, "line 1: "),
    "it is newer": (from_the_future, "newer Brushmark"),
}


@pytest.mark.parametrize("kind", DAMAGED)
def test_damaged_exports_are_refused_whole(
    home: Home, exported: Path, tmp_path: Path, kind: str
) -> None:
    """An export that is not as it was written is refused, and nothing of it was imported."""
    change, words = DAMAGED[kind]
    path = changed(exported, tmp_path / "damaged.zip", change)
    with pytest.raises(BadInput, match=words):
        bring(home, path)
    nothing_came(home)


def test_addresses_do_not_come_in_with_an_export(
    home: Home, exported: Path, tmp_path: Path
) -> None:
    """A crafted export cannot plant clients, addresses or titles in the log."""
    planted = {"source": "api", "page_url": "javascript:x", "image_url": None, "page_title": "<b>"}
    path = changed(
        exported, tmp_path / "a.zip", edit_record(record__context=planted, record__client="admin")
    )
    bring(home, path)
    for record in home.repository.list_predictions(EVERYTHING, limit=200).records:
        assert record.client == "import"
        assert (record.context.page_url, record.context.page_title) == (None, None)


def test_what_is_not_there_is_said(home: Home, tmp_path: Path) -> None:
    """A path that leads nowhere and a folder without pictures are told apart."""
    with pytest.raises(NotFound, match="no file or folder"):
        bring(home, tmp_path / "nope.zip")
    (tmp_path / "empty").mkdir()
    with pytest.raises(BadInput, match="no data set"):
        bring(home, tmp_path / "empty")
    (tmp_path / "bad" / "ai").mkdir(parents=True)
    (tmp_path / "bad" / "ai" / "a.jpg").write_bytes(b"no picture")
    with pytest.raises(BadInput, match=r"no picture that could be imported. The first: ai/a.jpg"):
        bring(home, tmp_path / "bad")


def test_a_full_disk_is_survived(
    home: Home, exported: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the disk fills in the middle, nothing was imported; with room again all of it is."""
    real = ImageStore.put
    kept = 0

    def fill_up(self: ImageStore, digest: str, data: bytes) -> None:
        nonlocal kept
        kept += 1
        if kept == 6:
            raise OutOfSpace("There is no space left.")
        real(self, digest, data)

    with monkeypatch.context() as patch:
        patch.setattr(ImageStore, "put", fill_up)
        with pytest.raises(OutOfSpace):
            bring(home, exported)
    nothing_came(home)
    assert bring(home, exported).taken.records == 20


# ---- killed ---------------------------------------------------------------------------------


def import_slowly(home_path: Path, zipped: Path, at: str, pipe: Any) -> None:
    """Import, and say when the step to be killed in has begun."""

    def slow(done: int, total: int, text: str) -> None:
        if text == at and (done >= 8 or not total):
            pipe.send("now")
            time.sleep(30)

    with open_home(home_path) as home:
        bring(home, zipped, slow)


@pytest.mark.parametrize("at", ["reading pictures", "writing to the log"])
def test_a_killed_import_adds_nothing_and_goes_on(tmp_path: Path, exported: Path, at: str) -> None:
    """After kill -9 the log has nothing of it; the same command again finishes the work."""
    context = multiprocessing.get_context("forkserver" if os.name == "posix" else "spawn")
    ours, theirs = context.Pipe()
    home_path = tmp_path / "home"
    child = context.Process(target=import_slowly, args=(home_path, exported, at, theirs))
    child.start()
    assert ours.poll(30)
    os.kill(child.pid or 0, signal.SIGKILL if os.name == "posix" else signal.SIGTERM)
    child.join()
    with open_home(home_path) as home:
        assert home.repository.count_predictions(EVERYTHING) == 0
        (stage,) = (home.settings.home / "imports").iterdir()
        assert (stage / "staged.jsonl").stat().st_size > 0
        read_again: list[int] = []
        report = bring(home, exported, lambda d, t, x: read_again.append(d))
        assert report.taken.records == 20
        home.export(tmp_path / "again.zip")
        assert document(tmp_path / "again.zip")["pictures"] == 18
        assert (tmp_path / "again.zip").read_bytes() == exported.read_bytes()


def test_a_corrected_folder_is_read_anew(home: Home, tmp_path: Path) -> None:
    """Interrupted to correct its table, the same folder comes in with the corrected labels."""
    folder = tmp_path / "set"
    folder.mkdir()
    rows = ["file_name,label"]
    for number in range(4):
        (folder / f"{number}.jpg").write_bytes(drawn(number))
        rows.append(f"{number}.jpg,human")
    table = folder / "metadata.csv"
    table.write_text("\n".join(rows))

    def stop(done: int, total: int, text: str) -> None:
        if text == "reading pictures" and done == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        bring(home, folder, stop)
    (folder / "1.jpg").unlink()
    table.write_text("\n".join(rows).replace("human", "ai"))
    report = bring(home, folder)
    assert (report.taken.records, report.left_out) == (3, ())
    digests = [sha256(drawn(number)) for number in (0, 2, 3)]
    labels = home.repository.latest_reviews(digests)
    assert [labels[digest].label for digest in digests] == [AI, AI, AI]
    assert sorted(home.images.hashes()) == sorted(digests)


def test_an_unchanged_folder_goes_on(home: Home, tmp_path: Path) -> None:
    """Interrupted and left as it was, a folder's pictures are not judged a second time."""
    folder = _labelled(tmp_path, drawn(2))

    def stop(done: int, total: int, text: str) -> None:
        if text == "writing to the log":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        bring(home, folder, stop)
    judged = home.service.require_judge().calls  # type: ignore[attr-defined]
    assert bring(home, folder).taken.records == 2
    assert home.service.require_judge().calls == judged == 2  # type: ignore[attr-defined]


def test_discarding_takes_the_pictures_along(tmp_path: Path, exported: Path) -> None:
    """Pictures of an import that never was finished are removed with its staging folder."""
    from backend.importing.staging import discard

    class Enough(Exception):
        pass

    def stop(done: int, total: int, text: str) -> None:
        if done == 8 and text == "reading pictures":
            raise Enough

    with open_home(tmp_path / "home") as home:
        home.log(drawn(0), HUMAN)
        with pytest.raises(Enough):
            bring(home, exported, stop)
        assert len(list(home.images.hashes())) > 3
        (stage,) = (home.settings.home / "imports").iterdir()
        assert discard(stage, home.repository, home.images)
        assert list(home.images.hashes()) == [sha256(drawn(0))]
