"""Compare two functions fairly on a machine that is busy with other things."""

import time
from collections.abc import Callable
from typing import Any


def times_faster(ours: Callable[[], Any], rival: Callable[[], Any], rounds: int = 7) -> float:
    """Give how many times longer the rival takes: the two run in turns, and each counts with its best round."""
    best = [float("inf"), float("inf")]
    for _ in range(rounds):
        for i, run in enumerate((ours, rival)):
            start = time.perf_counter()
            run()
            best[i] = min(best[i], time.perf_counter() - start)
    return best[1] / best[0]
