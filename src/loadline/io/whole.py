"""Files that are there whole or not at all: written beside their place under another name, then renamed."""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from loadline.foundation.errors import InputError


@contextmanager
def whole(path: Path | str) -> Iterator[Path]:
    """Yield the name to write under; what was written takes the place of ``path`` when the block ends well.

    Where it does not (an error, Ctrl-C), the part written is removed, and a file that was there before stays as it was.
    A process that is killed leaves at most a ``.NAME.NUMBER.part`` beside it. The suffix is kept, since it says the
    form; a link is followed, a device (``/dev/null``) is written straight to. Raises ``InputError`` where nothing can
    be written.

    >>> import tempfile
    >>> place = Path(tempfile.mkdtemp()) / "answer.txt"
    >>> with whole(place) as part:
    ...     _ = part.write_text("42")
    >>> place.read_text(), len(list(place.parent.iterdir()))
    ('42', 1)
    """
    place = Path(path).resolve()
    if place.exists() and not place.is_file():
        yield place
        return
    part = place.with_name(f".{place.stem}.{threading.get_native_id()}.part{place.suffix}")
    try:
        part.touch(exist_ok=True)
    except OSError as error:
        what = f"nothing can be written beside it: {error.strerror}"
        raise InputError(what, where=str(path), remedy="name a file in a folder that you may write to") from error
    try:
        yield part
        if place.exists():
            shutil.copymode(place, part)
        _on_disk(part, os.O_RDWR)
        part.replace(place)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    with suppress(OSError):  # not every system opens folders: then the name is on disk a little later
        _on_disk(place.parent, os.O_RDONLY)


def _on_disk(path: Path, how: int) -> None:
    """Wait until what was written is on the disk."""
    descriptor = os.open(path, how)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
