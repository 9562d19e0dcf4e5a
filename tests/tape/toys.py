"""A rule with every operation that can be planned, on random classes, books and numbers."""

from collections.abc import Callable
from typing import Any

import numpy as np

from loadline.kernels.net import segment_sum
from loadline.kernels.tail import TailMeasure
from loadline.tape.frame import Classes, Frame
from loadline.tape.term import Axis, Term, column, constant, worst_of

COLUMNS = ("quantity", "unsettled", "cash")
Rule = Callable[[Frame], list[Term]]
Made = Callable[[np.random.Generator, Classes, int], Rule]


def classes(rng: np.random.Generator, items: int) -> Classes:
    """Items in random units, expiries and strikes."""
    unit = rng.random(items) < 0.15
    unit[:1] = True
    expiry = unit | (rng.random(items) < 0.3)
    strike = expiry | (rng.random(items) < 0.5)
    code = {name: np.cumsum(new) - 1 for name, new in (("unit", unit), ("expiry", expiry), ("strike", strike))}
    code["position"] = np.arange(items)
    return Classes(code, {name: [f"{name} {i}" for i in range(items)] for name in code})


def book(rng: np.random.Generator, listed: Classes, accounts: int, legs: float) -> Frame:
    """Accounts with a random number of legs, some with none; zero quantities and repeated items occur."""
    counts = rng.poisson(legs, accounts) * (rng.random(accounts) > 0.25)
    owner = rng.permutation(np.repeat(np.arange(accounts), counts))
    item = rng.integers(0, listed.size["position"], len(owner))
    frame = Frame(listed, owner, item, range(accounts), segment_sum)
    frame.columns["position", "quantity"] = np.round(rng.normal(0, 5, len(owner)), 2) * (rng.random(len(owner)) > 0.1)
    frame.columns["position", "unsettled"] = np.round(rng.normal(0, 1, len(owner)), 1)
    frame.columns["account", "cash"] = rng.normal(0, 100, accounts)
    return frame


def _random(rng: np.random.Generator, listed: Classes) -> Callable[..., Term]:
    def made(level: str | None, axis: Axis | None = None, low: float = -1.0, high: float = 1.0) -> Term:
        shape = (listed.size[level] if level else 1, len(axis.labels) if axis else 1)
        return constant(np.round(rng.uniform(low, high, shape), 3), level, axis)

    return made


def _covariance(rng: np.random.Generator, n: int) -> Any:
    root = rng.normal(size=(n, n))
    return root @ root.T


def layered(rng: np.random.Generator, listed: Classes, scenarios: int) -> Rule:
    """Everything goes from level to level: rows and numbers of expiries and units, and what passes them by."""
    axis, short = Axis("scenario", tuple(map(str, range(scenarios)))), Axis("move", ("down", "up", "out"))
    made = _random(rng, listed)
    cube, moves, delta, per_unit = made("position", axis), made("position", short), made("position"), made("unit")
    option = constant((rng.random(listed.size["position"]) < 0.6).astype(float), "position")
    gain, damp = made("expiry", low=0.0, high=2.0), made(None, axis, 0.0)
    between = _covariance(rng, 3 * listed.size["expiry"]), _covariance(rng, listed.size["strike"])

    def run(frame: Frame) -> list[Term]:
        held, unsettled = column(frame, "quantity"), column(frame, "unsettled")
        options, futures = held * option, held * delta
        pnl = (options * cube).net("expiry").signed_scale(gain=gain, loss=1.05) - futures.net("expiry")
        unit = ((pnl * damp).net("unit") + (futures * cube).net("unit")) * per_unit
        naked = options.net("strike").losses().net("unit") + futures.net("strike").correlated(between[1], "unit")
        roots = (futures * moves).net("expiry").correlated(between[0], "account")
        worth = futures.net("expiry").net("account") + (unsettled * delta).net("account")
        initial = worst_of(unit.worst("scenario"), naked).net("account") + roots * 0.1
        return [worth, initial, unit.net("account").worst("scenario")]

    return run


def by_unit(rng: np.random.Generator, listed: Classes, scenarios: int) -> Rule:
    """Positions go straight to their units, by rows and by numbers."""
    axis, made = Axis("scenario", tuple(map(str, range(scenarios)))), _random(rng, listed)
    cube, per_expiry = made("position", axis), made("expiry", low=0.0)

    def run(frame: Frame) -> list[Term]:
        held, unsettled = column(frame, "quantity"), column(frame, "unsettled")
        pnl = (held * cube).net("unit").worst("scenario")
        charge = (held * 0.5).net("expiry").losses() * per_expiry
        return [pnl.losses().net("account"), unsettled.net("expiry").losses().net("account") + charge.net("account")]

    return run


def rule(rng: np.random.Generator, listed: Classes, scenarios: int) -> Rule:
    """Every operation, at several levels, over an axis of some length and a short one."""
    axis, short = Axis("scenario", tuple(map(str, range(scenarios)))), Axis("move", ("down", "up", "out"))
    made = _random(rng, listed)
    cube, moves, delta = made("position", axis), made("position", short), made("position")
    option = constant((rng.random(listed.size["position"]) < 0.6).astype(float), "position")
    per_expiry, per_unit, gain = made("expiry"), made("unit"), made("strike", low=0.0, high=2.0)
    shift, damp = made("unit", axis), made(None, axis, 0.0)
    between = _covariance(rng, 3 * listed.size["expiry"]), _covariance(rng, listed.size["strike"])

    def run(frame: Frame) -> list[Term]:
        held, unsettled = column(frame, "quantity"), column(frame, "unsettled")
        options = held * option
        pnl = (options * cube).net("expiry").signed_scale(gain=0.9, loss=1.05)
        unit = (pnl * damp).net("unit") + shift + (unsettled * cube - held * delta).losses().net("unit")
        unit = unit.named("pnl per unit")
        strike = (held * delta).net("strike").signed_scale(gain=gain, loss=1.1)
        charge = strike.tiered(rate=0.1, ramp=0.2, start=1.0, cap=0.5).net("unit")
        charge = charge + strike.bracketed([1.0, gain + 1.5, np.inf], [0.1, 0.2, gain, 9.0]).net("unit")
        worst = unit.worst("scenario").losses().rounded(2)
        capped = worst_of(unit, per_unit, unit * 0.5 + damp)
        tails = [capped.tail("scenario", TailMeasure("var", 0.9), "value at risk")]
        tails += [unit.tail("scenario", TailMeasure("es", level), "shortfall") for level in (0.6, 0.95)]
        total = (unit - unit * per_unit).total("scenario")
        moved = (options * moves).net("expiry").worst("move").losses() * per_expiry
        short_tail = (held * moves).net("expiry").tail("move", TailMeasure("es", 0.5), "shortfall").net("unit")
        tails += [(unit + short_tail).tail("scenario", TailMeasure("es", 0.95), "shortfall")]
        roots = (held * moves).net("expiry").correlated(between[0], "account")
        roots = roots + strike.correlated(between[1], "unit").net("account")
        whole = (held * cube).net("account")
        initial = (worst_of(worst, *tails) + total * 0.001 + charge + moved.net("unit")).net("account")
        initial = initial + roots * 0.1 + (held * per_unit + 1.0).net("account")
        maintenance = worst_of(whole.worst("scenario"), whole.tail("scenario", TailMeasure("es", 0.9), "shortfall"))
        equity = column(frame, "cash", "account") - 3.0 + whole.total("scenario") * 0.01
        return [equity, initial, (maintenance - 0.25).rounded(3)]

    return run
