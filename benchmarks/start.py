"""``loadline margin`` as somebody types it: a new process, a made-up chain of 1,000 instruments."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import numpy as np

from benchmarks.children import python
from benchmarks.venue_data import market
from benchmarks.work import Aim, Figures
from loadline.io.snapshot_writer import write_market
from loadline.model.market import Market

LEGS = 40
WITHOUT = "import sys; sys.modules['scipy'] = None; "
"""Numba imports scipy where it is installed, as it is beside these benchmarks; Loadline does not install it."""
COMMAND = WITHOUT + "from loadline.cli.main import main; sys.exit(main())"
"""What the installed ``loadline`` does."""
IMPORTING = """
import json, time
from importlib import import_module
seconds = {}
for name in sys.argv[1:]:
    start = time.perf_counter()
    try:
        import_module(name)
    except Exception:  # parts of others that cannot be loaded by themselves
        pass
    package = name.split(".")[0]
    seconds[package] = seconds.get(package, 0.0) + time.perf_counter() - start
most = sorted(seconds, key=seconds.get, reverse=True)[:4]
print(json.dumps({n: seconds[n] for n in most} | {"others": sum(s for n, s in seconds.items() if n not in most)}))
"""


def small() -> Market:
    """The instruments of one coin: 1,000."""
    i = market().instruments
    rows = np.flatnonzero(i.underlying == "BTC")
    return market().replace(instruments=i.take(rows), quotes=market().quotes.take(rows))


def starting(rounds: int) -> Figures:
    """Least wall and processor seconds of the command, of Python alone, and of its imports."""
    given = small()
    rng, ids = np.random.default_rng(5), given.instruments.id
    with tempfile.TemporaryDirectory() as folder:
        chain, book = Path(folder) / "chain.json", Path(folder) / "book.csv"
        write_market(given, chain)
        rows = [
            f"desk,{ids[n]},{q:.1f}" for n, q in zip(rng.choice(len(ids), LEGS), rng.normal(0, 5, LEGS), strict=True)
        ]
        book.write_text("\n".join(["account,instrument,quantity", *sorted(set(rows))]) + "\n", "utf-8")
        cash = Path(folder) / "cash.csv"
        cash.write_text("account,currency,amount\ndesk,USDC,1000000\n", "utf-8")
        command = ["-c", COMMAND, "margin", str(book), "--market", str(chain)]
        command += ["--balances", str(cash), "--rulebook", "derive"]
        said = python(command)[2].stdout
        assert "initial" in said, said
        runs = [python(command)[:2] for _ in range(rounds)]
        bare = [python(["-c", "pass"])[:2] for _ in range(rounds)]
        loaded = _modules(python(["-X", "importtime", *command])[2].stderr)
        imports = [json.loads(python(["-c", WITHOUT + IMPORTING, *loaded])[2].stdout) for _ in range(rounds)]
    found: Figures = {
        "title": "`loadline margin`, a chain of 1,000 instruments",
        "instruments": len(ids),
        "positions": len(set(rows)),
        "wall": min(w for _, w in runs),
        "processor": min(p for p, _ in runs),
        "python": min(w for _, w in bare),
    }
    quickest = min(imports, key=lambda x: sum(x.values()))
    found |= {"imports": sum(quickest.values()), "by package": quickest}
    aims = (
        Aim("under 1.5 s wall", lambda row: row["wall"], 1.5, False, "s", wall=True),
        Aim("of which import under 0.5 s", lambda row: row["imports"], 0.5, False, "s", wall=True),
    )
    return found | {"aims": [aim.verdict(found) for aim in aims]}


def _modules(told: str) -> list[str]:
    """The modules that a process loaded, in order, from ``-X importtime``."""
    lines = (line.rsplit("|", 1) for line in told.splitlines() if line.startswith("import time:"))
    return [name.strip() for own, name in lines if "self" not in own]
