"""What is forgotten is nowhere in the data folder; what cannot be reached is named."""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from backend.domain import AuditEvent, Context, Label, PredictionRecord, Source, new_id, utc_now
from backend.errors import BadInput, Busy, Conflict
from backend.exporting.make import make_export
from backend.exporting.request import ExportFormat, ExportRequest
from backend.exporting.shelf import ExportShelf
from backend.forgetting import forget as forget_module
from backend.forgetting.forget import Forgetting
from backend.forgetting.oblivion import Oblivion, Rewriting
from backend.importing.importer import Importer
from backend.model.registry import SHIPPED
from backend.storage import maintenance
from backend.storage.repository import PredictionFilter
from tests.dashboard.filling import SITES
from tests.exporting.homes import (
    AI,
    HUMAN,
    Home,
    copy_of,
    document,
    drawn,
    open_home,
    quiet,
    sha256,
)

SECRET_SITE = "secret-site.example"
SECRET_CLIENT = "secret-client · ABCDEFGH"
LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)
ADDRESS = f"https://{SECRET_SITE}/pages/1"


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    """A home with pictures of a secret site by a secret client, long ago, and others."""
    with open_home(tmp_path / "home") as opened:
        opened.stock(6)
        yield opened


def keep_secrets(home: Home) -> list[PredictionRecord]:
    """Log the secret pictures: reviewed, appealed, exported, deleted from and spoken about."""
    records = [
        home.log(
            drawn(n),
            (AI, HUMAN, None)[n % 3],
            site=SECRET_SITE,
            client=SECRET_CLIENT,
            title="a secret title",
            note="a secret note",
        )
        for n in range(100, 106)
    ]
    home.log(copy_of(100), HUMAN, site=SECRET_SITE, client=SECRET_CLIENT, note="a secret note")
    home.service.submit_appeal(records[0].id, Label.HUMAN_MADE, "a secret reason", SECRET_CLIENT)
    shelf = ExportShelf(home.settings, home.repository, home.images)
    for where in (PredictionFilter(), PredictionFilter(site=SECRET_SITE)):
        request = ExportRequest(where)
        shelf.make(shelf.begin(request, SECRET_CLIENT), request, quiet)
    gone = home.log(drawn(110), site=SECRET_SITE, client=SECRET_CLIENT)
    home.service.delete(gone.id, "admin")
    home.repository.append_event(
        AuditEvent(new_id(), utc_now(), "admin", "note", f"{records[1].id}: {SECRET_SITE}")
    )
    return records


def traces(home: Home, records: list[PredictionRecord], vectors: list[bytes]) -> list[bytes]:
    """Return what a byte-level search looks for."""
    pictures = [drawn(n)[300:364] for n in range(100, 106)]
    digests = [r.image.sha256 for r in records]
    return [
        *(word.encode() for word in (SECRET_SITE, "a secret title", "a secret note")),
        *(b"a secret reason", SECRET_CLIENT.encode(), b"secret-client"),
        *pictures,
        *vectors,
        *(digest.encode() for digest in digests),
        *(bytes.fromhex(digest) for digest in digests),
        *(record.id.encode() for record in records),
    ]


def found_in(folder: Path, needles: list[bytes]) -> list[tuple[str, bytes]]:
    """Search every byte of every file of a folder, and every file's name."""
    hits = []
    for path in folder.rglob("*"):
        hits += [(path.name, needle) for needle in needles if needle in path.name.encode()]
        if path.is_file():
            data = path.read_bytes()
            hits += [(path.name, needle) for needle in needles if needle in data]
    return hits


WHAT: dict[str, Callable[[], Oblivion]] = {
    "site": lambda: Oblivion(site=SECRET_SITE),
    "url": lambda: Oblivion(url=f"{ADDRESS}?utm=1"),
    "client": lambda: Oblivion(client=SECRET_CLIENT),
    "before": lambda: Oblivion(before=utc_now() + timedelta(seconds=1)),
}


