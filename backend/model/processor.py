"""What this machine's processor is, and which precision suits it."""

from __future__ import annotations

import math
import os
import platform
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Processor:
    """A processor's name, usable cores and instruction-set flags (Linux; else none)."""

    name: str
    cores: int
    flags: frozenset[str]

    @property
    def has_fast_bf16(self) -> bool:
        """Say whether bfloat16 runs in hardware; emulated, it is ten times slower than fp32."""
        return bool(self.flags & {"amx_bf16", "avx512_bf16"})

    @property
    def has_fast_int8(self) -> bool:
        """Say whether 8-bit dot products run in hardware (VNNI or AMX)."""
        return bool(self.flags & {"amx_int8", "avx512_vnni", "avx_vnni"})

    @property
    def has_avx2(self) -> bool:
        """Say whether 8 bits are faster than 32 where sums fit into 16 bits."""
        return "avx2" in self.flags

    @property
    def summary(self) -> str:
        """Name, cores and the flags that matter, for benchmarks and cards."""
        known = ("avx2", "avx512f", "avx512_vnni", "avx_vnni", "avx512_bf16", "amx_bf16")
        have = [flag for flag in known if flag in self.flags]
        return f"{self.name}, {self.cores} cores ({', '.join(have) or 'flags unknown'})"


@cache
def this_processor() -> Processor:
    """Ask the machine once."""
    name, flags = platform.processor() or platform.machine(), frozenset[str]()
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            key, _, value = line.partition(":")
            if key.strip() == "model name":
                name = value.strip()
            elif key.strip() in {"flags", "Features"}:
                flags = frozenset(value.split())
                break
    except OSError:
        pass  # no Linux: the safe precision is chosen
    return Processor(name, usable_cores(), flags)


def usable_cores(
    groups: Path = Path("/sys/fs/cgroup"), own: Path = Path("/proc/self/cgroup")
) -> int:
    """Return how many cores' time this process may use: its affinity, or a container's quota.

    A quota of one core and a half counts as two. `groups` and `own` are where Linux says which
    control groups there are, and which of them the process is in.
    """
    try:
        cores = len(os.sched_getaffinity(0))
    except AttributeError:
        cores = os.cpu_count() or 1
    quota = min((_quota(folder) for folder in _own_groups(groups, own)), default=math.inf)
    return max(1, min(cores, math.ceil(quota))) if quota < cores else cores


def _own_groups(groups: Path, own: Path) -> Iterator[Path]:
    """Yield the folders of the control groups that bind this process, of either version."""
    try:
        lines = own.read_text(encoding="utf-8").splitlines()
    except OSError:
        return
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if controllers and "cpu" not in controllers.split(","):
            continue
        # In a container the path may be the host's, of which nothing is seen but the root.
        folder = (groups / "cpu" if controllers else groups) / path.lstrip("/")
        yield folder
        yield from (up for up in folder.parents if up.is_relative_to(groups))


def _quota(group: Path) -> float:
    """Return the cores' time that a control group may use; without a limit, infinity."""
    try:
        if (group / "cpu.max").exists():
            share, period = (group / "cpu.max").read_text(encoding="utf-8").split()
        else:
            share, period = (
                (group / f"cpu.cfs_{name}_us").read_text(encoding="utf-8").strip()
                for name in ("quota", "period")
            )
        return int(share) / int(period) if int(share) > 0 else math.inf
    except (OSError, ValueError, ZeroDivisionError):  # none, "max", or what nobody knows
        return math.inf
