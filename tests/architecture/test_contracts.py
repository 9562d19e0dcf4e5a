"""The contracts of the house that import-linter cannot express."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.architecture.contracts import crossings, findings, venues

SOURCE = Path(__file__).resolve().parents[2] / "src" / "loadline"
MODULES = sorted(SOURCE.rglob("*.py"))
BELOW_CLI = [path for path in MODULES if path.relative_to(SOURCE).parts[0] != "cli"]
LINES_MERGED = 800


def name(path: Path) -> str:
    return path.relative_to(SOURCE).as_posix()


@pytest.mark.parametrize("path", BELOW_CLI, ids=name)
def test_nothing_below_cli_reads_clock_environment_or_chance(path: Path) -> None:
    found = findings(path.read_text(encoding="utf-8"))
    assert not found, "time and seeds are arguments:\n" + "\n".join(
        f"  {name(path)}:{finding.line} {finding.name} {finding.why}" for finding in found
    )


@pytest.mark.parametrize(
    ("source", "forbidden"),
    [
        ("from datetime import datetime\nx = datetime.now()", "datetime.datetime.now"),
        ("import datetime as dt\nx = dt.date.today()", "datetime.date.today"),
        ("import time\nt = time.perf_counter()", "time.perf_counter"),
        ("from time import monotonic\ndef f(clock=monotonic): ...", "time.monotonic"),
        ("import os\nx = os.environ['A']", "os.environ"),
        ("import os\nx = os.environ.get('A')", "os.environ.get"),
        ("from os import getenv as g\nx = g('A')", "os.getenv"),
        ("from pathlib import Path\nx = Path.home()", "pathlib.Path.home"),
        ("import random\nx = random.random()", "random.random"),
        ("import numpy as np\nx = np.random.default_rng()", "numpy.random.default_rng"),
        ("import numpy as np\nx = np.random.default_rng(None)", "numpy.random.default_rng"),
        ("import numpy as np\nx = np.random.default_rng(seed=None)", "numpy.random.default_rng"),
        ("import numpy as np\nx = list(map(np.random.default_rng, [1]))", "numpy.random.default_rng"),
        ("from numpy.random import normal\nx = normal()", "numpy.random.normal"),
        ("from numpy import random\nx = random.seed(1)", "numpy.random.seed"),
        ("import numpy.random\nx = numpy.random.rand(3)", "numpy.random.rand"),
        ("import numpy as np\ndraw = np.random", "numpy.random"),
        ("import numpy as np\nx = np.datetime64('now')", "numpy.datetime64('now')"),
        ("def f():\n    import uuid\n    return uuid.uuid4()", "uuid.uuid4"),
    ],
)
def test_scan_finds(source: str, forbidden: str) -> None:
    assert [finding.name for finding in findings(source)] == [forbidden]


@pytest.mark.parametrize(
    "source",
    [
        "from datetime import datetime, UTC\nx = datetime(2026, 1, 1, tzinfo=UTC)",
        "from datetime import datetime\nx = datetime.fromisoformat('2026-01-01')",
        "import numpy as np\ndef f(seed: int) -> np.random.Generator:\n    return np.random.default_rng(seed)",
        "import numpy as np\nx = np.random.default_rng(seed=7).normal()",
        "import numpy as np\nx = np.random.Generator(np.random.Philox(7))",
        "import numpy as np\nx = np.datetime64('2026-01-01')",
        "from pathlib import Path\nx = Path('a').read_text()",
        "def f(time, random):\n    return time.now() + random.random()",
        "import os\nx = os.path.join('a', 'b')",
    ],
)
def test_scan_lets_pass(source: str) -> None:
    assert findings(source) == []


def test_rulebooks_do_not_import_one_another() -> None:
    assert crossings(SOURCE / "rulebooks", "loadline.rulebooks") == []


@pytest.mark.parametrize(
    "line",
    [
        "from loadline.rulebooks import second",
        "from loadline.rulebooks.second import rate",
        "import loadline.rulebooks.second",
        "from . import second",
        "from .second import rate",
        "def f():\n    from loadline.rulebooks import second",
    ],
)
def test_crossing_between_rulebooks_is_found(tmp_path: Path, line: str) -> None:
    (tmp_path / "first.py").write_text(f"from loadline.rulebooks import blocks\n{line}\n")
    (tmp_path / "second.py").write_text("")
    (tmp_path / "blocks.py").write_text("")
    for stem in ("first", "second"):
        (tmp_path / f"{stem}.toml").write_text("")
    assert venues(tmp_path) == {"first", "second"}
    assert len({text.partition(" ")[0] for text in crossings(tmp_path, "loadline.rulebooks")}) == 1


@pytest.mark.parametrize("path", MODULES, ids=name)
def test_file_is_within_its_budget(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= LINES_MERGED, "split it: one file, one idea"


def test_every_rulebook_module_stands_beside_its_parameters() -> None:
    folder = SOURCE / "rulebooks"
    assert {path.stem for path in folder.glob("*.toml") if "." not in path.stem} == venues(folder)


def loaded(statement: str) -> set[str]:
    """Third-party packages that a statement loads in a fresh interpreter."""
    program = (
        "import json, sys; before = set(sys.modules)\n"
        f"{statement}\n"
        "after = {name.partition('.')[0] for name in set(sys.modules) - before}\n"
        "print(json.dumps(sorted(after - set(sys.stdlib_module_names))))"
    )
    path = os.pathsep.join([str(SOURCE.parent), *filter(None, [os.environ.get("PYTHONPATH")])])
    run = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    return set(json.loads(run.stdout))


def test_importing_loadline_loads_at_most_numpy() -> None:
    assert loaded("import loadline") <= {"loadline", "numpy"}


def test_loaded_sees_what_is_loaded() -> None:
    assert "click" in loaded("import click")


def test_public_surface_is_small() -> None:
    import loadline

    assert len(getattr(loadline, "__all__", ())) <= 25
