"""Child processes: what they print, how long they take, and how much memory they had at most."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
KEPT = ROOT / ".benchmarks"
"""Results and compiled code; git ignores it."""


def python(arguments: Sequence[str], **environment: str) -> tuple[float, float, subprocess.CompletedProcess[str]]:
    """Processor and wall seconds of ``python ARGUMENTS``, and what it said; raises if it failed."""
    path = os.pathsep.join(filter(None, (str(ROOT / "src"), str(ROOT), os.environ.get("PYTHONPATH"))))
    known = {**os.environ, "PYTHONPATH": path, **environment}
    before, wall = os.times(), time.perf_counter()
    done = subprocess.run([sys.executable, *arguments], env=known, capture_output=True, text=True, check=False)
    after, wall = os.times(), time.perf_counter() - wall
    if done.returncode:
        raise RuntimeError(f"python {' '.join(arguments)} failed:\n{done.stderr[-2000:]}")
    processor = after.children_user + after.children_system - before.children_user - before.children_system
    return processor, wall, done


def peak() -> int:
    """Most bytes that this process had resident since its program began.

    Not ``ru_maxrss``: on Linux a child begins with what its parent had when it was started.
    """
    try:
        lines = Path("/proc/self/status").read_text("ascii").splitlines()
    except OSError:
        most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return most if sys.platform == "darwin" else most << 10
    return next(int(line.split()[1]) << 10 for line in lines if line.startswith("VmHWM"))
