"""How many cores count: all that the process may run on, or fewer where a container has a quota."""

import os
from pathlib import Path

import pytest

from backend.model.processor import usable_cores


@pytest.fixture(autouse=True)
def eight(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that may run on eight cores."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(8)), raising=False)


def _groups(tmp_path: Path, own: str, files: dict[str, str]) -> tuple[Path, Path]:
    """Write control groups and the process's own list of them."""
    for name, text in files.items():
        path = tmp_path / "cgroup" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{text}\n", encoding="utf-8")
    (tmp_path / "own").write_text(own, encoding="utf-8")
    return tmp_path / "cgroup", tmp_path / "own"


@pytest.mark.parametrize(
    ("own", "files", "cores"),
    [
        ("0::/\n", {"cpu.max": "max 100000"}, 8),
        ("0::/\n", {"cpu.max": "200000 100000"}, 2),
        ("0::/\n", {"cpu.max": "150000 100000"}, 2),
        ("0::/\n", {"cpu.max": "20000 100000"}, 1),
        ("0::/\n", {"cpu.max": "6400000 100000"}, 8),
        ("0::/a/b\n", {"a/cpu.max": "300000 100000", "a/b/cpu.max": "500000 100000"}, 3),
        ("0::/not/seen/here\n", {"cpu.max": "400000 100000"}, 4),
        ("0::/other\n", {"mine/cpu.max": "100000 100000"}, 8),
        ("0::/\n", {"cpu.max": "a riddle"}, 8),
        (
            "2:cpu,cpuacct:/docker/x\n1:memory:/\n",
            {"cpu/cpu.cfs_quota_us": "250000", "cpu/cpu.cfs_period_us": "100000"},
            3,
        ),
        ("1:cpu:/\n", {"cpu/cpu.cfs_quota_us": "-1", "cpu/cpu.cfs_period_us": "100000"}, 8),
    ],
)
def test_the_tightest_quota_that_binds_counts(
    tmp_path: Path, own: str, files: dict[str, str], cores: int
) -> None:
    """Of a process's own groups and those above them the least quota counts, rounded up."""
    assert usable_cores(*_groups(tmp_path, own, files)) == cores


def test_without_control_groups_affinity_counts(tmp_path: Path) -> None:
    """Where nothing is said of groups, all cores that the process may run on count."""
    assert usable_cores(tmp_path / "none", tmp_path / "none") == 8
