"""Acerbi and Székely's tests of a model's measure: from variants of the same cube, against a run of their own."""

import numpy as np
import pytest

import loadline as ll
from loadline.backtest.day import Answer, Day
from loadline.backtest.families import Size
from loadline.backtest.measured import Measure, measure_of, shortfall_of, variants_of
from loadline.backtest.replay import Prices, windows
from loadline.backtest.run import Case, Shipped, run
from loadline.backtest.shortfall import acerbi_szekely
from loadline.engine.engine import choose_rulebook
from loadline.foundation.units import MS_PER_DAY
from tests.backtest import made

FLOORED = {"floor.notional": 0.3}


def measure(**changes: object) -> Measure | str:
    return measure_of(
        "m", choose_rulebook("tail", made.START, {k.replace("_", "."): v for k, v in changes.items()}).version
    )


def test_only_an_expected_shortfall_is_tested() -> None:
    assert isinstance(measure(), Measure) and measure(measure_kind="var") == "it measures value at risk"
    other = measure_of("m", choose_rulebook("deribit-xpm", made.START).version)
    assert isinstance(other, str) and "no expected shortfall" in other and not variants_of(other)


def test_what_is_tested_is_the_measure_without_what_is_added_to_it() -> None:
    bars = Prices(made.history(40, coins=("BTC",)))
    found = measure(floor_notional=0.3)
    assert isinstance(found, Measure)
    floored = Shipped("tail", label="m", null=("perp-long",), overrides=FLOORED, variants=variants_of(found))
    alone = Shipped("tail", label="es")
    at_risk = Shipped("tail", label="var", overrides={"measure.kind": "var"})
    case = Case(("perp-long",), ("BTC",), Size(usd=1e6), (floored, alone, at_risk), 2.0, silent=(found.at_risk,))
    days = run(case, bars, windows(bars.times, 2.0))
    for d in days:
        assert d.models["m"].hit and d.models[found.shortfall].hit and not d.models[found.at_risk].hit
        assert d.models["m"].initial[0] == pytest.approx(3e5)
        assert d.models[found.shortfall].initial == pytest.approx(d.models["es"].initial, rel=1e-12)
        assert d.models[found.at_risk].initial == pytest.approx(d.models["var"].initial, rel=1e-12)
    told = shortfall_of(days, "BTC perp-long", found, [[d.at for d in days[::2]], [d.at for d in days[1::2]]])
    es, var = (np.array([d.models[n].initial[0] for d in days], float) for n in ("es", "var"))
    pnl = -np.array([d.loss[0] for d in days], float)
    assert told.whole.z2 == pytest.approx(acerbi_szekely(pnl, var, es, 0.025).z2)
    assert told.z2 == min(p.z2 for p in told.phases) and [len(told.phases), told.dates] == [2, len(days)]
    assert told.critical is not None and told.critical.z2 < -0.5


def test_a_book_that_cannot_lose_is_told_not_tested() -> None:
    models = {"m: ES alone": Answer((0.0,)), "m: VaR alone": Answer((0.0,))}
    days = [Day(k * MS_PER_DAY, 1, ("a",), (1.0,), (0.0,), (0.0,), models) for k in range(3)]
    found = measure()
    assert isinstance(found, Measure)
    with pytest.raises(ll.InputError, match="is 0 on some date"):
        shortfall_of(days, "a", found, [])
