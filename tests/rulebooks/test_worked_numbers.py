"""Numbers that Deribit's own documents work out, to their printed digits, and the state of one real account."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from loadline.engine.engine import margin
from loadline.engine.result import MarginResult
from loadline.foundation.units import MS_PER_DAY, parse_time
from loadline.model.instruments import NO_EXPIRY, Instruments, Kind, PayoffForm
from loadline.model.market import Market, Quotes
from loadline.model.positions import Balances, Portfolio, Positions
from loadline.model.universe import build_universe
from loadline.rulebooks import blocks

AS_OF = parse_time("2026-02-16T01:34:07Z")
WINDOW = 1800.0


def contract(name: str, underlying: str, form: PayoffForm, **more: Any) -> dict[str, Any]:
    """One instrument row; a perpetual unless it is told otherwise."""
    coin = form in (PayoffForm.INVERSE, PayoffForm.COIN_OPTION)
    row = {"id": name, "underlying": underlying, "kind": Kind.PERPETUAL, "form": form, "expiry": NO_EXPIRY}
    row |= {"strike": np.nan, "right": 0, "multiplier": 1.0, "quote": "USD", "settle": underlying if coin else "USDC"}
    return row | {"upfront": False} | more


def market(rows: Sequence[dict[str, Any]], forward: Sequence[float], index: dict[str, float], **quotes: Any) -> Market:
    """A market of a few rows."""
    prices = Quotes.of(np.array(forward), **{k: np.array(v) for k, v in quotes.items()})
    return Market(AS_OF, Instruments.from_rows(rows), prices, index, index | {"USDC": 1.0})


def held(positions: dict[str, float], **unsettled: float) -> Positions:
    """Positions of account ``a``."""
    return Positions.from_rows(
        {
            "account": "a",
            "instrument": name,
            "quantity": quantity,
            "unsettled": unsettled.get(name.replace("-", "_"), 0.0),
            "entry": np.nan,
        }
        for name, quantity in positions.items()
    )


def answered(positions: Positions, given: Market, rulebook: str, **balances: float) -> MarginResult:
    """The margin of the account."""
    wallet = Balances.from_rows({"account": "a", "currency": c, "amount": x} for c, x in balances.items())
    answer = margin(Portfolio(positions, wallet), given, rulebook)
    assert isinstance(answer, MarginResult), answer
    return answer


@pytest.mark.parametrize(
    ("coin", "price", "size", "initial", "maintenance"),
    [
        ("BTC", 100_000.0, 25.0, 53_125.0, 28_125.0),
        ("BTC", 100_000.0, 350.0, 1_312_500.0, None),
        ("SOL", 200.0, 25.0, 200.625, 100.625),
        ("SOL", 200.0, 6_000.0, 84_000.0, None),
    ],
)
@pytest.mark.parametrize("side", [1.0, -1.0])
def test_linear_perpetuals_alone(
    coin: str, price: float, size: float, initial: float, maintenance: float | None, side: float
) -> None:
    name = f"{coin}_USDC-PERPETUAL"
    given = market([contract(name, coin, PayoffForm.LINEAR)], [price], {coin: price})
    answer = answered(held({name: side * size}), given, "isolated")
    assert answer.initial == pytest.approx(initial, rel=1e-12)
    if maintenance is not None:
        assert answer.maintenance == pytest.approx(maintenance, rel=1e-12)


def test_an_inverse_perpetual_alone() -> None:
    # 1 USD at 1963.31 is 0.000509344 ETH; the venue shows margins rounded to nine decimals
    given = market([contract("ETH-PERPETUAL", "ETH", PayoffForm.INVERSE)], [1963.31], {"ETH": 1963.1})
    answer = answered(held({"ETH-PERPETUAL": 1.0}), given, "isolated")
    assert round(1.0 / 1963.31, 9) == 0.000509344
    assert round(answer.initial / 1963.1, 9) == 0.000010187
    assert round(answer.maintenance / 1963.1, 9) == 0.000005093


@pytest.mark.parametrize(("left", "share"), [(1800.0, 1.0), (900.0, 0.5), (450.0, 0.25), (3600.0, 1.0)])
def test_delta_decays_through_the_settlement_window(left: float, share: float) -> None:
    # a 7000 call with delta 1 and mark 0.3: half an hour's average has run for a quarter of an hour
    option = {"kind": Kind.OPTION, "strike": 7_000.0, "right": 1, "upfront": True}
    rows = [contract("BTC-7000-C", "BTC", PayoffForm.COIN_OPTION, expiry=AS_OF + round(left * 1000), **option)]
    given = market(rows, [10_000.0], {"BTC": 10_000.0}, vol=[0.5], mark=[0.3])
    universe = build_universe(given, np.array([0]), lambda i: i.underlying)
    decay = blocks.settlement_decay(universe, WINDOW)
    assert decay.tolist() == [share]
    assert blocks.venue_deltas(universe, "counted")[0] == pytest.approx(1.0, abs=1e-12)
    delta, net = (blocks.venue_deltas(universe, reading) * decay for reading in ("counted", "net_of_premium"))
    assert delta[0] == pytest.approx(share, abs=1e-12)
    assert net[0] == pytest.approx((1.0 - 0.3) * share, abs=1e-12)
    if share == 0.5:
        assert (round(delta[0], 12), round(net[0], 12)) == (0.5, 0.35)


def test_a_future_decays_too_and_a_perpetual_never() -> None:
    soon = AS_OF + 900_000
    rows = [
        contract("BTC-SOON", "BTC", PayoffForm.INVERSE, kind=Kind.FUTURE, expiry=soon),
        contract("BTC-LATER", "BTC", PayoffForm.INVERSE, kind=Kind.FUTURE, expiry=AS_OF + 7 * MS_PER_DAY),
        contract("BTC-PERPETUAL", "BTC", PayoffForm.INVERSE),
    ]
    given = market(rows, [10_000.0] * 3, {"BTC": 10_000.0})
    universe = build_universe(given, np.arange(3), lambda i: i.underlying)
    decay = dict(zip(universe.instruments.id.tolist(), blocks.settlement_decay(universe, WINDOW).tolist(), strict=True))
    assert decay == {"BTC-SOON": 0.5, "BTC-LATER": 1.0, "BTC-PERPETUAL": 1.0}


def summaries(shared: Path) -> dict[str, dict[str, Any]]:
    """The account summaries of a small real account under X:PM, by currency."""
    file = shared / "data" / "raw" / "deribit" / "get_account_summaries_cross_pm_2026-02-15.json"
    listed = json.loads(file.read_text())["response"]["result"]["summaries"]
    return {s["currency"]: s for s in listed}


def test_a_real_account_under_cross_portfolio_margin(shared: Path) -> None:
    """The summaries show no positions, but what they do show says which: long 1 USD of the inverse perpetual of ETH,
    short 0.001 ETH of the linear one, and 3.48e-05 BTC. Every number is checked to the digits it is shown with.
    """
    shown = summaries(shared)
    btc, eth, usdc = (shown[c] for c in ("BTC", "ETH", "USDC"))
    inverse_coins, linear_coins = eth["delta_total_map"]["eth_usd"], usdc["delta_total_map"]["eth_usdc"]
    inverse_mark = 1.0 / inverse_coins
    linear_mark = usdc["delta_total"] / linear_coins
    assert round(inverse_mark) == 1957 and linear_mark == pytest.approx(1958.33)
    total = btc["total_maintenance_margin_usd"]
    # one USD amount is shown in every coin at its index: margin balance has the most digits
    index = {c: s["total_margin_balance_usd"] / s["margin_balance"] for c, s in (("BTC", btc), ("ETH", eth))}
    assert index["BTC"] == pytest.approx(68_597.0, abs=10.0)
    index = {"BTC": 68_597.0, "ETH": inverse_mark}
    rows = [
        contract("ETH-PERPETUAL", "ETH", PayoffForm.INVERSE),
        contract("ETH_USDC-PERPETUAL", "ETH", PayoffForm.LINEAR),
    ]
    given = market(rows, [inverse_mark, linear_mark], index)
    positions = held(
        {"ETH-PERPETUAL": 1.0, "ETH_USDC-PERPETUAL": linear_coins},
        ETH_PERPETUAL=eth["session_upl"],
        ETH_USDC_PERPETUAL=usdc["session_upl"],
    )
    wallet = {"BTC": btc["balance"], "ETH": eth["balance"], "USDC": usdc["balance"]}
    answer = answered(positions, given, "deribit-xpm@2026-02-15", **wallet)
    parts = answer.tape.requirement.parts
    units = answer.tape.book.universe.classes.labels["unit"]
    worst = dict(zip(units, (-parts["worst"].numbers()[:, 0]).tolist(), strict=True))
    roll = -float(parts["roll"].net("account"))
    # balances are shown to eight (BTC) and six (ETH) decimals: what their last digit hides bounds the error
    assert worst["BTC"] == pytest.approx(0.38193, abs=0.5e-8 * index["BTC"] * 0.16 + 1e-5)
    assert worst["ETH"] == pytest.approx(0.17293, abs=1.5e-6 * index["ETH"] * 0.18 + 1e-5)
    assert worst["USDC"] == 0.0
    # perpetuals of the two settlements are buckets of their own: gross at the least move
    assert roll == pytest.approx(0.005 * (inverse_coins - linear_coins) * index["ETH"], rel=1e-9)
    assert roll == pytest.approx(0.014792, abs=1e-5)
    assert float(parts["delta"].net("account")) == 0.0
    # and the digits add up to what the venue asks
    in_digits = 0.8 * (0.38193 + 0.17293 + 0.014792)
    assert in_digits == pytest.approx(total, abs=1e-6)
    assert answer.maintenance == pytest.approx(total, rel=2e-3)
    assert answer.maintenance == pytest.approx(0.8 * (sum(worst.values()) + roll), rel=1e-12)
    assert answer.equity == pytest.approx(btc["total_equity_usd"], rel=2e-3)
    assert answer.currency == "USD"


def test_the_real_account_shows_one_margin_in_every_coin(shared: Path) -> None:
    """What stands behind the reading of the account above: margins are one USD total, converted at each index."""
    crossed = [s for s in summaries(shared).values() if s["margin_model"] == "cross_pm"]
    assert len({s["total_maintenance_margin_usd"] for s in crossed}) == 1
    for s in crossed:
        ratio = s["total_initial_margin_usd"] / s["total_maintenance_margin_usd"]
        assert s["initial_margin"] / s["maintenance_margin"] == pytest.approx(ratio, rel=8e-3)
