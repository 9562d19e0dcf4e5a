"""Paradex against its own library and documents, and the paragraphs that those cases do not reach."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from loadline.engine.cases.paradex import Account, number
from loadline.engine.engine import evaluate, margin
from loadline.engine.result import MarginResult
from loadline.engine.verify import verify_file
from loadline.foundation.errors import Unavailable
from loadline.rulebooks.paradex_liquidation import Ladder, liquidation, reduced

PERPETUAL, CALL = "BTC-USD-PERP", "BTC-USD-X-70000-C"
TERMS = {"strike": 70_000.0, "mark": 2_500.0, "mark_iv": 0.5, "seconds_to_expiry": 20 * 86_400}


def account(perpetual: float = 0.0, call: float = 0.0, **terms: Any) -> Account:
    made = Account("BTC", 70_000.0)
    made.perpetual(PERPETUAL, perpetual, 70_100.0)
    made.option(CALL, call, TERMS | terms)
    return made


def test_the_venues_library_is_reproduced(shared: Path) -> None:
    report = verify_file(shared / "vectors" / "paradex_pm.json")
    assert report.misses == [] and report.ok and not report.skipped and not report.refused
    generated = [c.error for r in report.replays if r.case.startswith("gen/") for c in r.checks]
    assert len(generated) > 1_900 and max(generated) < 1e-12


def test_the_documents_examples_are_reproduced(shared: Path) -> None:
    report = verify_file(shared / "vectors" / "paradex_docs.json")
    assert report.misses == [] and report.ok and not report.skipped


def test_an_order_may_not_hedge() -> None:
    """A short call that would hedge the perpetual still counts on the short side of the minimum delta."""
    made = account(perpetual=1.0)
    made.changes["pm"] |= {f"given.delta.{CALL}": 0.5, f"given.delta.{PERPETUAL}": 1.0}
    alone = made.asked("paradex-pm")
    made.order(CALL, -1.0, 2_600.0)
    ordered = made.asked("paradex-pm")
    assert number(ordered.parts["floor"]) == pytest.approx(number(alone.parts["floor"]), rel=1e-12)
    assert number(ordered.parts["scan"]) >= number(alone.parts["scan"])
    assert number(ordered.maintenance) == number(alone.maintenance)


def test_only_negative_pnl_of_an_order_counts() -> None:
    made = account()
    made.order(PERPETUAL, 1.0, 1.0)  # a buy at one dollar gains in every scenario
    assert number(made.asked("paradex-pm").parts["scan"]) == 0.0


def test_readings_change_what_they_say() -> None:
    made = account(call=-1.0, mark_iv=0.2)
    level = number(made.asked("paradex-pm").parts["scan"])
    made.changes["pm"]["reading.vol_floor"] = "shock"
    assert number(made.asked("paradex-pm").parts["scan"]) != level
    made = account(perpetual=1.0)
    made.changes["pm"]["given.funding"] = 0.001
    made.order(PERPETUAL, 1.0, 60_000.0)
    paid = {}
    for reading in ("opposite", "same"):
        made.changes["pm"]["reading.order_funding"] = reading
        paid[reading] = number(made.asked("paradex-pm").parts["funding"])
    assert paid == {"opposite": 0.0, "same": pytest.approx(140.0)}


def test_a_vol_turned_negative_is_refused() -> None:
    made = account(call=1.0, seconds_to_expiry=3_600)
    made.changes["pm"]["scenarios.grid"] = [[0.0, -0.9, 1.0]]
    answer = margin(made.portfolio(), made.market(), made.chosen("paradex-pm"))
    assert isinstance(answer, Unavailable) and "negative" in answer.missing[0]


def test_an_underlying_without_a_grid_is_refused_by_name() -> None:
    made = Account("SOL", 150.0)
    made.perpetual("SOL-USD-PERP", 1.0, 150.0)
    answer = margin(made.portfolio(), made.market(), made.chosen("paradex-pm"))
    assert isinstance(answer, Unavailable) and "scenarios.grid for SOL" in answer.missing[0]


@pytest.mark.parametrize("name", ["paradex-pm", "paradex-xm"])
def test_rows_and_attribution_add_up(name: str) -> None:
    made = account(perpetual=1.5, call=-2.0)
    made.order(PERPETUAL, 0.5, 70_500.0)
    made.order(CALL, -1.0, 2_400.0)
    made.hold("BTC", 0.3, 70_000.0)
    answer = margin(made.portfolio(), made.market(), made.chosen(name))
    assert isinstance(answer, MarginResult)
    for side in ("initial", "maintenance"):
        rows = answer.explain(side)
        top = sum(r.factor * r.value for r in rows if len(r.path) == 2)
        assert top == pytest.approx(rows[0].value, rel=1e-12)
    tape = evaluate(made.chosen(name), made.portfolio(), made.market(), ["case"])
    assert number(tape.requirement.initial) == pytest.approx(answer.initial, rel=1e-12)


def test_a_coin_in_the_wallet_asks_for_all_it_is_worth() -> None:
    made = account()
    made.hold("BTC", -0.5, 70_000.0)
    answer = margin(made.portfolio(), made.market(), made.chosen("paradex-xm"))
    assert isinstance(answer, MarginResult)
    assert (answer.initial, answer.maintenance, answer.equity) == (35_000.0, 35_000.0, -35_000.0)


def test_the_ladder() -> None:
    assert liquidation(100.0, 100.0, Ladder()) is None
    shares = [found.share for fee in (0.5, 0.7) if (found := liquidation(80.0, 88.8, Ladder(fee=fee)))]
    assert shares == [0.4, 0.6]
    hopeless = liquidation(-5.0, 10.0, Ladder())
    assert hopeless is not None and hopeless.share == 1.0 and hopeless.maintenance == 0.0
    assert reduced(10.0, 0.0, 1.0, 0.7).ratio == 0.0


def test_the_markets_own_funding_and_delta_stand_unless_set_by_hand() -> None:
    """Funding: set by hand, else the market's, else 0. Delta: set by hand, else the market's, else modelled."""
    rule, made = "paradex-pm", account(perpetual=2.0, call=-5.0)
    held, market = made.portfolio(), made.market()
    named = {name: market.instruments.index[name] for name in (PERPETUAL, CALL)}
    blank = np.full(len(market.instruments), np.nan)

    def asked(rate: float = np.nan, delta: float = np.nan, **overrides: float) -> dict[str, float]:
        funding, deltas = blank.copy(), blank.copy()
        funding[named[PERPETUAL]], deltas[named[CALL]] = rate, delta
        told = market.replace(quotes=market.quotes.replace(funding=funding, delta=deltas))
        changes = {f"{rule}.{path.replace('__', '.')}": value for path, value in overrides.items()}
        answer = margin(held, told, rule, overrides=changes)
        parts = answer.tape.requirement.parts
        return {name: -float(parts[name].numbers()[0, 0]) for name in ("held_funding", "delta")}

    bare = asked()
    assert bare["held_funding"] == 0.0
    assert asked(rate=0.0003)["held_funding"] == pytest.approx(2.0 * 70_000.0 * 0.0003)
    assert asked(rate=-0.0003)["held_funding"] == 0.0  # longs are paid
    assert asked(rate=0.0003, given__funding=0.001)["held_funding"] == pytest.approx(140.0)
    assert asked(rate=0.0003, given__funding__BTC=0.002)["held_funding"] == pytest.approx(280.0)
    modelled = -bare["delta"]
    perpetual = 2.0 * 70_100.0 / 70_000.0
    assert -asked(delta=0.4)["delta"] == pytest.approx(perpetual - 5.0 * 0.4)
    by_hand = margin(held, market, rule, overrides={f"{rule}.given.delta.{CALL}": 0.3})
    assert float(by_hand.tape.requirement.parts["delta"].numbers()[0, 0]) == pytest.approx(perpetual - 1.5)
    assert modelled != pytest.approx(perpetual - 5.0 * 0.4)
