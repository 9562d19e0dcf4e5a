"""The same bits on every machine: compiled for two numbers at a time as for four or eight."""

import hashlib
import os
import platform
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from loadline.kernels import black76


def fingerprint() -> str:
    rng = np.random.default_rng(1)
    n = 5_000
    F = 10.0 ** rng.uniform(-4, 6, n)
    K, v, tau = F * np.exp(rng.normal(0, 1, n)), 10.0 ** rng.uniform(-4, 1.2, n), 10.0 ** rng.uniform(-5, 1, n)
    vol, w = v / np.sqrt(tau), rng.choice([-1.0, 1.0], n)
    price = black76.value1(F, K, vol, tau, w)
    results = (
        price,
        *black76.greeks(F, K, vol, tau, w),
        *black76.implied_vol(price, F, K, tau, w),
        black76.norm_cdf(F),
    )
    return hashlib.sha256(b"".join(x.tobytes() for x in results)).hexdigest()


@pytest.mark.slow
@pytest.mark.skipif(platform.machine() not in ("x86_64", "AMD64"), reason="names a processor of this family")
def test_the_narrowest_vectors_give_the_same_bits(root: Path, tmp_path: Path) -> None:
    narrow = {"NUMBA_CPU_NAME": "x86-64", "NUMBA_CPU_FEATURES": "", "NUMBA_CACHE_DIR": str(tmp_path)}
    path = os.pathsep.join([str(root / "src"), str(root)])
    other = subprocess.run(
        [sys.executable, "-c", "from tests.kernels.test_vector_width import fingerprint; print(fingerprint())"],
        env=os.environ | narrow | {"PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=True,
    )
    assert other.stdout.strip() == fingerprint()
