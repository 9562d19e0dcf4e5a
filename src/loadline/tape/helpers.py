"""Texts of the small compiled functions that a plan's loops call; each plan carries those that it uses.

They are text, not functions, because a plan is kept on disk under the hash of its text: a helper that changed must
change that hash. ``OPTIONS`` is filled in when the text is compiled.
"""

from __future__ import annotations

from collections.abc import Iterable

from loadline.tape.recorded import BLOCK

HEAD = '''"""Written by Loadline from a recorded rule; delete it at any time."""
import numpy as np
from numba import njit


@njit(OPTIONS)
def lesser(x, y):
    return y if y < x else x


@njit(OPTIONS)
def greater(x, y):
    return y if y > x else x


@njit(OPTIONS)
def by_sign(x, gain, loss):
    return gain if x >= 0.0 else loss


@njit(OPTIONS)
def bracket(total, size, bound, below, rate):
    """An average rate with one more bracket."""
    beyond = greater(size - bound, 0.0)
    return total + (beyond / size if beyond > 0.0 else 0.0) * (rate - below)


@njit(OPTIONS)
def lowest(R, o, n):
    """The least of n numbers, n a multiple of eight: eight chains that do not wait for each other."""
    row = R[o : o + n]
    a, b, c, d, e, f, g, h = row[0], row[1], row[2], row[3], row[4], row[5], row[6], row[7]
    for s in range(8, n, 8):
        a = lesser(a, row[s])
        b = lesser(b, row[s + 1])
        c = lesser(c, row[s + 2])
        d = lesser(d, row[s + 3])
        e = lesser(e, row[s + 4])
        f = lesser(f, row[s + 5])
        g = lesser(g, row[s + 6])
        h = lesser(h, row[s + 7])
    return lesser(lesser(lesser(a, b), lesser(c, d)), lesser(lesser(e, f), lesser(g, h)))


@njit(OPTIONS)
def running(R, o, n):
    """The sum of n numbers, left to right."""
    x = R[o]
    for s in range(1, n):
        x += R[o + s]
    return x


@njit(OPTIONS)
def weighed(B, S):
    """The shares of the worst scenarios, worst first."""
    x = S[0] * B[0]
    for j in range(1, S.size):
        x += S[j] * B[j]
    return x


@njit(OPTIONS)
def picked(lists, S):
    """The same from eight rising lists side by side: the least head again and again."""
    total = 0.0
    for j in range(S.size):
        at, x = 0, lists[0]
        for s in range(1, 8):
            if lists[s] < x:
                at, x = s, lists[s]
        total = S[j] * x if j == 0 else total + S[j] * x
        for i in range(at, lists.size - 8, 8):
            lists[i] = lists[i + 8]
        lists[lists.size - 8 + at] = np.inf
    return total


@njit(OPTIONS)
def correlated(M, W, C, m, n):
    """Minus the root of W' M W, left to right; W: m groups of n numbers, C: the class of each group."""
    if m == 0:
        return -0.0
    total = 0.0
    for a in range(m):
        for i in range(n):
            row = C[a] * n + i
            pulled = 0.0
            for b in range(m):
                for j in range(n):
                    x = M[row, C[b] * n + j] * W[b * n + j]
                    pulled = x if b == 0 and j == 0 else pulled + x
            x = W[a * n + i] * pulled
            total = x if a == 0 and i == 0 else total + x
    return -np.sqrt(greater(total, 0.0))
'''

SIFT_FIXED, SIFT_PER = 2 + 2 * BLOCK, 2
"""Room that a sifted tail has: a count and a bound, then numbers, some for the blocks and some for each one kept."""
LISTS = 8
"""Lists that a short tail keeps side by side, one per lane of a vector."""
BY_NETWORK = 16
"""The longest tail that is kept by a sorting network; longer ones are sifted."""
WORK = BLOCK + LISTS * BY_NETWORK
"""Doubles of the array in which a network works: a block and the lists beside it."""

SORT8 = (
    ((0, 2), (1, 3), (4, 6), (5, 7)),
    ((0, 4), (1, 5), (2, 6), (3, 7)),
    ((0, 1), (2, 3), (4, 5), (6, 7)),
    ((2, 4), (3, 5)),
    ((1, 4), (3, 6)),
    ((1, 2), (3, 4), (5, 6)),
)
"""A sorting network of 19 exchanges (Knuth, The Art of Computer Programming, vol. 3, section 5.3.4)."""


def _exchange(x: str, y: str) -> list[str]:
    """Lines that put two variables in rising order without a branch."""
    return [f"x = {x}", f"{x} = lesser(x, {y})", f"{y} = greater(x, {y})"]


def _merge(names: list[str]) -> list[str]:
    """Lines that sort a bitonic sequence of a power of two variables."""
    lines, distance = [], len(names) // 2
    while distance:
        for i in range(len(names)):
            if not i & distance:
                lines += _exchange(names[i], names[i + distance])
        distance //= 2
    return lines


