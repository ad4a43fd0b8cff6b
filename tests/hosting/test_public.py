"""A public Brushmark as visitors meet it: two replicas, a balancer, a page in a real browser."""

from __future__ import annotations

import os
import re
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import requests
from playwright.sync_api import Browser, Page, expect

from backend.settings import Settings
from tests.dashboard.browser import chromium, dashboard, drop
from tests.hosting.balancer import Balancer, balancing
from tests.pictures import draw, encode

pytestmark = pytest.mark.browser

WAIT_MS = 30_000
CLIENTS = 3
PICTURES = [encode(draw(256, 240, seed), "JPEG", quality=80) for seed in range(40)]


@dataclass
class Replica:
    """A backend in a process of its own, with a home of its own."""

    home: Path
    port: int
    environ: dict[str, str]
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        command = [sys.executable, "-m", "backend.cli", "serve", "--public", "--quiet"]
        self.process = subprocess.Popen(command, env=self.environ, stdout=subprocess.DEVNULL)

    def wait(self) -> None:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            try:
                requests.get(f"http://127.0.0.1:{self.port}/readyz", timeout=2).raise_for_status()
                return
            except requests.RequestException:
                time.sleep(0.05)
        raise AssertionError("the replica never got ready")

    def kill(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def replica(home: Path, balancer_port: int, port: int) -> Replica:
    clean = {k: v for k, v in os.environ.items() if not k.startswith("BRUSHMARK_")}
    environ = {
        **clean,
        "BRUSHMARK_HOME": str(home),
        "BRUSHMARK_PORT": str(port),
        "BRUSHMARK_TRUSTED_HOSTS": f"127.0.0.1:{balancer_port},localhost:{balancer_port}",
    }
    return Replica(home, port, environ)


@dataclass(frozen=True)
class Hosted:
    """What stands in the open."""

    balancer: Balancer
    replicas: list[Replica]
    page: str


@pytest.fixture(scope="module")
def hosted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hosted]:
    """Two replicas behind a balancer, and the public dashboard before it."""
    ports = [free_port(), free_port()]
    with balancing(ports) as balancer:
        replicas = [
            replica(tmp_path_factory.mktemp("replica") / "home", balancer.port, port)
            for port in ports
        ]
        try:
            for each in replicas:
                each.start()
            home = tmp_path_factory.mktemp("page") / "home"
            settings = Settings(home=home, port=balancer.port, public=True, url_fetch=False)
            with dashboard(settings) as page:
                for each in replicas:
                    each.wait()
                yield Hosted(balancer, replicas, page)
        finally:
            for each in replicas:
                if each.process is not None:
                    each.process.kill()
                    each.process.wait()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as running:
        yield running


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    context = browser.new_context()
    yield context.new_page()
    context.close()


def logged(home: Path) -> int:
    """Count the predictions in a home's log, from outside."""
    with closing(sqlite3.connect(home / "store.sqlite3")) as connection:
        return int(connection.execute("SELECT count(*) FROM predictions").fetchone()[0])


def read_probabilities(page: Page, name: str, data: bytes) -> tuple[str, str]:
    """Drop a picture on the page; return both probabilities as they stand there."""
    drop(page, name, data)
    found = []
    for word in ("AI-generated", "human-made"):
        shown = page.get_by_text(re.compile(rf"\d+\s%\s{word}$")).first
        expect(shown).to_be_visible(timeout=WAIT_MS)
        found.append(shown.inner_text())
    return found[0], found[1]


def test_a_visitor_sees_the_check_page_alone(hosted: Hosted, page: Page) -> None:
    """Without a token there is no menu, no other page, and a dropped picture gets its numbers."""
    for address in ("/quality", "/gallery", "/queue", "/models", ""):
        page.goto(hosted.page + address)
        words = "This page needs another role" if address else "Did a person make this picture?"
        expect(page.get_by_role("heading", name=words)).to_be_visible(timeout=WAIT_MS)
        expect(page.get_by_test_id("stSidebarNavLink")).to_have_count(0)
    expect(page.get_by_text("nothing is kept")).to_be_visible(timeout=WAIT_MS)
    ai, human = read_probabilities(page, "visitor.jpg", PICTURES[0])
    shares = [int(re.findall(r"\d+", text)[0]) for text in (ai, human)]
    assert 98 <= sum(shares) <= 102
    assert sum(logged(each.home) for each in hosted.replicas) == 0
    for scope in ("predictions", "stats/quality", "queue", "stats/activity"):
        asked = requests.get(f"http://127.0.0.1:{hosted.balancer.port}/api/v1/{scope}", timeout=10)
        assert asked.status_code == 401, scope


@dataclass
class Load:
    """Clients that check pictures under visitors' addresses until told to stop."""

    port: int
    stop: threading.Event = field(default_factory=threading.Event)
    statuses: list[int] = field(default_factory=list)

    def run(self, client: int) -> None:
        with requests.Session() as session:
            session.trust_env = False
            number = 0
            while not self.stop.is_set():
                number += 1
                visitor = f"203.0.{client}.{number % 250}"
                answer = session.post(
                    f"http://127.0.0.1:{self.port}/api/v1/check",
                    data=PICTURES[number % len(PICTURES)],
                    headers={"Content-Type": "image/jpeg", "X-Forwarded-For": visitor},
                    timeout=30,
                )
                self.statuses.append(answer.status_code)


def wait_for(condition: Callable[[], bool], *, within_s: float = 30.0) -> None:
    deadline = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_replica_dies_and_nobody_notices(hosted: Hosted, page: Page) -> None:
    """Under load one replica is killed: every request is answered, some of them by the other."""
    balancer, (first, second) = hosted.balancer, hosted.replicas
    load = Load(balancer.port)
    threads = [threading.Thread(target=load.run, args=(n,)) for n in range(CLIENTS)]
    for thread in threads:
        thread.start()
    try:
        both = {each.port: balancer.answered[each.port] for each in (first, second)}
        wait_for(lambda: all(balancer.answered[p] > n + 8 for p, n in both.items()))
        before = balancer.retried
        first.kill()
        seen = balancer.answered[second.port]
        wait_for(lambda: balancer.answered[second.port] > seen + 20 and balancer.retried > before)
        page.goto(hosted.page)
        read_probabilities(page, "after.jpg", PICTURES[1])
        first.start()
        first.wait()
        back = balancer.answered[first.port]
        wait_for(lambda: balancer.answered[first.port] > back + 5)
    finally:
        load.stop.set()
        for thread in threads:
            thread.join()
    assert set(load.statuses) == {200}
    assert balancer.retried > before
    assert sum(logged(each.home) for each in hosted.replicas) == 0
