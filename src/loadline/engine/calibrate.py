"""From a history to a calibrated tail model: scenarios, parameters, and what there is to tell of how they came."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from loadline.engine.calibration_facts import Asset, Surface, described, spread_of, surface_of
from loadline.engine.recipe import Recipe
from loadline.engine.tail_model import heeded, model_at, newest, surfaces_of
from loadline.foundation.errors import InputError
from loadline.foundation.table import Floats
from loadline.model.history import History
from loadline.model.scenario_set import Scenarios
from loadline.rulebooks.parameters import Version
from loadline.scenarios.chain_history import with_chains
from loadline.scenarios.history_moves import Measured
from loadline.scenarios.moves import STRESS, Moves
from loadline.scenarios.stress import STABLECOINS
from loadline.scenarios.surface_moves import Surfaces


@dataclass(frozen=True, eq=False)
class Calibration:
    """A calibrated model: ``version`` of ``tail`` with its scenarios, and everything that is told of it."""

    version: Version
    moves: Moves
    sigma_now: Floats
    measured: Measured
    assets: tuple[Asset, ...]
    surfaces: tuple[Surface, ...]
    recipe: Recipe
    as_of: int
    changes: Mapping[str, Any]
    notes: tuple[str, ...]
    source: tuple[str, ...]
    degrees: float | None = None

    @property
    def files(self) -> tuple[str, ...]:
        """The lines of provenance that name a file and its hash."""
        return tuple(s for s in self.source if " sha256:" in s)

    @property
    def scenarios(self) -> Scenarios:
        """The scenarios of the version."""
        assert self.version.scenarios is not None
        return self.version.scenarios

    @property
    def stressed(self) -> tuple[str, str] | None:
        """The dates on which the first and the last scenario of the stressed period begin; None without one."""
        rows = self.scenarios.family_rows(STRESS)
        return (str(self.scenarios.label[rows[0]]), str(self.scenarios.label[rows[-1]])) if len(rows) else None


def calibrate(
    history: History,
    *,
    as_of: int | None = None,
    chains: Mapping[str, Surfaces] | None = None,
    names: Sequence[str] | None = None,
    recipe: Recipe | None = None,
    source: Sequence[str] = (),
    slack_ms: int = 0,
    changes: Mapping[str, Any] | None = None,
) -> Calibration:
    """Return the tail model that a history gives at ``as_of`` (epoch ms; its end, if left out).

    ``chains``: vol surfaces by coin; ``names``: of the coins, all with enough history if left out; ``source``: lines of
    provenance beside the history's own; ``slack_ms``: how far a bar may lie from its time; ``changes``: parameters of
    ``tail`` by path, over those that are calibrated. Raises ``InputError`` naming the coins asked for whose history is
    too short.

    >>> from loadline.io.history import read_history, sample_history
    >>> found = calibrate(read_history([sample_history()]), names=["BTC"])
    >>> [(a.name, a.days, round(a.daily, 4)) for a in found.assets]
    [('BTC', 2.0, 0.0133)]
    """
    r = heeded(recipe or Recipe(), changes)
    told = history if as_of is None else history.until(as_of)
    grown, notes = with_chains(told, {c: s if as_of is None else s.until(as_of) for c, s in (chains or {}).items()})
    if not len(grown):
        raise InputError("the history has no bar by then", remedy="give longer bars, or a later --as-of")
    now = int(grown.time[-1]) if as_of is None else as_of
    current, renamed = newest(grown)
    chosen = list(names) if names is not None else [n for n in current.names if n not in STABLECOINS]
    surface = surfaces_of({c: s.until(now) for c, s in (chains or {}).items()}, r, chosen)
    spreads = {c: spread_of(s.until(now)) for c, s in (chains or {}).items()}
    model = model_at(
        current.until(now), now, chosen, r, surface=surface, spreads=spreads, slack_ms=slack_ms, changes=changes
    )
    found, moves = model.measured, model.moves
    if names is not None and found.left_out:
        why = [n.removesuffix(", left out") for n in found.notes if n.partition(":")[0] in found.left_out]
        remedy = "leave it out, give longer bars, or calibrate as of an earlier time"
        raise InputError(f"a history that cannot be used: {'; '.join(why)}", remedy=remedy)
    assert model.version.scenarios is not None
    assets = described(found, model.version.scenarios, current.until(now), model.volume, r.cap, drawn=r.drawn > 0)
    told_of = [surface_of(s.until(now)) for c, s in (chains or {}).items() if c in moves.names]
    about = tuple(x for x in told_of if x is not None)
    return Calibration(
        model.version, moves, found.sigma_now, found, assets, about, r, now, model.setting,
        (*renamed, *notes, *found.notes), (*history.source, *source), model.degrees,
    )  # fmt: skip
