"""How much may be lost where an account is held: exposure to each venue by its credit, and the expected loss of all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from loadline.foundation.errors import InputError, MissingData
from loadline.optimize.asking import Exposed
from loadline.optimize.problem import ExposureCap


@dataclass(frozen=True)
class Credit:
    """Who holds an account: ``held_by`` (itself, if empty), and how good it is for what it owes.

    ``weight``: what a dollar of exposure counts as; ``most``: USD of exposure so weighted, over all accounts with the
    same holder. ``default_probability``: per year, ``loss_given_default``: share of the exposure; NaN: not known.
    """

    held_by: str = ""
    weight: float = 1.0
    most: float = np.inf
    default_probability: float = float("nan")
    loss_given_default: float = 1.0


class Holds(Protocol):
    """An own account and its holder's credit."""

    @property
    def account(self) -> str:
        """Its name."""

    @property
    def credit(self) -> Credit:
        """Who holds it."""


def exposure_caps(accounts: Sequence[Holds], asked: Sequence[Exposed]) -> tuple[ExposureCap, ...]:
    """Return the caps of accounts and those that were asked for.

    ``asked``: on the exposure of an account (or of a holder), or, without a name, on ``sum probability x loss given
    default x exposure``, USD a year. Raises ``MissingData`` naming accounts without a default probability.
    """
    holders: dict[str, list[Holds]] = {}
    for a in accounts:
        holders.setdefault(a.credit.held_by or a.account, []).append(a)
    out = []
    for holder, mine in holders.items():
        most = min(a.credit.most for a in mine)
        if np.isfinite(most):
            out.append(ExposureCap(f"exposure {holder}", {a.account: a.credit.weight for a in mine}, most))
    for want in asked:
        if want.account:
            known = {a.account: [a] for a in accounts} | holders
            if want.account not in known:
                raise InputError(f"no account {want.account!r} to limit", remedy=f"one of {', '.join(sorted(known))}")
            weights = {a.account: a.credit.weight for a in known[want.account]}
            out = [k for k in out if k.name != f"exposure {want.account}"]
            out.append(ExposureCap(f"exposure {want.account}", weights, want.most))
            continue
        unknown = [a.account for a in accounts if not np.isfinite(a.credit.default_probability)]
        if unknown:
            raise MissingData(
                f"the expected loss needs a default probability of {', '.join(unknown)}",
                remedy="write default_probability (per year) and loss_given_default in the --venues file",
            )
        rates = {a.account: a.credit.default_probability * a.credit.loss_given_default for a in accounts}
        out.append(ExposureCap("expected loss", rates, want.most, unit="USD a year"))
    return tuple(out)
