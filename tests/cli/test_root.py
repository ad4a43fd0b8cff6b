"""The command line as a whole: help, exit codes, what is imported when."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from backend.cli import failures, root
from backend.errors import NoModel
from tests.cli.conftest import Brushmark


def every_command() -> Iterator[tuple[str, ...]]:
    def below(command: click.Command, path: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
        yield path
        if isinstance(command, click.Group):
            context = click.Context(command)
            for name in command.list_commands(context):
                child = command.get_command(context, name)
                assert child is not None
                yield from below(child, (*path, name))

    yield from below(root, ())


@pytest.mark.parametrize("path", list(every_command()), ids=" ".join)
def test_every_command_explains_itself(path: tuple[str, ...], brushmark: Brushmark) -> None:
    """Every command and group has help with an example."""
    ran = brushmark(*path, "--help")
    assert ran.code == 0
    assert "Example:" in ran.out
    assert " ".join(("brushmark", *path[:1])) in ran.out.partition("Example:")[2]


def test_checking_does_not_pay_for_servers_or_training() -> None:
    """`brushmark check` imports neither Streamlit nor Flask nor torch, nor does the root."""
    program = (
        "import sys, backend.cli, backend.cli.check, backend.cli.checking\n"
        "heavy = {'streamlit', 'flask', 'torch', 'plotly', 'waitress', 'sklearn'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    out = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    assert out.stdout.decode().strip() == "[]"


@pytest.mark.parametrize("name", ["train", "evaluate", "release", "baselines"])
def test_training_commands_show_help_without_torch(name: str) -> None:
    """On a serving install, which has no torch, the training commands still explain themselves."""
    program = (
        "import sys\n"
        "for gone in ('torch', 'torchvision', 'sklearn', 'scipy', 'nncf'):\n"
        "    sys.modules[gone] = None\n"
        f"from backend.cli import main; main([{name!r}, '--help'])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
    assert b"Example:" in done.stdout


def test_training_without_torch_says_what_to_install() -> None:
    """Running a training command without torch gives one line that names the extra."""
    program = (
        "import sys\n"
        "for gone in ('torch', 'torchvision'): sys.modules[gone] = None\n"
        "from backend.cli import main; main(['train'])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=False)
    assert done.returncode == 1
    assert b"brushmark[train]" in done.stderr
    assert done.stderr.count(b"\n") == 1


def test_wrong_usage_is_told_apart(brushmark: Brushmark) -> None:
    """An unknown command or option is wrong usage: exit code 2, nothing on stdout."""
    for arguments in (("chekc",), ("check",), ("check", "--nonsense", "x.jpg")):
        ran = brushmark(*arguments)
        assert (ran.code, ran.out) == (2, "")
        assert "Usage:" in ran.err


def test_a_setting_nobody_knows_is_one_line(
    brushmark: Brushmark, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A misspelt setting is refused in one line that names the nearest known one."""
    monkeypatch.setenv("BRUSHMARK_PROT", "9000")
    ran = brushmark("models", "list")
    assert ran.code == 1
    assert ran.err.startswith("brushmark: ")
    assert "BRUSHMARK_PORT" in ran.err
    assert ran.err.count("\n") == 1


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (NoModel("There are\nno weights."), "brushmark: There are no weights.\n"),
        (PermissionError(13, "Permission denied", "/x"), "brushmark: /x: Permission denied.\n"),
        (OSError(28, "No space left on device"), "brushmark: The disk is full"),
    ],
)
def test_failures_are_one_line(
    error: Exception, line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Errors of ours and of the system become one line on stderr and exit code 1."""

    def fail() -> None:
        raise error

    assert failures.run(fail) == failures.FAILED
    err = capsys.readouterr().err
    assert err.startswith(line)
    assert err.count("\n") == 1


def test_interruption_is_quiet(capsys: pytest.CaptureFixture[str]) -> None:
    """Ctrl-C gives exit code 130 and no traceback."""

    def interrupt() -> None:
        raise KeyboardInterrupt

    assert failures.run(interrupt) == 130
    assert capsys.readouterr().err.strip() == ""


def test_a_mistake_in_the_code_is_not_hidden() -> None:
    """An error nobody foresaw keeps its traceback."""

    def slip() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        failures.run(slip)


def test_a_reader_that_leaves_early_is_no_failure_worth_a_word(tmp_path: Path) -> None:
    """`brushmark … | head` ends quietly when the pipe closes."""
    done = subprocess.run(
        f"{sys.executable} -m backend.cli --help | true; exit ${{PIPESTATUS[1]}}",
        shell=True,
        executable="/bin/bash",
        capture_output=True,
        check=False,
    )
    assert done.stderr == b""
