"""A real Firefox with the zip in it, spoken to over WebDriver BiDi (https://w3c.github.io/webdriver-bidi/)."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from websockets.sync.client import ClientConnection, connect

PROGRAM = shutil.which("firefox-esr") or shutil.which("firefox")
WAIT_S = 20.0
PREFERENCES = {
    "remote.active-protocols": 1,
    "datareporting.policy.dataSubmissionEnabled": False,
    "app.update.enabled": False,
    "network.dns.forceResolve": "127.0.0.1",
    # Says yes to what an extension asks for within a click: nobody is there to press the button.
    "extensions.webextOptionalPermissionPrompts": False,
}


class Firefox:
    """A session with a browser."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket
        self._number = 0
        self.version = self("session.new", capabilities={})["capabilities"]["browserVersion"]

    def __call__(self, method: str, **parameters: Any) -> Any:
        """Send a command and return its result."""
        self._number += 1
        command = {"id": self._number, "method": method, "params": parameters}
        self._socket.send(json.dumps(command))
        while True:
            answer = json.loads(self._socket.recv(timeout=WAIT_S))
            if answer.get("id") == self._number:
                assert answer["type"] == "success", answer
                return answer["result"]

    def tabs(self) -> dict[str, str]:
        """Return the addresses of all tabs by their contexts."""
        tree = self("browsingContext.getTree")["contexts"]
        return {each["context"]: each["url"] for each in tree}

    def open(self, address: str) -> str:
        """Open an address in a new tab and return its context."""
        context = str(self("browsingContext.create", type="tab")["context"])
        self("browsingContext.navigate", context=context, url=address, wait="complete")
        return context

    def evaluate(self, context: str, expression: str) -> Any:
        """Evaluate an expression whose value can be written as JSON."""
        wrapped = f"Promise.resolve({expression}).then((value) => JSON.stringify(value ?? null))"
        answer = self(
            "script.evaluate",
            expression=wrapped,
            target={"context": context},
            awaitPromise=True,
            userActivation=True,
        )
        assert answer["type"] == "success", answer
        return json.loads(answer["result"]["value"])

    def click(self, context: str, selector: str) -> None:
        """Press the mouse on an element, as a person does."""
        self("browsingContext.activate", context=context)
        x, y = self.evaluate(
            context,
            f"(() => {{ const e = document.querySelector({json.dumps(selector)});"
            " e.scrollIntoView({block: 'center'}); const b = e.getBoundingClientRect();"
            " return [Math.round(b.x + b.width / 2), Math.round(b.y + b.height / 2)]; })()",
        )
        press = [
            {"type": "pointerMove", "x": x, "y": y},
            {"type": "pointerDown", "button": 0},
            {"type": "pointerUp", "button": 0},
        ]
        self(
            "input.performActions",
            context=context,
            actions=[{"type": "pointer", "id": "mouse", "actions": press}],
        )

    def set_files(self, context: str, selector: str, *paths: Path) -> None:
        """Choose files in an input."""
        found = self(
            "browsingContext.locateNodes",
            context=context,
            locator={"type": "css", "value": selector},
        )["nodes"]
        files = [str(path) for path in paths]
        self("input.setFiles", context=context, element=found[0], files=files)

    def until(self, holds: Callable[[], Any], what: str) -> Any:
        """Wait until something is true and return it."""
        deadline = time.monotonic() + WAIT_S
        while not (value := holds()):
            assert time.monotonic() < deadline, f"waited for {what}; tabs: {self.tabs()}"
            time.sleep(0.1)
        return value

    def until_text(self, context: str, text: str) -> None:
        """Wait until a page shows some words."""

        def shown() -> bool:
            return text in str(self.evaluate(context, "document.body.innerText"))

        deadline = time.monotonic() + WAIT_S
        while not shown():
            said = self.evaluate(context, "document.body.innerText")
            assert time.monotonic() < deadline, f"waited for {text!r}; there is: {said}"
            time.sleep(0.1)


@contextmanager
def firefox(profile: Path) -> Iterator[Firefox]:
    """Start a Firefox with an empty profile, until the block ends."""
    assert PROGRAM is not None
    profile.mkdir(parents=True)
    lines = [f"user_pref({json.dumps(k)}, {json.dumps(v)});" for k, v in PREFERENCES.items()]
    (profile / "user.js").write_text("\n".join(lines), "utf-8")
    command = [PROGRAM, "--headless", "--no-remote", "--profile", str(profile)]
    process = subprocess.Popen(
        [*command, "--remote-debugging-port", "0"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        address = _address(process)
        with connect(f"{address}/session", max_size=None, compression=None) as socket:
            yield Firefox(socket)
    finally:
        process.terminate()
        process.wait(timeout=30)
        if process.stderr is not None:
            process.stderr.close()


def _address(process: subprocess.Popen[str]) -> str:
    assert process.stderr is not None
    for line in process.stderr:
        if found := re.search(r"WebDriver BiDi listening on (ws://\S+)", line):
            return found.group(1)
    raise AssertionError("Firefox does not start")
