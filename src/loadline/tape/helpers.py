"""Texts of the small compiled functions that a plan's loops call; each plan carries those that it uses.

They are text, not functions, because a plan is kept on disk under the hash of its text: a helper that changed must
change that hash. ``OPTIONS`` is filled in when the text is compiled.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from loadline.tape.recorded import BLOCK, LANES

HERE = Path(__file__).parent
IMPORTED = (HERE / "lanes.py", HERE.parent / "foundation" / "vectors.py")
SOURCE = hashlib.sha256(b"".join(path.read_bytes() for path in IMPORTED)).hexdigest()[:16]
"""What a plan imports is part of what it is."""

HEAD = '''"""Written by Loadline from a recorded rule; delete it at any time. Lanes: VERSION."""
import numpy as np
from numba import njit

from loadline.tape.lanes import *


@njit(OPTIONS)
def lesser(x, y):
    return y if y < x else x


@njit(OPTIONS)
def greater(x, y):
    return y if y > x else x


@njit(OPTIONS)
def absolute(x):
    return abs(x)


@njit(OPTIONS)
def rint(x):
    return np.rint(x)


@njit(OPTIONS)
def by_sign(x, gain, loss):
    return gain if x >= 0.0 else loss


@njit(OPTIONS)
def shared_out(size, part, whole, away):
    """size * part / whole in whole numbers, cut or rounded up, then to the nearest double; each below 2**63."""
    product = size * part
    if product < 9007199254740992.0:
        return np.ceil(product / whole) if away else np.floor(product / whole)
    if not size < 9223372036854775808.0:
        raise OverflowError("a whole number of 2**63 or more")
    zero, one, half = np.uint64(0), np.uint64(1), np.uint64(32)
    a, b, n, low = np.uint64(size), np.uint64(part), np.uint64(whole), np.uint64(0xFFFFFFFF)
    cross = (a >> half) * (b & low) + ((a & low) * (b & low) >> half)
    more = (cross & low) + (a & low) * (b >> half)
    high, left = (a >> half) * (b >> half) + (cross >> half) + (more >> half), a * b
    over, rest, ratio = high // n, high % n, zero
    for i in range(64):  # long division, a bit at a time
        rest = (rest << one) | (left >> np.uint64(63 - i)) & one
        ratio = ratio << one
        if rest >= n:
            rest -= n
            ratio |= one
    if away and rest > zero:
        ratio += one
        over += np.uint64(ratio == zero)
    if over == zero:
        return np.float64(ratio)
    scale = 1.0
    for i in range(64):  # what does not fit below 64 bits only says on which side of a tie the number lies
        if over == zero:
            break
        ratio = (over & one) << np.uint64(63) | ratio >> one | ratio & one
        over = over >> one
        scale *= 2.0
    return np.float64(ratio) * scale


@njit(OPTIONS)
def portion(x, part, whole, away):
    return np.copysign(shared_out(abs(x), part, whole, away), x) + 0.0


@njit(OPTIONS)
def bracket(total, size, bound, below, rate):
    """An average rate with one more bracket."""
    beyond = greater(size - bound, 0.0)
    return total + (beyond / size if beyond > 0.0 else 0.0) * (rate - below)


@njit(OPTIONS)
def bracket8(total, size, bound, below, rate):
    return total + part8(greater8(size - bound, 0.0), size) * (rate - below)


@njit(OPTIONS)
def lowest(R, o, n):
    """The least of n numbers, n a multiple of eight."""
    x = load(R, o)
    for s in range(8, n, 8):
        x = lesser8(x, load(R, o + s))
    return least(x)


@njit(OPTIONS)
def running(R, o, n):
    """The sum of n numbers, left to right."""
    x = R[o]
    for s in range(1, n):
        x += R[o + s]
    return x


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
'''.replace("VERSION", SOURCE)

TAIL = '''
@njit(OPTIONS)
def to_front(B, m, k):
    """Move the k least of m numbers to the front, in any order; steps are counted, not branched on."""
    lo, hi = 0, m
    while hi - lo > 1:
        x, y, z = B[lo], B[(lo + hi) // 2], B[hi - 1]
        middle = greater(lesser(x, y), lesser(greater(x, y), z))
        part, n = B[lo:hi], hi - lo
        less = np.uint64(0)
        for i in range(n):
            x = part[i]
            part[i] = part[less]
            part[less] = x
            less += np.uint64(x < middle)
        if lo + np.int64(less) >= k:
            hi = lo + np.int64(less)
            continue
        same = less
        for i in range(np.int64(less), n):
            x = part[i]
            part[i] = part[same]
            part[same] = x
            same += np.uint64(x == middle)
        lo += np.int64(same)
        if lo >= k:
            return


@njit(OPTIONS)
def ranked(total, x, y):
    """Count lanes of y that a number is below."""
    return total + where_less8(x, y, 1.0, 0.0)


@njit(OPTIONS)
def bound(R, o, n, k, W):
    """The k-th least of the least of some lanes: at least k of n numbers do not exceed it, and few more."""
    a, b, c, d = every(np.inf), every(np.inf), every(np.inf), every(np.inf)
    whole = n - n % 32
    for s in range(0, whole, 32):
        a = lesser8(a, load(R, o + s))
        b = lesser8(b, load(R, o + s + 8))
        c = lesser8(c, load(R, o + s + 16))
        d = lesser8(d, load(R, o + s + 24))
    store(W, 0, a)
    store(W, 8, b)
    store(W, 16, c)
    store(W, 24, d)
    for s in range(whole, n):
        W[s - whole] = lesser(W[s - whole], R[o + s])
    a, b, c, d = load(W, 0), load(W, 8), load(W, 16), load(W, 24)
    i = j = l = m = every(0.0)
    if k <= 8:
        a, b = lesser8(a, c), lesser8(b, d)
        store(W, 0, a)
        store(W, 8, b)
        for s in range(16):
            i, j = ranked(i, W[s], a), ranked(j, W[s], b)
        return -least(lesser8(where_less8(i, k, -a, np.inf), where_less8(j, k, -b, np.inf)))
    for s in range(32):
        i, j, l, m = ranked(i, W[s], a), ranked(j, W[s], b), ranked(l, W[s], c), ranked(m, W[s], d)
    a, b = where_less8(i, k, -a, np.inf), where_less8(j, k, -b, np.inf)
    c, d = where_less8(l, k, -c, np.inf), where_less8(m, k, -d, np.inf)
    return -least(lesser8(lesser8(a, b), lesser8(c, d)))


@njit(OPTIONS)
def sort(B, m, V):
    """Put m numbers of B into V, each in the place that tells how many are below it; equal ones leave gaps."""
    full = m + -m % 8
    for j in range(m, full):
        B[j] = np.inf
    for s in range(0, full, 8):
        store(V, s, -np.inf)
    for s in range(0, full, 8):
        x, place = load(B, s), every(0.0)
        for j in range(full):
            place = ranked(place, B[j], x)
        store(V, 72, place)
        for j in range(8):
            V[np.int64(V[72 + j])] = B[s + j]


@njit(OPTIONS)
def begin(H, h, S):
    for j in range(S.size):
        H[h + j] = np.inf


@njit(OPTIONS)
def take(R, o, n, H, h, S, W):
    """Take n numbers of a row into H, the S.size least so far, the greatest of them last.

    W: some least of lanes, 64 numbers in order and their places, then whatever may be among the least.
    """
    k, V, B, m = S.size, W[32:], W[112:], 0
    so_far = H[h + k - 1]
    own = bound(R, o, n, float(k), W) if k <= 32 else np.inf
    most = lesser(so_far, own)
    for s in range(0, n, 64):
        mask = below(R, o + s, most)
        if n - s < 64:
            mask &= (np.uint64(1) << np.uint64(n - s)) - np.uint64(1)
        while mask != np.uint64(0):
            for _ in range(4):  # some at a time: to leave off after each would be a guess each time
                B[m] = R[o + s + (lowest_bit(mask) & 63)]
                m += mask != np.uint64(0)
                mask &= mask - np.uint64(1)
    if most == own:
        while m < k:
            B[m] = own
            m += 1
    if H[h] < np.inf or k > 32:
        for j in range(k):
            B[m] = H[h + j]
            m += 1
    if m <= 64:
        sort(B, m, V)
        x = V[0]
        for j in range(k):
            x = greater(x, V[j])
            H[h + j] = x
        return
    to_front(B, m, k)
    for j in range(k):
        H[h + j] = B[j]
        if B[j] > H[h]:
            H[h], H[h + j] = H[h + j], H[h]
    H[h], H[h + k - 1] = H[h + k - 1], H[h]


@njit(OPTIONS)
def tail(H, h, S):
    """The shares of the least numbers, least first, added in that order."""
    B = H[h : h + S.size]
    for i in range(1, B.size):
        x = B[i]
        j = i - 1
        while j >= 0 and B[j] > x:
            B[j + 1] = B[j]
            j -= 1
        B[j + 1] = x
    x = S[0] * B[0]
    for j in range(1, S.size):
        x += S[j] * B[j]
    return x
'''
"""What keeps the least numbers of an axis; ``ROOM`` and twice their number is what it needs to work."""
ROOM = 112 + LANES + BLOCK


def helpers(tails: bool) -> str:
    """Return the text of the helpers, with those for tails if there are any."""
    return HEAD + TAIL if tails else HEAD
