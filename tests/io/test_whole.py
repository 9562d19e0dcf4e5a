"""What is written is there whole or not at all, also when the writer is interrupted in the middle."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from loadline.foundation.errors import InputError
from loadline.io.sample import sample
from loadline.io.snapshot_writer import write_market
from loadline.io.whole import whole

HALF = """
import signal, sys
from pathlib import Path
import loadline.io.snapshot_writer as writer
from loadline.io.sample import sample

signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell may have started us without one

class Slow:
    def write_parquet(self, path):
        with open(path, "wb") as stream:
            stream.write(b"PAR1 half of it")
            stream.flush()
            print(path, flush=True)  # the test may interrupt now
            sys.stdin.read()

writer.parquet_frame = lambda market, rows: Slow()
try:
    writer.write_market(sample()[1], Path(sys.argv[1]))
except KeyboardInterrupt:
    sys.exit(130)
"""


def listed(folder: Path) -> list[str]:
    return sorted(p.name for p in folder.iterdir())


@pytest.mark.parametrize("earlier", [b"", b"the earlier file"])
def test_ctrl_c_leaves_no_half_written_file(tmp_path: Path, earlier: bytes) -> None:
    place = tmp_path / "market.parquet"
    if earlier:
        place.write_bytes(earlier)
    before = listed(tmp_path)
    with subprocess.Popen(
        [sys.executable, "-c", HALF, str(place)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as child:
        assert child.stdout is not None
        part = Path(child.stdout.readline().strip())
        assert part.read_bytes() == b"PAR1 half of it" and part.parent == tmp_path and part != place
        child.send_signal(signal.SIGINT)
        assert child.wait(30) == 130
    assert listed(tmp_path) == before
    assert not earlier or place.read_bytes() == earlier


def test_an_error_leaves_what_was_there(tmp_path: Path) -> None:
    place = tmp_path / "a.txt"
    place.write_text("old")
    with pytest.raises(UnicodeEncodeError), whole(place) as part:
        part.write_text("half" + chr(0xD800), "utf-8")
    assert place.read_text() == "old" and listed(tmp_path) == ["a.txt"]


def test_what_is_written_replaces_and_keeps_who_may_read(tmp_path: Path) -> None:
    place, link = tmp_path / "a.txt", tmp_path / "link.txt"
    place.write_text("old")
    place.chmod(0o600)
    link.symlink_to(place)
    with whole(link) as part:
        part.write_text("new")
    assert place.read_text() == "new" and link.is_symlink() and place.stat().st_mode & 0o777 == 0o600
    assert listed(tmp_path) == ["a.txt", "link.txt"]


def test_a_device_is_written_to() -> None:
    with whole(os.devnull) as part:
        part.write_text("nothing")
    assert Path(os.devnull).is_char_device()


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="nothing can be written"), whole(tmp_path / "no" / "a.txt"):
        raise AssertionError


def test_a_market_of_unknown_form_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be written"):
        write_market(sample()[1], tmp_path / "m.txt")
    assert not listed(tmp_path)
