"""The image: what the Dockerfile copies is enough to serve, under the environment that it sets."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import requests

from backend.settings import NAMES
from tests.docs.markdown import ROOT

DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8").replace("\\\n", " ")


def steps(kind: str) -> list[str]:
    return re.findall(rf"^{kind} +(.*)$", DOCKERFILE, re.M)


def test_the_builder_gets_what_is_copied() -> None:
    """Every source of a COPY exists, and .dockerignore lets it through."""
    let_through = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    for step in steps("COPY"):
        *sources, _ = [part for part in shlex.split(step) if not part.startswith("--")]
        for source in sources:
            assert (ROOT / source).exists(), source
            assert f"!{source}" in let_through


def test_every_variable_is_a_setting() -> None:
    """Dockerfile and guide name no setting that Brushmark would refuse."""
    guide = (ROOT / "docs" / "hosting.md").read_text(encoding="utf-8")
    named = set(re.findall(r"\bBRUSHMARK_[A-Z_]+", DOCKERFILE + guide))
    assert named <= set(NAMES)
    assert {"BRUSHMARK_PUBLIC", "BRUSHMARK_TRUSTED_HOSTS", "BRUSHMARK_HOST"} <= named


@pytest.fixture
def image(tmp_path: Path) -> Path:
    """A folder with nothing but what the Dockerfile copies."""
    folder = tmp_path / "app"
    for step in steps("COPY"):
        *sources, target = [part for part in shlex.split(step) if not part.startswith("--")]
        for source in sources:
            if (ROOT / source).is_dir():
                hidden = shutil.ignore_patterns("__pycache__")
                shutil.copytree(ROOT / source, folder / target, ignore=hidden)
            else:
                folder.mkdir(exist_ok=True)
                shutil.copy(ROOT / source, folder)
    return folder


def test_what_is_copied_serves(image: Path, tmp_path: Path) -> None:
    """From those files alone, with that environment, page and backend answer to the Space's host.

    The dependencies are the tests' own: installing them is the one step left out.
    """
    environ = {k: v for k, v in os.environ.items() if not k.startswith("BRUSHMARK_")}
    for step in steps("ENV"):
        environ.update(part.split("=", 1) for part in shlex.split(step) if "BRUSHMARK" in part)
    environ |= {
        "PYTHONPATH": str(image),
        "BRUSHMARK_HOME": str(tmp_path / "data"),
        "BRUSHMARK_PORT": "0",
        "BRUSHMARK_DASHBOARD_PORT": "0",
        "SPACE_HOST": "somebody-brushmark.hf.space",
    }
    (command,) = steps("CMD")[-1:]
    shell, flag, script = json.loads(command)
    script = script.replace("brushmark up", f"{shlex.quote(sys.executable)} -m backend.cli up")
    with subprocess.Popen(
        [shell, flag, script], stdout=subprocess.PIPE, env=environ, cwd=image, text=True
    ) as process:
        try:
            page, backend = greeted(process)
            space = {"Host": "somebody-brushmark.hf.space"}
            assert requests.get(f"{backend}/readyz", headers=space, timeout=10).status_code == 200
            assert requests.get(f"{page}/_stcore/health", headers=space, timeout=10).ok
            foreign = {"Host": "evil.example"}
            answer = requests.get(f"{backend}/readyz", headers=foreign, timeout=10)
            assert answer.status_code == 403
        finally:
            process.terminate()


def greeted(process: subprocess.Popen[str]) -> tuple[str, str]:
    """Read the greeting; return the addresses of page and backend."""
    assert process.stdout is not None
    text = ""
    for line in process.stdout:
        text += line
        if "Ctrl-C" in line:
            break
    page, backend = (re.search(rf"{name} +(\S+)", text) for name in ("Dashboard", "Backend"))
    assert page
    assert backend
    return page.group(1), backend.group(1)
