"""`brushmark service`: the files for three systems, and what happens with their tools."""

from __future__ import annotations

import plistlib
import shlex
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from xml.etree import ElementTree

import pytest

from backend.cli import login_systems
from backend.cli.login_systems import LoginServiceFailed, Ran, run_tool, this_system
from backend.cli.login_units import Start, launchd_agent, systemd_unit, windows_task
from backend.settings import Settings
from tests.cli.conftest import Brushmark

START = Start(
    "/opt/my apps/python",
    ("-m", "backend.cli", "serve"),
    {"BRUSHMARK_PORT": "9000", "BRUSHMARK_HOME": '/data/50% "odd" $HOME'},
)


class FakeTool:
    """A system tool that notes what it is asked and fails at what it is told to."""

    def __init__(self, fails_at: str = "nothing") -> None:
        self.asked: list[str] = []
        self._fails_at = fails_at

    def __call__(self, command: Sequence[str]) -> Ran:
        self.asked.append(" ".join(command))
        return Ran(1, "it is broken") if self._fails_at in self.asked[-1] else Ran(0, "")


def test_systemd_unit_quotes_what_systemd_would_expand() -> None:
    """The unit runs the same interpreter, and keeps spaces, quotes, per cent and dollar signs."""
    lines = systemd_unit(START).splitlines()
    (command,) = [line for line in lines if line.startswith("ExecStart=")]
    words = shlex.split(command.removeprefix("ExecStart="))
    assert words == ["/opt/my apps/python", "-m", "backend.cli", "serve"]
    assert 'Environment="BRUSHMARK_HOME=/data/50%% \\"odd\\" $HOME"' in lines
    assert 'Environment="BRUSHMARK_PORT=9000"' in lines
    assert "Restart=on-failure" in lines
    assert "WantedBy=default.target" in lines


def test_systemd_commands_escape_dollars() -> None:
    """A dollar sign in the command is doubled: there systemd would expand a variable."""
    unit = systemd_unit(Start("/opt/$x/python", ("-m", "backend.cli"), {}))
    assert 'ExecStart="/opt/$$x/python" "-m" "backend.cli"\n' in unit


def test_launchd_agent_starts_at_login_and_after_a_crash() -> None:
    """The property list holds command, settings and log, and restarts after failures alone."""
    agent = plistlib.loads(launchd_agent(START, PurePosixPath("/data/backend.log")))
    assert agent["ProgramArguments"] == [START.python, *START.arguments]
    assert agent["EnvironmentVariables"] == START.environment
    assert agent["RunAtLoad"] is True
    assert agent["KeepAlive"] == {"SuccessfulExit": False}
    assert agent["StandardErrorPath"] == "/data/backend.log"


def test_windows_task_runs_without_a_window() -> None:
    """The task starts at this user's logon, with pythonw, without a time limit."""
    start = Start(r"C:\Apps & more\python.exe", ("-m", "backend.cli", "serve"), {})
    text = windows_task(start, r"DESK\ann <a>").partition("?>")[2]
    space = {"t": "http://schemas.microsoft.com/windows/2004/02/mit/task"}
    task = ElementTree.fromstring(text)
    assert task.findtext(".//t:Command", None, space) == r"C:\Apps & more\pythonw.exe"
    assert task.findtext(".//t:Arguments", None, space) == "-m backend.cli serve"
    assert task.findtext(".//t:LogonTrigger/t:UserId", None, space) == r"DESK\ann <a>"
    assert task.findtext(".//t:ExecutionTimeLimit", None, space) == "PT0S"


def test_windows_task_carries_settings_in_its_arguments() -> None:
    """Since a task has no environment, its arguments set the settings before anything runs."""
    text = windows_task(START, "ann").partition("?>")[2]
    space = {"t": "http://schemas.microsoft.com/windows/2004/02/mit/task"}
    arguments = ElementTree.fromstring(text).findtext(".//t:Arguments", "", space)
    assert arguments.startswith('-c "import os, runpy, sys; os.environ.update(')
    assert "'BRUSHMARK_PORT': '9000'" in arguments
    assert "'serve'" in arguments


@pytest.mark.parametrize(
    ("platform", "tool", "file"),
    [
        ("linux", "systemctl --user enable brushmark.service", "brushmark.service"),
        ("darwin", "launchctl bootstrap", "org.brushmark.backend.plist"),
        ("win32", "schtasks /Create", "login-task.xml"),
    ],
)
def test_install_and_remove_on_each_system(
    platform: str, tool: str, file: str, tmp_path: Path
) -> None:
    """Installing writes the file and asks the system's tool; removing undoes both."""
    settings = Settings(home=tmp_path / "home")
    settings.prepare_home()
    environ = {"BRUSHMARK_PORT": "9000", "PATH": "/bin"}
    system = this_system(settings, environ, platform, tmp_path)
    fake = FakeTool()
    system.install(fake)
    assert any(asked.startswith(tool) for asked in fake.asked)
    assert system.path.name == file
    assert system.path.is_relative_to(tmp_path)
    text = system.path.read_bytes().replace(b"\0", b"")
    assert b"9000" in text
    assert b"PATH" not in text  # settings alone are carried over
    assert system.remove(fake) is True
    assert not system.path.exists()
    assert system.remove(fake) is False


def test_paths_are_carried_over_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The service starts elsewhere: relative folders are written as they are from here."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "card.json").write_text("{}")
    environ = {
        "BRUSHMARK_HOME": "data",
        "BRUSHMARK_IMAGES": "pictures",
        "BRUSHMARK_WEIGHTS": "mine",
        "BRUSHMARK_TRUSTED_HOSTS": "home.example",
    }
    text = this_system(Settings.from_env(environ), environ, "linux", tmp_path).content.decode()
    for setting in (
        f"BRUSHMARK_HOME={tmp_path}/data",
        f"BRUSHMARK_IMAGES={tmp_path}/pictures",
        f"BRUSHMARK_WEIGHTS={tmp_path}/mine",
        "BRUSHMARK_TRUSTED_HOSTS=home.example",
    ):
        assert setting in text


def test_the_file_stays_where_the_tool_fails(tmp_path: Path) -> None:
    """Where the system's tool fails, the file is written all the same and the line says both."""
    settings = Settings(home=tmp_path / "home")
    system = this_system(settings, {}, "linux", tmp_path)
    with pytest.raises(LoginServiceFailed, match=r"was written, but `systemctl.*it is broken"):
        system.install(FakeTool(fails_at="daemon-reload"))
    assert system.path.exists()


def test_a_missing_tool_is_named() -> None:
    """A tool that is not installed is a clear answer, not a traceback."""
    ran = run_tool(["no-such-tool-here", "--user"])
    assert (ran.code, ran.output) == (127, "no-such-tool-here is not on this machine")


def test_an_unknown_system_is_told_what_to_run(tmp_path: Path) -> None:
    """On a system without a known way, the line says which command to have run."""
    with pytest.raises(LoginServiceFailed, match="brushmark serve"):
        this_system(Settings(home=tmp_path), {}, "sunos5", tmp_path)


def test_status_and_removal_where_nothing_is_installed(
    brushmark: Brushmark, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Status says that it is not installed and fails; removing is then nothing to do."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setattr(login_systems.Path, "home", lambda: tmp_path)
    ran = brushmark("service", "status")
    assert ran.code == 1
    assert "brushmark service install" in ran.err
    assert brushmark("service", "remove").code == 0
