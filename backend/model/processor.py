"""What this machine's processor is, and which precision suits it."""

from __future__ import annotations

import os
import platform
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


def usable_cores() -> int:
    """Return how many cores this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:
        return os.cpu_count() or 1