@pytest.mark.parametrize("kind", WHAT)
def test_a_byte_level_search_finds_nothing(tmp_path: Path, kind: str) -> None:
    """After forgetting, no byte of it is in the data folder, and the rest of the log is whole."""
    with open_home(tmp_path / "home") as home:
        records = keep_secrets(home)
        vectors = [home.repository.get_extras(r.id).features or b"-" for r in records]
        needles = traces(home, records, [v[:64] for v in vectors])
        assert {n for _, n in found_in(home.settings.home, needles)} > {SECRET_SITE.encode()}
        forgetting = Forgetting(home.settings, home.repository, home.images)
        done = forgetting.forget(WHAT[kind](), SECRET_CLIENT if kind == "client" else "admin")
        assert (done.records, done.pictures, done.appeals) == (7, 7, 1)
        assert (done.reviews, done.exports, done.clean) == (5, 2, True)
        if kind != "client":  # who exported stays in the audit trail
            needles = [n for n in needles if b"secret-client" not in n]
        assert found_in(home.settings.home, needles) == []
        home.stock(6)
        trail = home.repository.list_events()
        assert ("forget", "7 predictions, 7 pictures") in [(e.action, e.detail) for e in trail]
        assert home.repository.count_predictions(PredictionFilter()) == 6
    assert maintenance.verify(home.settings).ok


def test_exports_go_that_name_it_in_any_format(home: Home) -> None:
    """A table without pictures or records goes too, and one of other pictures stays."""
    keep_secrets(home)
    shelf = ExportShelf(home.settings, home.repository, home.images)
    made = {}
    for site in (SECRET_SITE, SITES[0]):
        request = ExportRequest(PredictionFilter(site=site), format=ExportFormat.CSV)
        made[site] = shelf.make(shelf.begin(request, "admin"), request, quiet)
    Forgetting(home.settings, home.repository, home.images).forget(
        Oblivion(site=SECRET_SITE), "admin"
    )
    assert not shelf.has_file(made[SECRET_SITE])
    assert shelf.has_file(made[SITES[0]])


def killed_at(owner: object, step: str, home: Home, monkeypatch: pytest.MonkeyPatch) -> Forgetting:
    """Return what forgets, after it was killed at one of its steps with the secret site."""
    forgetting = Forgetting(home.settings, home.repository, home.images)
    with monkeypatch.context() as patch:
        patch.setattr(owner, step, lambda *_: sys.exit("killed"))
        with pytest.raises(SystemExit):
            forgetting.forget(Oblivion(site=SECRET_SITE), "admin")
    return forgetting


