"""Drop compiled kernels that are older than the elementary functions they contain.

Numba looks at a function's own file to tell whether its cache is stale, not at the files of what was inlined into it.
"""

from pathlib import Path

KERNELS = Path(__file__).resolve().parents[2] / "src" / "loadline" / "kernels"
CONTAINED = ("vectormath", "vectorcode", "black76", "../foundation/vectors")
CHANGED = max((KERNELS / f"{name}.py").stat().st_mtime for name in CONTAINED)

for index in (KERNELS / "__pycache__").glob("*.nbi"):
    try:
        if index.stat().st_mtime < CHANGED:
            index.unlink()
    except FileNotFoundError:  # another worker was faster
        pass
