"""Where the time and the memory of a whole venue go: ``python -m benchmarks.stages [ACCOUNTS] [RULEBOOK] [FORM]``.

A child process reads the made-up holdings of ``cluster.written`` (ten positions and a wallet for everybody) as a
stream, margins them on all its threads and writes the answer, as ``loadline venue`` does. Times are wall and processor
seconds of each stage; memory is the most that was resident since the program began, imports included.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from typing import Any

from benchmarks.children import KEPT, peak, python


def stages(accounts: int, rulebook: str, form: str) -> dict[str, Any]:
    """Run each stage; seconds and peak bytes after it."""
    told: dict[str, Any] = {}

    def stage(name: str, run: Callable[[], Any]) -> Any:
        wall, processor = time.perf_counter(), time.process_time()
        found = run()
        told[name] = (time.perf_counter() - wall, time.process_time() - processor, peak())
        return found

    def imports() -> Any:
        from loadline.engine.bulk import venue
        from loadline.io.market import read_market
        from loadline.io.venue_book import read_venue
        from loadline.io.venue_writer import write_venue

        return venue, read_market, read_venue, write_venue

    venue, read_market, read_venue, write_venue = stage("import", imports)
    market = stage("market", lambda: read_market(KEPT / "market.parquet"))
    files = (KEPT / f"positions-{accounts}.{form}", KEPT / f"balances-{accounts}.parquet")
    book = stage("read", lambda: read_venue(files[0], market, balances=files[1]))
    workers, plans = len(os.sched_getaffinity(0)), KEPT / "compiled"
    found = stage("margin", lambda: venue(rulebook, market, book.held, len(book), workers=workers, cache=plans))
    stage("write", lambda: write_venue(found, book.names, book.stopped, KEPT / "answer.parquet"))
    return told


def main() -> None:
    """Make the files, run the child twice (the first may compile), print the second."""
    accounts = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    rulebook = sys.argv[2] if len(sys.argv) > 2 else "derive"
    form = sys.argv[3] if len(sys.argv) > 3 else "parquet"
    if sys.argv[4:] == ["child"]:
        print(json.dumps(stages(accounts, rulebook, form)))
        return
    import polars as pl

    from benchmarks.cluster import written
    from benchmarks.venue_data import market
    from loadline.io.snapshot_writer import write_market

    KEPT.mkdir(exist_ok=True)
    (KEPT / "compiled").mkdir(mode=0o700, exist_ok=True)
    positions, _ = written(accounts, KEPT)
    write_market(market(), KEPT / "market.parquet")
    if form == "csv" and not positions.with_suffix(".csv").exists():
        pl.scan_parquet(positions).sink_csv(positions.with_suffix(".csv"))
    for _ in range(2):
        _, _, done = python(["-m", "benchmarks.stages", str(accounts), rulebook, form, "child"])
    print(f"{accounts:,} accounts, {rulebook}, {form}; load {os.getloadavg()[0]:.1f}")
    for name, (wall, processor, most) in json.loads(done.stdout).items():
        print(f"{name:8} {wall:7.2f} s wall {processor:7.2f} s processor, peak {most / 1e6:5.0f} MB")


if __name__ == "__main__":
    main()
