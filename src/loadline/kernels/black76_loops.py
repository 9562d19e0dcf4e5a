"""The compiled loops of ``black76``: its formula as it stands there, sixteen options at a time."""
# mypy: disable-error-code="call-arg,var-annotated"
# (numba's intrinsics show the arguments of whoever types them)

from __future__ import annotations

import math

import numpy as np
from numba import njit

from loadline.foundation.vectors import load16, store
from loadline.kernels.arrays import plain
from loadline.kernels.black76 import bounded, distances, shared, side, slopes
from loadline.kernels.vectorcode import OPTIONS, inlined

BLOCK = 256  # elements worked on together: nine arrays of 2 kB stay in the first-level cache

inlined(distances, shared, side, bounded, slopes)


@njit(**OPTIONS)
def block(F: np.ndarray, sigma: np.ndarray, x: np.ndarray, out: np.ndarray) -> None:
    """Value one block of options: rows of x are strike, square root of time, right, and five to work with.

    ``F``, ``sigma``: (BLOCK,) forward and vol, 1/sqrt(year); ``x``: (10, BLOCK); ``out``: (n,), n a multiple of 16.

    Four short loops instead of one: a processor looks only so many instructions ahead, and in one long loop it waits
    for the chain ln → exp → R of one element before it sees the next.
    """
    K, root, w, v, d1, d2, g, up = x[0], x[1], x[2], x[3], x[4], x[5], x[6], x[7]
    for j in range(0, out.size, 16):
        total = load16(sigma, j) * load16(root, j)
        a, b = distances(load16(F, j), load16(K, j), total)
        store(v, j, total)
        store(d1, j, a)
        store(d2, j, b)
    for j in range(0, out.size, 16):
        store(g, j, shared(load16(F, j), load16(d1, j)))
    for j in range(0, out.size, 16):
        store(up, j, side(load16(F, j), load16(g, j), load16(d1, j), load16(w, j)))
    for j in range(0, out.size, 16):
        down = side(load16(K, j), load16(g, j), load16(d2, j), load16(w, j))
        store(out, j, bounded(load16(F, j), load16(K, j), load16(v, j), load16(w, j), load16(up, j), down))


@njit(**OPTIONS)
def root_of(tau: float) -> float:
    """Give the square root of a time, 0 of what is past."""
    return math.sqrt(tau if tau > 0.0 else tau * 0.0)  # NaN stays NaN


@njit(**OPTIONS)
def _spread(to: np.ndarray, x: float) -> None:
    for t in range(to.size):
        to[t] = x


@njit(cache=True, **OPTIONS)
def fill(
    F: np.ndarray,
    K: np.ndarray,
    sigma: np.ndarray,
    tau: np.ndarray,
    w: np.ndarray,
    x: np.ndarray,
    seen: np.ndarray,
    out: np.ndarray,
) -> None:
    """Cut options × scenarios into blocks across row ends, so that 31 scenarios run as fast as 512.

    ``F``, ``sigma``: (N, S) or (N, 1); ``K``, ``tau`` (years), ``w`` (+1 call, -1 put): (N,); ``out``: (N, S);
    ``x``: (10, BLOCK) of numbers to work with; ``seen``: the same memory, read-only, as forwards and vols are: where
    they are as wide as the values, a block reads them where they lie.
    """
    scenarios = out.shape[1]
    f, s, flat = F.reshape(-1), sigma.reshape(-1), out.reshape(-1)
    i, at = 0, 0
    for start in range(0, flat.size, BLOCK):
        n = min(BLOCK, flat.size - start)
        j = 0
        while j < n:
            m = min(scenarios - at, n - j)
            _spread(x[0, j : j + m], K[i])
            _spread(x[1, j : j + m], root_of(tau[i]))
            _spread(x[2, j : j + m], w[i])
            if F.shape[1] != scenarios:
                _spread(x[8, j : j + m], F[i, 0])
            if sigma.shape[1] != scenarios:
                _spread(x[9, j : j + m], sigma[i, 0])
            j += m
            at += m
            if at == scenarios:
                i, at = i + 1, 0
        whole = n == BLOCK
        if not whole:
            if F.shape[1] == scenarios:
                x[8, :n] = f[start:]
            if sigma.shape[1] == scenarios:
                x[9, :n] = s[start:]
        forward = f[start : start + BLOCK] if whole and F.shape[1] == scenarios else seen[8]
        vol = s[start : start + BLOCK] if whole and sigma.shape[1] == scenarios else seen[9]
        block(forward, vol, x, flat[start : start + BLOCK] if whole else x[3, :n])
        if not whole:
            flat[start:] = x[3, :n]


@njit(cache=True, **OPTIONS)
def fill1(
    F: np.ndarray,
    K: np.ndarray,
    sigma: np.ndarray,
    tau: np.ndarray,
    w: np.ndarray,
    x: np.ndarray,
    seen: np.ndarray,
    out: np.ndarray,
) -> None:
    """Value every option in one state: all columns (N,), ``x`` and ``seen`` as in ``fill``."""
    for start in range(0, out.size, BLOCK):
        n = min(BLOCK, out.size - start)
        for j in range(n):
            x[0, j] = K[start + j]
            x[1, j] = root_of(tau[start + j])
            x[2, j] = w[start + j]
            x[8, j] = F[start + j]
            x[9, j] = sigma[start + j]
        block(seen[8], seen[9], x, x[3, :n])
        out[start : start + n] = x[3, :n]


@njit(cache=True, **OPTIONS)
def fill_greeks(
    F: np.ndarray, K: np.ndarray, sigma: np.ndarray, tau: np.ndarray, w: np.ndarray, out: np.ndarray
) -> None:
    """Find the sensitivities of every option: all columns (N,), ``out`` (4, N)."""
    for i in range(F.size):
        out[0, i], out[1, i], out[2, i], out[3, i] = slopes(F[i], K[i], sigma[i], root_of(tau[i]), w[i])


def room() -> tuple[np.ndarray, np.ndarray]:
    """Give what the loops work in, and the same read-only."""
    x = np.ones((10, BLOCK))
    return x, plain(x)
