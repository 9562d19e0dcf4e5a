"""Measure everything, keep it in ``.benchmarks/latest.json`` and write the pages: ``python -m benchmarks [--quick]``.

``--quick``: fewer accounts and rounds, to see whether it runs; prints the tables and writes no page. ``--only PART``
measures some parts again and keeps the rest of what was measured before on this machine.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
import traceback
from collections.abc import Callable, Iterable
from importlib import import_module

from benchmarks import (
    beyond,
    books,
    growth,
    limits,
    live,
    machine,
    memory,
    nets,
    optimize,
    pricing,
    rules,
    start,
    trades,
)
from benchmarks.children import KEPT, ROOT
from benchmarks.work import Figures, Work, measured

LATEST, LOOK = KEPT / "latest.json", KEPT / "quick.json"
ACCOUNTS, FEW = 100_000, 10_000


def parts(accounts: int, rounds: int) -> dict[str, Callable[[], Figures]]:
    """By name: what gives a part's figures; parts that end in rows share one list."""

    def rows(make: Callable[[], Iterable[Work]]) -> Callable[[], Figures]:
        return lambda: {"rows": [measured(work, rounds) for work in make()]}

    return {
        "limits": lambda: {"limits": limits.limits(rounds)},
        "memory": lambda: {"memory": memory.peaks(accounts)},
        "start": lambda: {"start": start.starting(rounds)},
        "prices": rows(lambda: pricing.prices()),
        "nets": rows(lambda: [*nets.reductions(accounts), nets.segments()]),
        "rules": rows(lambda: rules.whole(accounts)),
        "books": rows(lambda: books.building(accounts)),
        "live": rows(lambda: live.ticking(accounts)),
        "trades": rows(lambda: trades.single()),
        "optimize": lambda: {"rows": [measured(work, min(rounds, 2)) for work in optimize.hedging()]},
        "growth": lambda: {"growth": growth.growing(max(2, rounds // 2))},
        "beyond": lambda: {"beyond": beyond.spreading(10 * accounts)},
    }


def kept() -> Figures:
    """What was measured before, nothing if nothing was."""
    found: Figures = json.loads(LATEST.read_text("utf-8")) if LATEST.exists() else {}
    return found


def run(todo: dict[str, Callable[[], Figures]], into: Figures) -> tuple[list[str], float | None]:
    """Measure some parts; which of them failed, and how many cores others kept busy meanwhile."""
    failed, taken = [], []
    for name, part in todo.items():
        print(f"{name} …", end=" ", flush=True)
        clock, meanwhile = time.perf_counter(), machine.Watch()
        try:
            into[name] = part()
        except Exception:  # one part must not cost the minutes of the others
            failed.append(name)
            traceback.print_exc()
        print(f"{time.perf_counter() - clock:.0f} s", flush=True)
        if name != "beyond":  # a cluster's processes are nobody's children
            taken.append(meanwhile.others())
    told = [x for x in taken if x is not None]
    return failed, sum(s for s, _ in told) / sum(w for _, w in told) if told else None


def main() -> None:
    """Measure and write."""
    known = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__.split("\n", 1)[0])
    known.add_argument("--quick", action="store_true", help="fewer accounts and rounds; write no page")
    known.add_argument("--only", nargs="*", default=[], metavar="PART", help="measure these again, keep the others")
    asked = known.parse_args()
    accounts, rounds = (FEW, 2) if asked.quick else (ACCOUNTS, 5)
    began, described = time.perf_counter(), machine.described()
    if machine.busy(described, None):
        print(f"This machine is busy (load {described['load']:.1f} on {described['cores']} cores): times will be long.")
    todo = parts(accounts, rounds)
    unknown = set(asked.only) - set(todo)
    if unknown:
        known.error(f"no part {', '.join(sorted(unknown))}; there are {', '.join(todo)}")
    before = kept() if asked.only and not asked.quick else {}
    found = dict(before.get("parts", {}))
    failed, others = run({n: part for n, part in todo.items() if n in asked.only or not asked.only}, found)
    described |= {"others": others, "busy": machine.busy(described, others), "accounts": accounts}
    described["seconds"] = time.perf_counter() - began
    if described["busy"]:
        print(f"Other work kept {others or 0.0:.1f} of {described['cores']} cores busy meanwhile.")
    if before:  # what is told of the machine is of the larger run
        described = before["machine"] | {"busy": before["machine"]["busy"] or described["busy"]}
        described["again"] = sorted({*before["machine"].get("again", ()), *asked.only})
    results = {"quick": asked.quick, "machine": described, "parts": {n: found[n] for n in todo if n in found}}
    KEPT.mkdir(exist_ok=True)
    (LOOK if asked.quick else LATEST).write_text(json.dumps(results, indent=1) + "\n", "utf-8")
    if failed:
        sys.exit(f"Failed: {', '.join(failed)}. No page is written; again with --only {' '.join(failed)}")
    report = import_module("benchmarks.report")
    if asked.quick:
        print("\n".join(report.summary(results)))
    else:
        report.write(results, ROOT)
        print(f"Wrote docs/performance.md, its figures and the README's table from {LATEST.relative_to(ROOT)}.")


if __name__ == "__main__":
    main()
