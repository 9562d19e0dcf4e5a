"""Two workers of a local Ray cluster beside one: what ``cluster.py`` measures, for the page."""

from __future__ import annotations

import json

from benchmarks.children import KEPT, python
from benchmarks.work import Aim, Figures, installed

RULEBOOK = "derive"


def spreading(accounts: int) -> Figures:
    """Least warm wall seconds with one worker and with two, peaks, and a run in which a worker is killed."""
    found: Figures = {
        "title": f"{accounts:,} accounts on a local Ray cluster",
        "accounts": accounts,
        "rulebook": RULEBOOK,
    }
    found["installed"] = installed("ray")
    if not found["installed"]:
        return found | {"aims": []}
    (KEPT / "compiled").mkdir(mode=0o700, parents=True, exist_ok=True)
    for workers, fate in ((1, "keep"), (2, "kill")):
        asked = ["one", str(accounts), RULEBOOK, str(workers), fate]
        done = python(["-m", "benchmarks.cluster", *asked], RAY_USAGE_STATS_ENABLED="0")[2]
        told = json.loads(done.stdout.splitlines()[-1])
        figures = {"warm": min(wall for wall, _ in told["rounds"]), "peak": max(told["peaks"].values())}
        figures |= {name: told[name] for name in ("cold", "parts", "killed") if name in told}
        found["one" if workers == 1 else "two"] = figures
    aims = (
        Aim("1.7× sooner with two workers", lambda row: row["one"]["warm"] / row["two"]["warm"], 1.7, True, wall=True),
    )
    return found | {"aims": [aim.verdict(found) for aim in aims]}
