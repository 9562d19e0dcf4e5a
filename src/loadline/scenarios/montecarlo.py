"""Monte Carlo scenarios from a given covariance: joint moves of every underlying's price and vol."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from loadline.foundation.errors import InputError
from loadline.foundation.table import Floats
from loadline.model.scenario_set import Scenarios


def montecarlo(
    underlyings: Sequence[str], covariance: Floats, *, count: int, seed: int, degrees: float | None = None
) -> Scenarios:
    """Return ``count`` equally likely scenarios of U underlyings, antithetic, the same for the same seed.

    ``covariance``: (2U, 2U) of log price returns and then of relative vol moves, over the horizon; ``degrees``: of a
    multivariate Student t with that covariance, ``None`` for normal. Prices move by ``exp(x) - 1``, vols likewise, so
    that neither can go below zero. Raises ``InputError`` for a covariance that is not positive semidefinite.

    >>> set_ = montecarlo(["BTC"], np.diag([0.0025, 0.01]), count=4, seed=1)
    >>> bool(np.allclose(np.log1p(set_.spot[0]), -np.log1p(set_.spot[2])))
    True
    """
    u = len(underlyings)
    if count < 2 or count % 2:
        raise InputError(f"{count} scenarios", remedy="ask for an even number of at least 2 (pairs are antithetic)")
    values, vectors = np.linalg.eigh(covariance)
    if (values < -1e-10 * max(1.0, float(values.max(initial=0.0)))).any():
        raise InputError(
            "the covariance of the scenarios is not positive semidefinite",
            causes="correlations that contradict each other",
            remedy="lower them towards 0",
        )
    draw = np.random.default_rng(seed)
    # The symmetric root is the one that does not depend on how a machine turns or signs the eigenvectors. What rounding
    # leaves of a direction without variance is 1e-16 of the largest, but 1e-8 of it under the root.
    roots = np.sqrt(np.where(values > 1e-12 * values.max(initial=0.0), values, 0.0))
    normal = draw.standard_normal((count // 2, 2 * u)) @ ((vectors * roots) @ vectors.T)
    if degrees is not None:  # a common chi-square makes tails come together; rescaled to the covariance given
        mixing = draw.chisquare(degrees, count // 2) / (degrees - 2.0)
        normal = normal / np.sqrt(mixing)[:, None]
    moves = np.expm1(np.concatenate([normal, -normal]))
    labels = np.array([f"draw {n}" for n in range(count)])
    family = np.full(count, "montecarlo")
    ones = np.ones((count, u))
    return Scenarios(labels, family, tuple(underlyings), moves[:, :u], moves[:, u:], ones, np.full(count, 1.0 / count))
