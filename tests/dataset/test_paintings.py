"""`brushmark dataset paintings`: the list as it is published, a site that fails, going on."""

from __future__ import annotations

import csv
import functools
import ipaddress
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from backend.dataset import paintings as downloading
from backend.dataset.journal import Journal
from backend.dataset.painting_list import read_list
from backend.dataset.paintings import FOLDER, JOURNAL
from backend.errors import BadInput
from backend.imaging.fetch import Fetcher
from tests.cli.conftest import Brushmark, Ran
from tests.dataset.servers import Site

LOOPBACK = ipaddress.ip_address("127.0.0.1")
HEADER = "Image URL,Web page URL,Subset,Labels"
PICTURES = 10


def path_of(n: int) -> str:
    return f"/w1200h1200/collection/SFK/SED/SFK_SED_{n}-001.jpg"


def list_of(site: Site, numbers: range) -> str:
    lines = [f"{site.url(path_of(n))},https://artuk.org/{n},'train',' dog horse'" for n in numbers]
    return "\r\n".join([HEADER, *lines, ""])


Download = Callable[..., Ran]


@pytest.fixture
def download(
    brushmark: Brushmark, site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Download:
    """Run the command against the site, whose name resolves to loopback in this test alone."""
    reaching = functools.partial(
        Fetcher,
        resolve=lambda host, port: [LOOPBACK] if host == "pictures.test" else [],
        is_allowed=lambda address: address == LOOPBACK,
        ports=frozenset({site.port}),
    )
    monkeypatch.setattr("backend.imaging.fetch.Fetcher", reaching)
    quick = functools.partial(downloading.Patience, sleep=lambda _: None)
    monkeypatch.setattr("backend.dataset.patience.Patience", quick)
    for n in range(PICTURES):
        site.picture(path_of(n), n)
    site.replies["/list.csv"] = [
        (200, {"Content-Type": "text/csv"}, list_of(site, range(PICTURES)).encode())
    ]

    def run(*more: str) -> Ran:
        return brushmark(
            "dataset", "paintings", "--out", tmp_path, "--list", site.url("/list.csv"), *more
        )

    return run


def credits(folder: Path) -> list[dict[str, str]]:
    with (folder / FOLDER / "credits.csv").open(newline="", encoding="utf-8") as table:
        return list(csv.DictReader(table))


def pictures(folder: Path) -> set[str]:
    return {path.name for path in (folder / FOLDER).glob("*.jpg")}


def test_paintings_come_with_credits(download: Download, site: Site, tmp_path: Path) -> None:
    """So many as were asked for lie in the folder, each with its page, labels and collection."""
    ran = download("--count", "4")
    assert ran.code == 0, ran.err
    assert "4 paintings (4 fetched, 0 were here), 0 dead links" in ran.out
    rows = credits(tmp_path)
    assert {row["file"] for row in rows} == pictures(tmp_path)
    assert len(rows) == 4
    assert rows[0]["page"].startswith("https://artuk.org/")
    assert (rows[0]["collection"], rows[0]["labels"]) == ("SFK/SED", "dog horse")
    assert (rows[0]["subset"], rows[0]["kind"]) == ("train", "painting")
    assert "Art UK" in rows[0]["licence"]


def test_going_on_fetches_nothing_twice(download: Download, site: Site, tmp_path: Path) -> None:
    """A second run asks only for what is missing; a lost file is fetched again."""
    download("--count", "4")
    assert "(3 fetched, 4 were here)" in download("--count", "7").out
    next((tmp_path / FOLDER).glob("*.jpg")).unlink()
    assert "(1 fetched, 6 were here)" in download("--count", "7").out
    asked = [count for path, count in site.asked.items() if path != "/list.csv"]
    assert sorted(asked) == [1] * 6 + [2]
    assert len(credits(tmp_path)) == 7


def test_the_seed_draws_the_paintings(download: Download, site: Site, tmp_path: Path) -> None:
    """The list is drawn from at random, not from the top."""
    download("--count", "3", "--seed", "1")
    first = set(site.asked)
    site.asked.clear()
    download("--count", "3", "--seed", "2", "--out", str(tmp_path / "other"))
    assert set(site.asked) != first


def test_dead_links_are_counted_and_replaced(
    download: Download, site: Site, tmp_path: Path
) -> None:
    """404, pages, damaged pictures: others take their place, and none is asked for again."""
    site.replies[path_of(0)] = [(404, {}, b"")]
    site.replies[path_of(1)] = [(200, {"Content-Type": "text/html"}, b"<html>sorry")]
    site.replies[path_of(2)] = [(200, {"Content-Type": "image/jpeg"}, b"\xff\xd8\xffgone")]
    site.replies[path_of(3)] = [(302, {"Location": "http://10.0.0.1/x.jpg"}, b"")]
    ran = download("--count", "6")
    assert ran.code == 0
    assert len(pictures(tmp_path)) == 6
    ran = download("--count", "7")
    assert ran.code == 1
    assert "1 short of the count" in ran.out
    assert all(site.asked[path_of(n)] == 1 for n in range(4))


def test_what_may_work_later_is_asked_again(download: Download, site: Site, tmp_path: Path) -> None:
    """503 and 429 are tried again in the same run; what stays away is not taken for dead."""
    for n in range(PICTURES):
        site.fails_first(path_of(n), (503, {}, b""), (429, {"Retry-After": "0"}, b""))
    site.replies[path_of(5)] = [(500, {}, b"")]
    ran = download("--count", str(PICTURES))
    assert ran.code == 1
    assert "9 paintings (9 fetched, 0 were here), 0 dead links, 1 not reached" in ran.out
    site.picture(path_of(5), 5)
    assert "(1 fetched, 9 were here)" in download("--count", str(PICTURES)).out


def test_a_network_that_is_down_ends_the_run(
    download: Download, site: Site, tmp_path: Path
) -> None:
    """Twenty addresses in a row without an answer stop the run with one line, credits written."""
    numbers = range(60)
    site.replies["/list.csv"] = [
        (200, {"Content-Type": "text/plain"}, list_of(site, numbers).encode())
    ]
    for n in numbers:
        site.replies[path_of(n)] = [(503, {}, b"")]
    ran = download("--count", "50", "--jobs", "2")
    assert ran.code == 1
    assert "20 addresses in a row" in ran.err.splitlines()[-1]
    assert sum(path.startswith("/w") for path in site.asked) <= 23
    assert credits(tmp_path) == []


def test_never_more_at_once_than_allowed(download: Download, site: Site) -> None:
    """Requests under way are bounded by --jobs."""
    download("--count", str(PICTURES), "--jobs", "2")
    assert 1 <= site.most_at_once <= 2


def test_after_a_kill_the_rest_is_fetched(download: Download, site: Site, tmp_path: Path) -> None:
    """A torn journal line, a half-written file and a stray whole one do not stand in the way."""
    download("--count", "4")
    journal = tmp_path / FOLDER / JOURNAL
    lines = journal.read_bytes().splitlines(keepends=True)
    lost = json.loads(lines[-1])["file"]
    journal.write_bytes(b"".join(lines[:-1]) + lines[-1][:40])
    (tmp_path / FOLDER / "half.jpg.part").write_bytes(b"\xff\xd8")
    ran = download("--count", "4")
    assert ran.code == 0
    assert "(1 fetched, 3 were here)" in ran.out
    assert lost in pictures(tmp_path)
    assert len(Journal(journal).entries) == 4


def test_private_addresses_are_not_fetched(
    brushmark: Brushmark, site: Site, tmp_path: Path
) -> None:
    """A list that points into the local network gets nothing from there."""
    rows = (
        list_of(site, range(3)).replace("pictures.test", "127.0.0.1").replace(str(site.port), "80")
    )
    (tmp_path / "list.csv").write_text(rows, encoding="utf-8")
    out = tmp_path / "out"
    ran = brushmark("dataset", "paintings", "--out", out, "--list", tmp_path / "list.csv")
    assert ran.code == 1
    assert "0 paintings" in ran.out
    assert "3 dead links" in ran.out
    assert not site.asked


@pytest.mark.parametrize(
    "text",
    [
        f"{HEADER}\n{{0}},page,'test',' cow'\n",
        "\ufeffImage URL;Web page URL;Subset;Labels\r\n{0};page;'test';' cow'\r\n",
        "Labels,\"Image URL\",Subset,Web page URL,Extra\n' cow',\"{0}\",'test',page,x\n\n,,,\n",
    ],
)
def test_the_list_as_it_goes_round(text: str) -> None:
    """Commas or semicolons, a byte-order mark, other orders, empty lines: all are read."""
    url = "https://static.example/collection/A/B/x.jpg"
    (painting,) = read_list(text.format(url).encode())
    assert (painting.url, painting.page, painting.subset) == (url, "page", "test")
    assert (painting.labels, painting.collection) == ("cow", "A/B")


def test_one_address_is_one_painting() -> None:
    """An address that stands twice is one painting; names of files are safe and distinct."""
    rows = [f"https://x.example/{name}.jpg,,," for name in ("a", "a", "b/../..", "%2e%2e%2fc", "ä")]
    found = read_list("\n".join([HEADER, *rows]).encode())
    assert len(found) == 4
    assert len({painting.name for painting in found}) == 4
    assert all(set(p.name) <= set("abcdefghijklmnopqrstuvwxyz0123456789-_") for p in found)


@pytest.mark.parametrize(
    "data", [b"", b"a,b\n1,2\n", b"PK\x03\x04", HEADER.encode() + b"\nx,y,,\n"]
)
def test_other_lists_are_refused(data: bytes) -> None:
    """An empty file, another table, a spreadsheet, no addresses: refused with a reason."""
    with pytest.raises(BadInput, match="list"):
        read_list(data)


def test_a_list_that_is_not_there(brushmark: Brushmark, tmp_path: Path) -> None:
    """A list that is neither a file nor an address gives one line."""
    ran: Any = brushmark("dataset", "paintings", "--out", tmp_path, "--list", tmp_path / "none.csv")
    assert (ran.code, ran.out) == (1, "")
    assert "neither a file nor a web address" in ran.err