def network_text(kept: int) -> str:
    """Return the functions of a tail of at most ``kept`` (a power of two) numbers: no branch depends on the numbers.

    A block is sorted per lane by a network and merged into the lane's list (Batcher's bitonic merge). Block and lists
    stand side by side in one array at known distances: only so does the compiler see that the eight lanes do not touch
    each other, and use vectors.
    """
    new, old = [f"a{j}" for j in range(BLOCK // LISTS)], [f"h{j}" for j in range(kept)]
    take = [f"{x} = W[{LISTS * j} + s]" for j, x in enumerate(new)]
    take += [line for layer in SORT8 for i, j in layer for line in _exchange(new[i], new[j])]
    take += [f"{x} = W[{BLOCK + LISTS * j} + s]" for j, x in enumerate(old)]
    take += [f"{x} = lesser({x}, {y})" for x, y in zip(old[-len(new) :], reversed(new), strict=True)]
    take += [*_merge(old), *(f"W[{BLOCK + LISTS * j} + s] = {x}" for j, x in enumerate(old))]
    loop = "\n        ".join(take)
    return f"""
@njit(OPTIONS)
def begin{kept}(H, h, S):
    for j in range({LISTS * kept}):
        H[h + j] = np.inf


@njit(OPTIONS)
def merge{kept}(W):
    for s in range({LISTS}):
        {loop}


@njit(OPTIONS)
def take{kept}(R, o, left, H, h, S, W):
    row, lists = R[o : o + {BLOCK}], H[h : h + {LISTS * kept}]
    for s in range(left):
        W[s] = row[s]
    for s in range(left, {BLOCK}):
        W[s] = np.inf
    for s in range({LISTS * kept}):
        W[{BLOCK} + s] = lists[s]
    merge{kept}(W)
    for s in range({LISTS * kept}):
        lists[s] = W[{BLOCK} + s]


@njit(OPTIONS)
def tail{kept}(H, h, S):
    return picked(H[h : h + {LISTS * kept}], S)
"""


SIFT = '''
@njit(OPTIONS)
def to_front(B, m, k):
    """Move the k least of m numbers to the front, in any order; steps are counted, not branched on."""
    lo, hi = 0, m
    while hi - lo > 1:
        x, y, z = B[lo], B[(lo + hi) // 2], B[hi - 1]
        middle = greater(lesser(x, y), lesser(greater(x, y), z))
        part, n = B[lo:hi], hi - lo
        below = np.uint64(0)
        for i in range(n):
            x = part[i]
            part[i] = part[below]
            part[below] = x
            below += np.uint64(x < middle)
        if lo + np.int64(below) >= k:
            hi = lo + np.int64(below)
            continue
        same = below
        for i in range(np.int64(below), n):
            x = part[i]
            part[i] = part[same]
            part[same] = x
            same += np.uint64(x == middle)
        lo += np.int64(same)
        if lo >= k:
            return


@njit(OPTIONS)
def begin0(H, h, S):
    H[h] = 0.0
    H[h + 1] = np.inf


@njit(OPTIONS)
def take0(R, o, left, H, h, S, W):
    """Put by whatever is below the k-th least so far; where there is no room left, keep the k least."""
    m, bound, k = np.uint64(H[h]), H[h + 1], S.size
    row, B = R[o : o + BLOCK], H[h + 2 : h + SIFTED]
    if np.int64(m) + BLOCK > B.size:
        to_front(B, np.int64(m), k)
        bound = B[0]
        for j in range(1, k):
            bound = greater(bound, B[j])
        m = np.uint64(k)
    for s in range(left):
        x = row[s]
        B[m] = x
        m += np.uint64(x < bound)
    H[h], H[h + 1] = m, bound


@njit(OPTIONS)
def tail0(H, h, S):
    B, k = H[h + 2 : h + SIFTED], S.size
    to_front(B, np.int64(H[h]), k)
    for i in range(1, k):
        x = B[i]
        j = i - 1
        while j >= 0 and B[j] > x:
            B[j + 1] = B[j]
            j -= 1
        B[j + 1] = x
    return weighed(B, S)
'''.replace("BLOCK", str(BLOCK)).replace("SIFTED", f"{SIFT_FIXED} + {SIFT_PER} * S.size")


def kind_of(k: int) -> int:
    """Return which functions a tail of k scenarios uses: those for up to 8 or 16, or the sifting ones, 0."""
    return 0 if k > BY_NETWORK else max(8, 1 << (k - 1).bit_length())


def state_of(kind: int, shares: str) -> str:
    """Return how many doubles a tail carries from block to block, spelled with the name of its shares."""
    return str(LISTS * kind) if kind else f"({SIFT_FIXED} + {SIFT_PER} * {shares}.size)"


def helpers(tails: Iterable[int]) -> str:
    """Return the text of the helpers, with those for some kinds of tails."""
    return "\n".join([HEAD, *(network_text(t) if t else SIFT for t in sorted(set(tails)))])
