"""Peak memory of 1 M positions in 512 scenarios: each child process is ``python -m benchmarks.memory WHO ACCOUNTS``.

``ours`` answers every account through the public entry under the ``tail`` rulebook, and with ten accounts shows what
the program itself takes; ``before`` only makes the columns; ``matrix`` multiplies the same holdings into an accounts ×
scenarios matrix, as scipy does it.
"""

from __future__ import annotations

import json
import sys

import numpy as np

from benchmarks.children import KEPT, peak, python
from benchmarks.work import Aim, Figures

SCENARIOS = 512
MOST = 300e6


def ours(accounts: int, answered: bool) -> None:
    """The tail of every account."""
    from benchmarks.venue_data import held
    from loadline.engine.bulk import venue

    columns = held(accounts).columns
    if answered:
        counted = {"scenarios.count": SCENARIOS}
        found = venue("tail", columns.market, columns, accounts, overrides=counted, cache=KEPT / "compiled")
        assert np.isfinite(found.initial).all() and not found.reason


def matrix(accounts: int) -> None:
    """The same positions times a cube of the same size."""
    import scipy.sparse

    from benchmarks.venue_data import held

    book = held(accounts)
    cube = np.random.default_rng(1).normal(size=(2_000, SCENARIOS))
    starts = np.arange(0, accounts * book.legs + 1, book.legs)
    dense = scipy.sparse.csr_matrix((book.quantity, book.instrument, starts), (accounts, len(cube))) @ cube
    k = 13
    np.partition(dense, k - 1, axis=1)[:, :k].mean(axis=1)


def peaks(accounts: int) -> Figures:
    """Peak resident bytes of each child."""
    KEPT.mkdir(exist_ok=True)
    (KEPT / "compiled").mkdir(mode=0o700, exist_ok=True)
    found: Figures = {
        "title": "1 M positions × 512 scenarios",
        "accounts": accounts,
        "positions": accounts * 10,
        "scenarios": SCENARIOS,
    }
    found["matrix alone"] = accounts * SCENARIOS * 8
    python(["-m", "benchmarks.memory", "ours", "10"])  # compiles
    _, _, done = python(["-m", "benchmarks.memory", "ours", "10"])
    found["program"] = json.loads(done.stdout)["peak"]
    for who in ("before", "ours", "matrix"):
        _, _, done = python(["-m", "benchmarks.memory", who, str(accounts)])
        found[who] = json.loads(done.stdout)["peak"]
    aim = Aim("peak under 300 MB in all", lambda row: row["ours"] / 1e6, MOST / 1e6, False, "MB")
    return found | {"aims": [aim.verdict(found)]}


if __name__ == "__main__":
    who, accounts = sys.argv[1], int(sys.argv[2])
    if who == "matrix":
        matrix(accounts)
    else:
        ours(accounts, who == "ours")
    print(json.dumps({"peak": peak()}))
