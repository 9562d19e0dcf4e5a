"""What this machine can do at best on one core: bytes per second from each cache, and operations per second.

Measured in the same run as everything else, by loops that do nothing but that. No fused multiply-add: results must not
depend on the machine, so Loadline never uses it, and a peak that counts it would be somebody else's.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numba
import numpy as np

from benchmarks.machine import caches
from benchmarks.work import Figures
from loadline.foundation.vectors import WIDTH, every, store
from loadline.kernels.vectorcode import OPTIONS
from loadline.kernels.vectormath import exp, log

LOOPS = 200_000
ROW = 512
"""Doubles in one instrument's row of a cube."""
CHAINS = 7
"""Vectors of eight doubles that ``_multiply_add`` keeps: two more registers, and AVX2 has none left."""


@numba.njit(fastmath=True, nogil=True)
def _read(x: Any, times: int) -> float:
    """Eight streams at once: one running sum would wait for itself."""
    n = x.size // 8
    total = 0.0
    for _ in range(times):
        a, b, c, d, e, f, g, h = 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
        for i in range(n):
            a += x[i]
            b += x[i + n]
            c += x[i + 2 * n]
            d += x[i + 3 * n]
            e += x[i + 4 * n]
            f += x[i + 5 * n]
            g += x[i + 6 * n]
            h += x[i + 7 * n]
        total += a + b + c + d + e + f + g + h
    return total


@numba.njit(fastmath=True, nogil=True)
def _rows(x: Any, order: Any, sums: Any) -> None:
    """Rows of a table added up in an order that nothing can foresee, as positions do with their instruments' rows."""
    for p in range(0, order.size - 3, 4):
        a, b, c, d = order[p], order[p + 1], order[p + 2], order[p + 3]
        for s in range(ROW):
            sums[s] += (x[a, s] + x[b, s]) + (x[c, s] + x[d, s])


@numba.njit(nogil=True)
def _multiply_add(out: Any, times: int) -> None:
    """Chains that do not wait for each other, all of them in registers."""
    a, b, c, d, e, f, g = every(1.0), every(1.1), every(1.2), every(1.3), every(1.4), every(1.5), every(1.6)
    for _ in range(times):
        a = a * 0.999 + 0.5
        b = b * 0.999 + 0.5
        c = c * 0.999 + 0.5
        d = d * 0.999 + 0.5
        e = e * 0.999 + 0.5
        f = f * 0.999 + 0.5
        g = g * 0.999 + 0.5
    store(out, 0, a + b + c + d + e + f + g)


@numba.njit(nogil=True, error_model="numpy")
def _divide(x: Any, times: int) -> None:
    for _ in range(times):
        for i in range(x.size):
            x[i] = 1.5 / x[i]


@numba.njit(**OPTIONS)
def _exp(x: Any, out: Any, times: int) -> None:
    for _ in range(times):
        for i in range(x.size):
            out[i] = exp(x[i])


@numba.njit(**OPTIONS)
def _log(x: Any, out: Any, times: int) -> None:
    for _ in range(times):
        for i in range(x.size):
            out[i] = log(x[i])


def _least(run: Callable[[], Any], rounds: int) -> float:
    """Least processor seconds of a call; the first, which compiles, does not count."""
    run()
    best = float("inf")
    for _ in range(rounds):
        start = time.process_time()
        run()
        best = min(best, time.process_time() - start)
    return best


def _two_cores(out: Any, rounds: int) -> float:
    """How many times sooner two threads do what asks nothing of any memory: what a second core is worth here."""
    loops = 10 * LOOPS
    best = [float("inf"), float("inf")]
    with ThreadPoolExecutor(2) as pool:
        for _ in range(3 * rounds):
            for n in (1, 2):
                start = time.perf_counter()
                list(pool.map(lambda row: _multiply_add(row, loops // n), [out, out.copy()][:n]))  # noqa: B023
                best[n - 1] = min(best[n - 1], time.perf_counter() - start)
    return best[0] / best[1]


def _bytes_per_second(size: int, rounds: int) -> Figures:
    """Of an array of so many bytes, read straight through and by rows in random order."""
    x = np.random.default_rng(0).random(size // 8)
    times = max(1, (64 << 20) // size)
    straight = _least(lambda: _read(x, times), rounds)
    table = x[: len(x) // ROW * ROW].reshape(-1, ROW)
    reads = max(4096, (32 << 20) // (8 * ROW)) // 4 * 4
    order, sums = np.random.default_rng(1).integers(0, len(table), reads).astype(np.uint64), np.zeros(ROW)
    rows = _least(lambda: _rows(table, order, sums), rounds)
    return {"straight": size * times / straight, "rows": reads * 8 * ROW / rows}


def limits(rounds: int) -> Figures:
    """What one core does at best: ``read[level]`` in bytes per second, operations, divisions, ``exp`` and ``log``."""
    have = caches()
    sizes = {"L1": have[1] // 2, "L2": have[2] * 3 // 4, "L3": min(have[3] // 4, 16 << 20)}
    sizes["memory"] = min(max(4 * have[3], 128 << 20), 512 << 20)
    x, out = np.random.default_rng(2).uniform(0.5, 1.5, 1024), np.empty(1024)
    times = 2000
    values = x.size * times
    return {
        "sizes": sizes,
        "read": {level: _bytes_per_second(size, rounds) for level, size in sizes.items()},
        "arithmetic": 2 * CHAINS * WIDTH * LOOPS / _least(lambda: _multiply_add(out, LOOPS), 3 * rounds),
        "second core": _two_cores(out, rounds),
        "divisions": values / _least(lambda: _divide(x.copy(), times), rounds),
        "exp": _least(lambda: _exp(x, out, times), rounds) / values,
        "log": _least(lambda: _log(x, out, times), rounds) / values,
    }


def level_of(size: float) -> str:
    """The nearest memory in which an array of so many bytes can stay while it is read again and again."""
    for level, name in ((1, "L1"), (2, "L2"), (3, "L3")):
        if size <= caches()[level]:
            return name
    return "memory"


def permitted(need: Figures, found: Figures) -> Figures:
    """Seconds that the machine needs at least for one unit of work, by what is asked of it, and which asks most."""
    sizes = {"L1": 1, "L2": 2, "L3": 3}
    level = next((n for n, k in sizes.items() if need["size"] <= found["caches"][str(k)]), "memory")
    seconds = {
        "arithmetic": need["arithmetic"] / found["arithmetic"],
        "divisions": need["divisions"] / found["divisions"],
        f"reading from {level}": need["bytes"] / found["read"][level]["straight"],
        "loads and stores": need["touched"] / found["read"]["L1"]["straight"],
    }
    most = max(seconds, key=lambda name: seconds[name])
    return {"seconds": seconds, "most": most, "limit": seconds[most], "level": level}