def test_what_was_interrupted_is_finished(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ended after the records and before the exports, it finds the exports when it is repeated."""
    records = keep_secrets(home)
    forgetting = killed_at(forget_module, "drop_exports", home, monkeypatch)
    assert home.repository.count_predictions(PredictionFilter(site=SECRET_SITE)) == 0
    journal = home.settings.home / "forgetting.jsonl"
    assert journal.stat().st_mode & 0o077 == 0
    journal.write_bytes(journal.read_bytes() + b'{"ids": ["cut sh')
    done = forgetting.forget(Oblivion(before=LONG_AGO), "admin")
    assert (done.records, done.exports) == (7, 2)
    needles = [SECRET_SITE.encode(), *(r.id.encode() for r in records)]
    needles += [r.image.sha256.encode() for r in records]
    assert found_in(home.settings.home, needles) == []


def test_what_was_about_to_go_goes(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ended after its note and before the records, the next run erases those that were noted."""
    records = keep_secrets(home)
    forgetting = killed_at(Forgetting, "_erase", home, monkeypatch)
    assert home.repository.get_prediction(records[0].id) is not None
    done = forgetting.forget(Oblivion(before=LONG_AGO), "admin")
    assert (done.records, done.pictures, done.exports) == (7, 7, 2)
    assert home.repository.get_prediction(records[0].id) is None
    assert home.repository.count_predictions(PredictionFilter()) == 6


def test_nothing_is_exported_while_something_is_forgotten(home: Home) -> None:
    """Both ways: who comes second is refused, and what the first does is whole."""
    shelf = ExportShelf(home.settings, home.repository, home.images)
    asked = ExportRequest()

    def export() -> None:
        with pytest.raises(Busy, match="being forgotten"):
            shelf.make(shelf.begin(asked, "admin"), asked, quiet)

    class Watched(Forgetting):
        def _erase(self, ids: list[str], tally: Any) -> None:
            export()
            super()._erase(ids, tally)

    done = Watched(home.settings, home.repository, home.images).forget(
        Oblivion(site=SITES[0]), "admin"
    )
    assert (done.records, done.clean) == (2, True)
    assert shelf.files() == []

    def forget(*_: Any) -> None:
        with pytest.raises(Conflict, match="export is being made"):
            Forgetting(home.settings, home.repository, home.images).forget(
                Oblivion(site=SITES[1]), "admin"
            )

    shelf.make(shelf.begin(asked, "admin"), asked, forget)
    assert len(shelf.files()) == 1


def test_the_history_stays_one_of_its_kind(home: Home) -> None:
    """Forgetting a client called like a kind of job leaves what says which entry is which."""
    home.log(drawn(120), client="export")
    shelf = ExportShelf(home.settings, home.repository, home.images)
    job = shelf.begin(ExportRequest(), "export")
    shelf.make(job, ExportRequest(), quiet)
    Forgetting(home.settings, home.repository, home.images).forget(
        Oblivion(client="export"), "admin"
    )
    (entry,) = shelf.history()
    assert (entry.id, entry.kind, entry.options["actor"]) == (job.id, "export", "forgotten")
    assert "export" in {event.action for event in home.repository.list_events()}


def test_others_stay(home: Home) -> None:
    """Records of other sites keep their pictures and reviews, also where they share the bytes."""
    keep_secrets(home)
    shared = home.log(drawn(100), site=SITES[0])
    before = home.repository.count_predictions(PredictionFilter(site=SITES[0]))
    done = Forgetting(home.settings, home.repository, home.images).forget(
        Oblivion(site=SECRET_SITE), "admin"
    )
    assert (done.records, done.pictures) == (7, 6)
    assert home.images.has(shared.image.sha256)
    assert home.repository.count_predictions(PredictionFilter(site=SITES[0])) == before
    for number in range(6):
        (record,) = home.repository.latest_by_sha256([sha256(drawn(number))]).values()
        assert home.images.has(record.image.sha256)
        assert home.repository.latest_reviews([record.image.sha256])
    again = Forgetting(home.settings, home.repository, home.images).forget(
        Oblivion(site=SECRET_SITE), "admin"
    )
    assert (again.records, again.elsewhere) == (0, ())
    assert again.lines() == ["There was nothing to forget."]


def test_a_picture_host_is_forgotten_under_any_page(home: Home) -> None:
    """A picture that was seen on another site's page goes with its own host, and no other does."""
    context = Context(
        Source.PAGE_SCAN,
        page_url=f"https://{SITES[0]}/pages/9",
        image_url=f"https://{SECRET_SITE}/images/9.jpg",
    )
    record = home.service.check_image(drawn(120), context, "browser").record
    before = home.repository.count_predictions(PredictionFilter())
    forgetting = Forgetting(home.settings, home.repository, home.images)
    forgetting.forget(Oblivion(site=SECRET_SITE), "admin")
    assert home.repository.get_prediction(record.id) is None
    assert home.repository.count_predictions(PredictionFilter()) == before - 1
    assert found_in(home.settings.home, [SECRET_SITE.encode(), record.id.encode()]) == []


def test_what_is_out_of_reach_is_named(home: Home, tmp_path: Path) -> None:
    """Exports that went elsewhere, models made since and set-aside stores are named."""
    shelf = ExportShelf(home.settings, home.repository, home.images)
    request = ExportRequest()
    early = shelf.begin(request, "cli", tmp_path / "early.zip")
    shelf.make(early, request, quiet, tmp_path / "early.zip")
    keep_secrets(home)
    elsewhere = shelf.begin(request, "cli", tmp_path / "out.zip")
    shelf.make(elsewhere, request, quiet, tmp_path / "out.zip")
    (card,) = SHIPPED.glob("*/card.json")
    for name, moment in (("mine", "2099-01-01T00:00:00Z"), ("older", "2000-01-01T00:00:00Z")):
        folder = home.settings.home / "weights" / name
        folder.mkdir(parents=True)
        changed = {**json.loads(card.read_text()), "version": name, "released_at": moment}
        (folder / "card.json").write_text(json.dumps(changed))
    (home.settings.home / "before-restore-1").mkdir()
    done = Forgetting(home.settings, home.repository, home.images).forget(
        Oblivion(site=SECRET_SITE), "admin"
    )
    named = [(each.kind, each.name) for each in done.elsewhere]
    assert ("export", elsewhere.id) in named
    assert ("export", early.id) not in named
    assert [name for kind, name in named if kind == "model"] == ["mine"]
    assert ("store", "before-restore-1") in named
    assert len([kind for kind, _ in named if kind == "export"]) == 3  # and the two stored ones
    assert any("wherever they were taken" in line for line in done.lines())
    assert document(tmp_path / "early.zip")["examples"] == 6


def test_an_export_in_the_making_comes_first(home: Home) -> None:
    """While an export is written nothing is forgotten: the zip would bring it back."""
    folder = home.settings.home / "exports"
    folder.mkdir()
    refused = threading.Event()
    forgetting = Forgetting(home.settings, home.repository, home.images)

    def meanwhile(done: int, total: int, text: str) -> None:
        if not refused.is_set():
            with pytest.raises(Conflict, match="being made"):
                forgetting.forget(Oblivion(site=SITES[0]), "admin")
            refused.set()

    make_export(home.repository, home.images, ExportRequest(), folder / "a.zip", meanwhile)
    assert refused.is_set()
    assert forgetting.forget(Oblivion(site=SITES[0]), "admin").exports == 1


def test_imports_that_were_cut_off_go_too(home: Home, tmp_path: Path) -> None:
    """What an interrupted import had made ready is cleared; one under way comes first."""
    home.export(tmp_path / "a.zip")
    with open_home(tmp_path / "other") as other:
        importer = Importer(
            other.settings, other.repository, other.images, other.service.require_judge
        )
        forgetting = Forgetting(other.settings, other.repository, other.images)

        def meanwhile(done: int, total: int, text: str) -> None:
            if done == 3:
                with pytest.raises(Conflict, match="being imported"):
                    forgetting.forget(Oblivion(site=SITES[0]), "admin")
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            importer.run(tmp_path / "a.zip", "tester", meanwhile)
        assert list(other.images.hashes())
        forgetting.forget(Oblivion(site=SITES[0]), "admin")
        assert list(other.images.hashes()) == []
        assert list((other.settings.home / "imports").iterdir()) == []


def test_caches_let_go_too(home: Home) -> None:
    """The running backend's memory of verdicts and pictures loses what is forgotten."""
    keep_secrets(home)
    service = home.service
    judge = service.require_judge()
    before = judge.calls  # type: ignore[attr-defined]
    Forgetting(home.settings, home.repository, home.images, service.forget_bytes).forget(
        Oblivion(site=SECRET_SITE), "admin"
    )
    home.log(drawn(100))
    assert judge.calls == before + 1  # type: ignore[attr-defined]


def test_just_one_thing_is_forgotten() -> None:
    """None, two or a blank one is refused."""
    for wrong in ({}, {"site": "a", "url": "b"}, {"client": " "}):
        with pytest.raises(BadInput):
            Oblivion(**wrong)


def test_rewriting_takes_whole_names() -> None:
    """A name is replaced where it stands alone, not within another; known keys are too."""
    rewrite = Rewriting({"a" * 64}, ["forum.example"])
    assert rewrite("site forum.example, and FORUM.example.") == "site forgotten, and forgotten."
    assert rewrite("my-forum.example x.forum.example") == "my-forum.example x.forum.example"
    assert rewrite(f"{'a' * 64} {'b' * 64}") == f"forgotten {'b' * 64}"
    assert Rewriting((), ())("anything") == "anything"
