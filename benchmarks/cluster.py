"""A venue on a Ray cluster of this machine: two one-thread workers beside one, and what a lost worker costs.

``python -m benchmarks.cluster [ACCOUNTS] [RULEBOOK]`` (1,000,000 and derive): writes made-up holdings of ten positions
each as Parquet, reads them as a stream, and margins them on one and on two workers in turns. Needs the extra
``loadline[ray]``. Every run must give the bits of the local one. The least wall time of the rounds counts, and the load
of the machine is printed beside it: where other work takes the cores, wall time says little. So the processor time of
the busiest worker is taken too (with unpacking, planning and sorting): what the wall time comes to where every worker
has a core, and nothing else waits.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from benchmarks.children import KEPT, peak, python
from benchmarks.venue_data import market
from loadline.engine.bulk import Venue, venue
from loadline.engine.cluster import RayTasks, Threads, ray_cluster
from loadline.engine.shards import Answered, Ready, Shard, answer
from loadline.io.venue_book import read_venue

ACCOUNTS, LEGS, ROUNDS = 1_000_000, 10, 4
Row = tuple[int, int, float]
"""Process, its peak bytes, and its processor seconds since it began."""


def written(accounts: int, folder: Path) -> tuple[Path, Path]:
    """The holdings as files: ten different instruments for everybody, and a wallet."""
    folder.mkdir(parents=True, exist_ok=True)
    places = folder / f"positions-{accounts}.parquet", folder / f"balances-{accounts}.parquet"
    if all(p.exists() for p in places):
        return places
    rng, ids = np.random.default_rng(0), market().instruments.id
    first, step = rng.integers(0, len(ids), accounts), rng.integers(1, len(ids) // LEGS, accounts)
    row = ((first[:, None] + step[:, None] * np.arange(LEGS)) % len(ids)).ravel()
    names = pl.select(pl.format("acct-{}", pl.int_range(accounts).cast(pl.String).str.zfill(9))).to_series()
    whose = names.gather(np.repeat(np.arange(accounts), LEGS))
    quantity = np.round(rng.normal(0, 5, len(row)), 1)
    positions = {"account": whose, "instrument": pl.Series(ids)[row], "quantity": quantity}
    pl.DataFrame(positions).write_parquet(places[0])
    pl.DataFrame({"account": names, "currency": "USDC", "amount": 1e6}).write_parquet(places[1])
    return places


class Watched:
    """A pool whose workers tell their process, their peak memory and their processor time after each part."""

    def __init__(self, pool: RayTasks) -> None:
        self.pool, self.workers, self.rows = pool, pool.workers, pool.rows
        self.seen: list[Row] = []

    def latest(self) -> dict[int, float]:
        """Processor seconds of each worker so far."""
        return {pid: max(p for i, _, p in self.seen if i == pid) for pid, _, _ in self.seen}

    def spread(self, work: Any, shared: Any, parts: Any) -> Any:
        for found, row in self.pool.spread(watched, (work, shared), parts):
            self.seen.append(row)
            yield found


def watched(shared: tuple[Any, Ready], part: Shard) -> tuple[Answered, Row]:
    """The work, with who did it."""
    found = answer(shared[1], part)
    return found, (os.getpid(), peak(), time.process_time())


def bits(found: Venue) -> bytes:
    return np.stack([found.equity, found.initial, found.maintenance]).tobytes()


def load() -> float:
    return os.getloadavg()[0]


def timed(rulebook: str, held: Any, accounts: int, pool: Any) -> tuple[float, Venue]:
    start = time.perf_counter()
    found = venue(rulebook, held.market, held, accounts, pool=pool, cache=KEPT / "compiled")
    return time.perf_counter() - start, found


def one_run(rulebook: str, accounts: int, workers: int, kill: bool) -> dict[str, Any]:
    """Start a cluster, run cold, then several rounds warm; may be kill a worker in the middle of the last."""
    positions, balances = written(accounts, KEPT)
    book = read_venue(positions, market(), balances=balances)
    want = bits(timed(rulebook, book.held, accounts, Threads(1))[1])
    with ray_cluster(workers) as pool:
        watch = Watched(pool)
        cold, found = timed(rulebook, book.held, accounts, watch)
        assert bits(found) == want
        rounds, busiest, driver = [], [], []
        before = watch.latest()
        for _ in range(ROUNDS):
            own = time.process_time()
            wall, found = timed(rulebook, book.held, accounts, watch)
            driver.append(time.process_time() - own)
            assert bits(found) == want
            rounds.append((wall, load()))
            after = watch.latest()
            busiest.append(max(after[pid] - before.get(pid, 0.0) for pid in after))
            before = after
        told: dict[str, Any] = {"cold": cold, "rounds": rounds, "parts": len(watch.seen) // (ROUNDS + 1)}
        told |= {"busiest": busiest, "driver": driver}
        told["peaks"] = {pid: max(p for i, p, _ in watch.seen if i == pid) for pid, _, _ in watch.seen}
        if kill:
            victim, watch.seen = watch.seen[-1][0], []
            threading.Timer(min(rounds)[0] / 3, os.kill, (victim, signal.SIGKILL)).start()
            wall, found = timed(rulebook, book.held, accounts, watch)
            assert bits(found) == want
            told |= {"killed": wall, "replaced": sorted({i for i, _, _ in watch.seen} - {victim})}
    return told


def main() -> None:
    """Print what was measured; each cluster runs in a process of its own, in turns."""
    if sys.argv[1:2] == ["one"]:
        accounts, rulebook, workers, kill = int(sys.argv[2]), sys.argv[3], int(sys.argv[4]), sys.argv[5] == "kill"
        print(json.dumps(one_run(rulebook, accounts, workers, kill)))
        return
    accounts = int(sys.argv[1]) if len(sys.argv) > 1 else ACCOUNTS
    rulebook = sys.argv[2] if len(sys.argv) > 2 else "derive"
    KEPT.mkdir(exist_ok=True)
    (KEPT / "compiled").mkdir(mode=0o700, exist_ok=True)
    written(accounts, KEPT)
    print(f"{accounts:,} accounts, {accounts * LEGS:,} positions, {rulebook}; load {load():.1f}")
    best: dict[int, float] = {}
    least: dict[int, float] = {}
    for workers, kill in ((1, False), (2, True), (1, False), (2, True)):
        _, _, done = python(
            ["-m", "benchmarks.cluster", "one", str(accounts), rulebook, str(workers), "kill" if kill else "keep"],
            RAY_USAGE_STATS_ENABLED="0",
        )
        found = json.loads(done.stdout.splitlines()[-1])
        walls = [w for w, _ in found["rounds"]]
        best[workers] = min(best.get(workers, np.inf), *walls)
        least[workers] = min(least.get(workers, np.inf), *found["busiest"])
        peaks = ", ".join(f"{p / 1e6:.0f} MB" for p in found["peaks"].values())
        loads = "-".join(f"{x:.1f}" for x in sorted(x for _, x in found["rounds"])[:: ROUNDS - 1])
        print(f"{workers} worker(s): cold {found['cold']:.2f} s, warm {' '.join(f'{w:.2f}' for w in walls)} s")
        shown = " ".join(f"{b:.2f}" for b in found["busiest"])
        print(f"  processor of the busiest worker {shown} s, of this process {min(found['driver']):.2f} s")
        print(f"  {found['parts']} parts, peak of each worker {peaks}, load {loads}")
        if kill:
            print(f"  a worker killed after a third: {found['killed']:.2f} s, the same numbers")
    print(f"two workers against one: {best[1] / best[2]:.2f} times as fast by the clock (least of the rounds),")
    print(f"{least[1] / least[2]:.2f} times by the processor time of the busiest worker")


if __name__ == "__main__":
    main()
