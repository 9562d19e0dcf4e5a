"""Generated text to compiled code: named by the hash of the text, written once, kept where only its owner may write.

Numba's own cache on disk belongs to a file: it trusts that file's path, time and size, and its saved code looks the
module up by name. So the text is written once under its hash and never touched again, and the module is registered
under its name before it runs. A file that does not hold exactly the text it is named after is not used.
"""

from __future__ import annotations

import hashlib
import stat
import sys
import threading
import types
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

Run = Callable[..., None]
FLAGS = 'nogil=True, error_model="numpy"'
"""No fast-math flag: the order of operations is part of the answer. Division may not raise, so loops stay simple."""


@lru_cache(maxsize=256)
def compiled(text: str, cache: Path | None, entry: str = "run") -> Run:
    """Return one function of a generated text, compiled when it is first called.

    ``cache``: a folder to keep text and machine code in, made private if it is not there; None: keep nothing. A folder
    that others may write to is not used, because what lies in it is executed.
    """
    folder = cache if cache is not None and _private(cache) else None
    source = text.replace("OPTIONS", FLAGS + (", cache=True" if folder else ""))
    name = f"loadline_plan_{hashlib.sha256(source.encode()).hexdigest()[:24]}"
    path = Path("<loadline>") / f"{name}.py"
    if folder is not None:
        path = folder / f"{name}.py"
        if not _holds(path, source):
            _write(path, source)
    module = sys.modules[name] = types.ModuleType(name)
    module.__file__ = str(path)
    exec(compile(source, str(path), "exec"), module.__dict__)
    found: Any = module.__dict__[entry]
    return found


def _private(folder: Path) -> bool:
    """Whether a folder is there (made now if it can be), is ours, and nobody else could write to it; now nobody may."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if folder.stat().st_mode & (stat.S_IWGRP | stat.S_IWOTH):
            return False
        folder.chmod(0o700)  # only its owner can
    except OSError:
        return False
    return True


def _holds(path: Path, text: str) -> bool:
    try:
        return path.read_text("utf-8") == text
    except (OSError, UnicodeDecodeError):
        return False


def _write(path: Path, text: str) -> None:
    """Write under a name of this thread's own, then rename: nobody ever reads half a file."""
    part = path.with_suffix(f".{threading.get_native_id()}")
    part.write_text(text, "utf-8")
    part.chmod(0o600)
    part.replace(path)
