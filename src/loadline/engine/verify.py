"""Replay case files: which numbers of a published or golden case the engine reproduces, component by component."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from loadline.engine.cases import (
    bybit,
    deribit,
    derive,
    derive_srm,
    drift,
    dydx,
    gmx,
    golden,
    liquidation_prices,
    okx,
    orderly,
    paradex,
    pricing,
    tail,
)
from loadline.engine.cases.case import Check, Replay
from loadline.foundation.errors import InputError, LoadlineError

Replayer = Callable[[Mapping[str, Any], Mapping[str, Any], float, float], Replay]

MODELS: Mapping[str, Replayer] = {
    "PMRM_2": derive.replay_pmrm2,
    "PMRM_1": derive.replay_pmrm1,
    "SRM": derive_srm.replay_srm,
    "black76": pricing.replay_black76,
    "svi_vol": pricing.replay_svi,
    "svi_vol_capped": pricing.replay_svi,
    "VaR / ES / volatility": tail.replay_tail,
    "deribit-pme": deribit.replay_pme,
    "golden": golden.replay_golden,
    "bybit-pm": bybit.replay_grid,
    "okx-builder": okx.replay_builder,
    "hyperliquid_isolated": liquidation_prices.replay_liquidation_price,
    "isolated_tiered_cum": liquidation_prices.replay_liquidation_price,
    "cross_other_positions": liquidation_prices.replay_liquidation_price,
    "dYdX v4 cross margin and liquidation": dydx.replay_dydx,
    "Drift v2 cross margin, size-scaled weights and liquidation formulas": drift.replay_drift,
    "Orderly Network perps: MMR growing with notional^0.8, cross liquidation price by bisection": (
        orderly.replay_orderly
    ),
    "GMX v2 (synthetics): isolated position liquidation test": gmx.replay_gmx,
    "Paradex documentation examples": paradex.replay_paradex,
    "Paradex portfolio margin and cross margin (official open-source SDK margin engine)": paradex.replay_paradex,
}
"""A case's ``model`` or ``kind`` (or its file's ``model``) -> how it is replayed."""

TOTALS, COMPONENTS = 1e-9, 1e-8
"""Tolerances, relative: what the issue of record asks of totals and of components."""


@dataclass(frozen=True)
class FileReport:
    """One file replayed. A refused case counts as matched only where the file says the source refuses it too."""

    file: str
    model: str
    replays: tuple[Replay, ...]

    @property
    def looked_at(self) -> tuple[Replay, ...]:
        """The cases that were neither skipped nor refused."""
        return tuple(r for r in self.replays if not r.skipped and not r.refused)

    @property
    def matched(self) -> int:
        """How many cases matched in every component."""
        return sum(r.matched for r in self.looked_at)

    @property
    def total(self) -> int:
        """How many cases were compared."""
        return len(self.looked_at)

    @property
    def refused(self) -> tuple[Replay, ...]:
        """The cases whose parameters are refused."""
        return tuple(r for r in self.replays if r.refused)

    @property
    def skipped(self) -> tuple[Replay, ...]:
        """The cases not compared, with their reason."""
        return tuple(r for r in self.replays if r.skipped)

    @property
    def worst_error(self) -> float:
        """The largest relative error of any component of any matched case."""
        return max((c.error for r in self.looked_at if r.matched for c in r.checks), default=0.0)

    @property
    def misses(self) -> list[tuple[str, Check]]:
        """(case, component) of everything outside its tolerance."""
        return [(r.case, c) for r in self.looked_at for c in r.checks if not c.ok]

    @property
    def ok(self) -> bool:
        """Whether every case that was compared matched, and at least one was compared."""
        return self.total > 0 and self.matched == self.total


def model_of(case: Mapping[str, Any], file: Mapping[str, Any], models: Mapping[str, Replayer] = MODELS) -> str:
    """Return the key of ``models`` a case is replayed by, or ``""``."""
    for name in (case.get("model"), case.get("kind"), file.get("model")):
        if isinstance(name, str) and name in models:
            return name
    return ""


def verify_file(
    path: str | Path,
    progress: Callable[[Iterable[Any]], Iterable[Any]] = iter,
    more: Mapping[str, Replayer] | None = None,
) -> FileReport:
    """Return the report of one case file; ``progress`` wraps the loop over cases.

    ``more``: how the models of floors above this one are replayed.

    Raises ``InputError`` for a file that is not a case file or whose model is not known.
    """
    file = Path(path)
    try:
        content = json.loads(file.read_text("utf-8"))
    except FileNotFoundError as error:
        raise InputError("no such file", where=str(file), remedy="check the path") from error
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}", where=str(file), remedy="name a readable file") from error
    except (ValueError, RecursionError) as error:
        raise InputError(f"not JSON: {error}", where=str(file), remedy="is the file whole?") from error
    if isinstance(content, dict) and "vectors" not in content and deribit.is_dump(content):
        content = deribit.as_case_file(content, file.stem)
    elif isinstance(content, dict) and "vectors" not in content and okx.is_builder(content):
        content = okx.as_case_file(content, file.stem)
    if isinstance(content, dict) and bybit.is_grid(content):
        content = bybit.as_case_file(content, file.stem)
    if not (isinstance(content, dict) and _is_cases(content.get("vectors"))):
        raise InputError(
            "not a case file", where=str(file), remedy='it needs a list "vectors" (schema margin-vectors/1)'
        )
    content["folder"] = str(file.parent)
    known_models = {**MODELS, **(more or {})}
    replays, models = [], []
    for case in progress([*content["vectors"], *content.get("simulations", [])]):
        name = model_of(case, content, known_models)
        models.append(name)
        replays.append(_replay(known_models.get(name), case, content))
    if not any(models):
        known = ", ".join(known_models)
        raise InputError(f"no rule for model {content.get('model')!r}", where=str(file), remedy=f"known: {known}")
    return FileReport(str(file), str(content.get("model", models[0])), tuple(replays))


def _is_cases(vectors: Any) -> bool:
    return isinstance(vectors, list) and all(isinstance(case, dict) for case in vectors)


def _replay(replayer: Replayer | None, case: Mapping[str, Any], file: Mapping[str, Any]) -> Replay:
    label = str(case.get("id", "case"))
    if replayer is None:
        return Replay(label, skipped=f"no rule for {case.get('model') or case.get('kind') or 'this case'}")
    try:
        return replayer(case, file, COMPONENTS, TOTALS)
    except LoadlineError as error:
        return Replay(label, (Check("answer", 0.0, float("nan"), 0.0),), notes=(error.what,))
    except (LookupError, TypeError, AttributeError, ArithmeticError, ValueError) as error:
        return Replay(label, (Check("answer", 0.0, float("nan"), 0.0),), notes=(f"the case is malformed: {error!r}",))
