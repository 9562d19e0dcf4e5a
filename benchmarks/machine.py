"""What this machine is, and whether it had anything else to do while we measured."""

from __future__ import annotations

import os
import platform
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from benchmarks.work import Figures

PACKAGES = ("numpy", "numba", "llvmlite", "polars", "scipy", "jax", "quantlib")
CACHES = {1: 32 << 10, 2: 512 << 10, 3: 32 << 20}
"""Bytes per level, where the system does not tell."""
BUSY, LOADED = 0.10, 0.50
"""Shares of the machine that others may take before the page warns: while we measured, and as load at the start."""


def caches() -> dict[int, int]:
    """Bytes of the data caches by level."""
    found = dict(CACHES)
    for index in Path("/sys/devices/system/cpu/cpu0/cache").glob("index*"):
        kind, level, size = ((index / name).read_text("ascii").strip() for name in ("type", "level", "size"))
        if kind != "Instruction":
            found[int(level)] = int(size.rstrip("KM")) * (1 << 20 if size.endswith("M") else 1 << 10)
    return found


def processor() -> tuple[str, list[str]]:
    """The processor's name and its flags."""
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine(), []
    named = dict(reversed([tuple(map(str.strip, line.split(":", 1))) for line in lines if ":" in line]))  # type: ignore[misc]
    return named.get("model name", platform.machine()), named.get("flags", named.get("Features", "")).split()


def vectors(flags: list[str]) -> str:
    """The widest vectors that there are."""
    for flag, said in (("avx512f", "AVX-512"), ("avx2", "AVX2"), ("avx", "AVX"), ("sse2", "SSE2"), ("asimd", "NEON")):
        if flag in flags:
            return said
    return "unknown vectors"


def versions() -> dict[str, str]:
    """Installed packages that have a part in it, by name."""
    found = {}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = ""
    return found


def jiffies() -> tuple[float, float] | None:
    """Seconds that all processors have worked, and had to wait for others on the same host; None where not told."""
    try:
        first = Path("/proc/stat").read_text("ascii").splitlines()[0].split()[1:]
    except OSError:
        return None
    tick = float(os.sysconf("SC_CLK_TCK"))
    user, nice, system, _, _, irq, soft, steal = (int(x) / tick for x in first[:8])
    return user + nice + system + irq + soft, steal


class Watch:
    """From its making on: how much of the machine went to others."""

    def __init__(self) -> None:
        self._start, self._wall, self._own = jiffies(), os.times().elapsed, self._mine()

    @staticmethod
    def _mine() -> float:
        t = os.times()
        return t.user + t.system + t.children_user + t.children_system

    def others(self) -> tuple[float, float] | None:
        """Processor seconds that others took since, steal included, and wall seconds; None where nobody tells."""
        now = jiffies()
        if now is None or self._start is None:
            return None
        worked, stolen = now[0] - self._start[0], now[1] - self._start[1]
        wall = os.times().elapsed - self._wall
        return max(worked + stolen - (self._mine() - self._own), 0.0), wall


def described() -> Figures:
    """The machine as the page tells of it."""
    name, flags = processor()
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return {
        "processor": name,
        "cores": cores,
        "vectors": vectors(flags),
        "caches": {str(level): size for level, size in sorted(caches().items())},
        "system": f"{platform.system()} {platform.release().split('-')[0]}",
        "python": platform.python_version(),
        "packages": versions(),
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
        "load": os.getloadavg()[0],
    }


def busy(machine: Figures, others: float | None) -> bool:
    """Whether others had enough of the machine to spoil times."""
    share, most = (machine["load"], LOADED) if others is None else (others, BUSY)
    return bool(share > most * machine["cores"])
