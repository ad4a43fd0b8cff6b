"""Put the backend into a system's login and take it out again: files, then the system's tool."""

from __future__ import annotations

import getpass
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from backend.cli.login_units import (
    LAUNCHD_LABEL,
    SYSTEMD_UNIT,
    WINDOWS_TASK,
    Start,
    launchd_agent,
    systemd_unit,
    windows_task,
)
from backend.errors import BrushmarkError
from backend.model.card import CARD_NAME
from backend.settings import PREFIX, Settings

Tool = Callable[[Sequence[str]], "Ran"]


class LoginServiceFailed(BrushmarkError):
    """The system would not do what we asked of it."""

    code = "login_service"


@dataclass(frozen=True, slots=True)
class Ran:
    """What a system tool answered."""

    code: int
    output: str


@dataclass(frozen=True, slots=True)
class LoginSystem:
    """One system's way: a file, and the commands that make the system heed it."""

    path: Path
    content: bytes
    enable: tuple[tuple[str, ...], ...]
    disable: tuple[tuple[str, ...], ...]
    status: tuple[str, ...]
    tidy: tuple[tuple[str, ...], ...] = ()
    """Commands to run after the file is gone."""

    def install(self, tool: Tool) -> None:
        """Write the file and start the backend, now and at each login.

        Raises:
            LoginServiceFailed: the file was written, but the system did not take it.
        """
        self.remove(tool)  # an earlier installation may run with other settings
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.path.write_bytes(self.content)
        for command in self.enable:
            ran = tool(command)
            if ran.code:
                raise LoginServiceFailed(
                    f"{self.path} was written, but `{' '.join(command)}` failed: "
                    f"{ran.output or f'exit code {ran.code}'}. "
                    "Once that works, run `brushmark service install` again."
                )

    def remove(self, tool: Tool) -> bool:
        """Stop the backend and remove the file; False where there was none."""
        if not self.path.exists():
            return False
        for command in self.disable:
            tool(command)  # it may not be loaded, which is what we want
        self.path.unlink()
        for command in self.tidy:
            tool(command)
        return True


def run_tool(command: Sequence[str]) -> Ran:
    """Run a system tool and gather what it says."""
    if shutil.which(command[0]) is None:
        return Ran(127, f"{command[0]} is not on this machine")
    done = subprocess.run(  # noqa: S603
        command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL
    )
    return Ran(done.returncode, " ".join((done.stdout + done.stderr).split()))


def this_system(
    settings: Settings,
    environ: Mapping[str, str] | None = None,
    platform: str = sys.platform,
    user_home: Path | None = None,
) -> LoginSystem:
    """Describe the login service of the system that we run on.

    Raises:
        LoginServiceFailed: a system that we do not know.
    """
    env = os.environ if environ is None else environ
    where = user_home or Path.home()
    start = Start(
        sys.executable,
        ("-m", "backend.cli", "serve"),
        {
            name: _from_anywhere(name, value, settings)
            for name, value in env.items()
            if name.startswith(PREFIX) and value.strip()
        },
    )
    if platform.startswith("linux"):
        config = Path(env.get("XDG_CONFIG_HOME") or where / ".config")
        return _systemd(start, config / "systemd" / "user")
    if platform == "darwin":
        return _launchd(start, where / "Library" / "LaunchAgents", settings.home / "backend.log")
    if platform == "win32":
        return _task_scheduler(start, settings.home)
    raise LoginServiceFailed(
        f"On {platform} we know no way to start at login; have your system run `brushmark serve`."
    )


def _from_anywhere(name: str, value: str, settings: Settings) -> str:
    """Return a setting as it must read where the working directory is another: paths whole."""
    paths = {
        "HOME": settings.home,
        "IMAGES": settings.images,
        "LOGIN": settings.login,
        "TRUST_LIST": settings.trust_list,
        "WEIGHTS": Path(value).resolve() if (Path(value) / CARD_NAME).exists() else None,
    }
    path = paths.get(name.removeprefix(PREFIX))
    return str(path) if path is not None else value


def _systemd(start: Start, folder: Path) -> LoginSystem:
    systemctl = ("systemctl", "--user")
    return LoginSystem(
        path=folder / SYSTEMD_UNIT,
        content=systemd_unit(start).encode(),
        enable=(
            (*systemctl, "daemon-reload"),
            (*systemctl, "enable", SYSTEMD_UNIT),
            (*systemctl, "restart", SYSTEMD_UNIT),
        ),
        disable=((*systemctl, "disable", "--now", SYSTEMD_UNIT),),
        status=(*systemctl, "is-active", SYSTEMD_UNIT),
        tidy=((*systemctl, "daemon-reload"),),
    )


def _launchd(start: Start, folder: Path, log: Path) -> LoginSystem:
    path = folder / f"{LAUNCHD_LABEL}.plist"
    domain = f"gui/{os.getuid()}" if hasattr(os, "getuid") else "gui/0"
    return LoginSystem(
        path=path,
        content=launchd_agent(start, log),
        enable=(("launchctl", "bootstrap", domain, str(path)),),
        disable=(("launchctl", "bootout", f"{domain}/{LAUNCHD_LABEL}"),),
        status=("launchctl", "print", f"{domain}/{LAUNCHD_LABEL}"),
    )


def _task_scheduler(start: Start, home: Path) -> LoginSystem:
    path = home / "login-task.xml"
    return LoginSystem(
        path=path,
        content=windows_task(start, getpass.getuser()).encode("utf-16"),
        enable=(
            ("schtasks", "/Create", "/TN", WINDOWS_TASK, "/XML", str(path), "/F"),
            ("schtasks", "/Run", "/TN", WINDOWS_TASK),
        ),
        disable=(
            ("schtasks", "/End", "/TN", WINDOWS_TASK),
            ("schtasks", "/Delete", "/TN", WINDOWS_TASK, "/F"),
        ),
        status=("schtasks", "/Query", "/TN", WINDOWS_TASK),
    )
