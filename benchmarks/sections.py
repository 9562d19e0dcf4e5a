"""The parts of the page that are not rows of a table: memory, growth, starting; each from its own figures."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from benchmarks.said import count, listed, seconds, size
from benchmarks.work import Figures


def memory(found: Figures) -> Iterator[str]:
    """Peak memory of child processes."""
    work = f"{count(found['positions'])} positions × {found['scenarios']} scenarios"
    yield f"Peak resident memory of a process of its own, {work}:"
    yield ""
    yield "| process | peak |"
    yield "|---|---|"
    yield f"| Python, numpy, numba, scipy, the compiled loops and the market, ten accounts | {size(found['program'])} |"
    yield f"| the columns of all {count(found['accounts'])} accounts made, nothing answered | {size(found['before'])} |"
    yield f"| every account answered by `venue` under `tail` | **{size(found['ours'])}** |"
    matrix = size(found["matrix alone"])
    yield f"| scipy: accounts × scenarios matrix ({matrix}), then partition | {size(found['matrix'])} |"
    yield ""
    own = found["ours"] - found["program"]
    yield (
        f"Beyond the program itself the venue run takes {size(own)}, {own / found['positions']:.0f} bytes a "
        "position: its columns, the sorted book with the offsets of every level, and the answers. The cube is "
        f"{size(2001 * found['scenarios'] * 8)}; accounts × scenarios exists nowhere."
    )


def growth(found: Figures) -> Iterator[str]:
    """The slopes, and the picture of them."""
    yield "![Cost over positions and over scenarios, both in logarithms](img/growth.png)"
    yield ""
    yield "| cost of | over | from | to | slope | slope of the upper two decades |"
    yield "|---|---|---|---|---|---|"
    for what, curves in found.items():
        for c in curves:
            ends = f"{c['x'][0]:,} | {c['x'][-1]:,}"
            yield f"| {c['title']} | {what} | {ends} | {c['slope']:.2f} | {c['upper']:.2f} |"
    yield ""
    yield (
        "A slope of 1 is linear. Below 1 means a fixed cost that the small end shows; above 1 means that a cache "
        "was outgrown on the way (each block of the cube, or the book's columns), after which it is linear again."
    )


def starting(found: Figures) -> Iterator[str]:
    """The command as somebody types it."""
    packages = [f"{name} {seconds(s)}" for name, s in found["by package"].items()]
    yield (
        "`loadline margin book.csv --market chain.json --balances cash.csv --rulebook derive` with "
        f"{found['positions']} positions on a chain of {found['instruments']:,} instruments, nothing of which needs "
        f"compiled code: {seconds(found['wall'])} wall ({seconds(found['processor'])} of processor time), of which "
        f"{seconds(found['imports'])} is importing ({listed(packages)}) and {seconds(found['python'])} Python's own "
        "start."
    )


def beyond(found: Figures) -> Iterator[str]:
    """One worker and two, and one that is killed."""
    if not found["installed"]:
        yield "Ray is not installed, so nothing was measured here."
        return
    one, two = found["one"], found["two"]
    yield (
        f"{found['accounts']:,} accounts, {found['accounts'] * 10:,} positions under `{found['rulebook']}` on a Ray "
        "cluster on this machine, each worker one thread; every run gives the bits of the local one. Wall time, "
        "which the driver's cutting of shards and collecting of answers is part of:"
    )
    yield ""
    yield "| workers | first run | least of the next | shards | peak memory of a worker |"
    yield "|---|---|---|---|---|"
    for n, row in (("1", one), ("2", two)):
        yield f"| {n} | {seconds(row['cold'])} | {seconds(row['warm'])} | {row['parts']} | {size(row['peak'])} |"
    yield ""
    each = one["warm"] / found["accounts"]
    yield (
        f"With one of the two killed in the middle: {seconds(two['killed'])}, the same numbers, since a shard whose "
        f"worker is lost is done again by another. On paper, 100,000,000 accounts are {seconds(each * 1e8)} of one "
        f"such worker, so {seconds(each * 1e8 / 64)} of 64, if reading and collecting are spread as well; how to "
        "point a run at a cluster is in [cli.md](cli.md)."
    )


SECTIONS: dict[str, tuple[str, Callable[[Figures], Iterator[str]]]] = {
    "memory": ("Memory", memory),
    "growth": ("Growth", growth),
    "start": ("Starting", starting),
    "beyond": ("Beyond one machine", beyond),
}
"""By part: its title and what it says."""
