"""What starts the backend at login, as files: pure functions for three systems.

Sources: systemd.service(5), systemd.syntax(7); launchd.plist(5); Microsoft's Task Scheduler
schema, https://learn.microsoft.com/windows/win32/taskschd/task-scheduler-schema.
"""

from __future__ import annotations

import plistlib
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from xml.sax.saxutils import escape

LAUNCHD_LABEL = "org.brushmark.backend"
SYSTEMD_UNIT = "brushmark.service"
WINDOWS_TASK = "Brushmark"


@dataclass(frozen=True, slots=True)
class Start:
    """How the backend is started: the interpreter, its arguments, and settings to carry over."""

    python: str
    arguments: Sequence[str]
    environment: Mapping[str, str]


def systemd_unit(start: Start) -> str:
    """Write a systemd user unit."""
    command = " ".join(_systemd_word(w, command=True) for w in (start.python, *start.arguments))
    settings = "".join(
        f"Environment={_systemd_word(f'{name}={value}')}\n"
        for name, value in sorted(start.environment.items())
    )
    return f"""\
[Unit]
Description=Brushmark backend: does a picture look AI-generated?

[Service]
ExecStart={command}
{settings}Restart=on-failure
RestartSec=5
NoNewPrivileges=true

[Install]
WantedBy=default.target
"""


def _systemd_word(word: str, *, command: bool = False) -> str:
    """Quote one word. `%` is a specifier everywhere, `$` a variable in commands alone."""
    word = word.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%").replace("\n", "\\n")
    if command:
        word = word.replace("$", "$$")
    return f'"{word}"'


def launchd_agent(start: Start, log: PurePath) -> bytes:
    """Write a launchd agent's property list; its output goes to `log`."""
    return plistlib.dumps(
        {
            "Label": LAUNCHD_LABEL,
            "ProgramArguments": [start.python, *start.arguments],
            "EnvironmentVariables": dict(sorted(start.environment.items())),
            "RunAtLoad": True,
            "KeepAlive": {"SuccessfulExit": False},
            "ThrottleInterval": 10,
            "ProcessType": "Background",
            "StandardOutPath": str(log),
            "StandardErrorPath": str(log),
        }
    )


def windows_task(start: Start, user: str) -> str:
    """Write a scheduled task that starts at the logon of `user`, without a window.

    A task cannot carry environment variables, so settings ride in the program's arguments.
    """
    arguments = subprocess.list2cmdline(_windows_arguments(start))
    return f"""\
<?xml version="1.0" encoding="UTF-16"?>
<Task version="1.2" xmlns="http://schemas.microsoft.com/windows/2004/02/mit/task">
  <RegistrationInfo>
    <Description>Brushmark backend: does a picture look AI-generated?</Description>
  </RegistrationInfo>
  <Triggers>
    <LogonTrigger><Enabled>true</Enabled><UserId>{escape(user)}</UserId></LogonTrigger>
  </Triggers>
  <Principals>
    <Principal id="Author">
      <UserId>{escape(user)}</UserId>
      <LogonType>InteractiveToken</LogonType>
      <RunLevel>LeastPrivilege</RunLevel>
    </Principal>
  </Principals>
  <Settings>
    <MultipleInstancesPolicy>IgnoreNew</MultipleInstancesPolicy>
    <DisallowStartIfOnBatteries>false</DisallowStartIfOnBatteries>
    <StopIfGoingOnBatteries>false</StopIfGoingOnBatteries>
    <ExecutionTimeLimit>PT0S</ExecutionTimeLimit>
    <RestartOnFailure><Interval>PT1M</Interval><Count>3</Count></RestartOnFailure>
  </Settings>
  <Actions Context="Author">
    <Exec>
      <Command>{escape(_windowless(start.python))}</Command>
      <Arguments>{escape(arguments)}</Arguments>
    </Exec>
  </Actions>
</Task>
"""


def _windows_arguments(start: Start) -> list[str]:
    if not start.environment:
        return list(start.arguments)
    settings = dict(sorted(start.environment.items()))
    code = (
        f"import os, runpy, sys; os.environ.update({settings!r}); "
        f"sys.argv[1:] = {list(start.arguments[2:])!r}; "
        f"runpy.run_module({start.arguments[1]!r}, run_name='__main__', alter_sys=True)"
    )
    return ["-c", code]


def _windowless(python: str) -> str:
    head, found, tail = python.rpartition("python.exe")
    return f"{head}pythonw.exe{tail}" if found else python
