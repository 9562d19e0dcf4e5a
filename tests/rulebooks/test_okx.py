"""OKX: the examples that the venue published, the aggregation as its notice reads, and what an account cannot gain."""

import math
from typing import Any

import pytest

from loadline.engine.cases.case import Sketch
from loadline.engine.engine import choose_rulebook, evaluate, margin
from loadline.engine.result import MarginResult
from loadline.engine.verify import verify_file
from loadline.foundation.errors import RuleError
from loadline.foundation.units import parse_time
from loadline.model.instruments import Kind, PayoffForm
from loadline.rulebooks.rulebook import load

DATES = ("2024-06-15", "2024-12-31", "2025-01-08", "2025-02-01")
OLD, MERGED, CUT, NOW = (parse_time(d) for d in DATES)
FX = {"USDT": 1.0, "USDC": 1.0}


class Account:
    """Contracts of one coin at one price, as OKX sizes them."""

    def __init__(self, price: float, at: int = NOW, coin: str = "BTC") -> None:
        self.price, self.coin, self.sketch = price, coin, Sketch(coin, at)

    def swap(self, settle: str, contracts: float, multiplier: float, **more: float) -> "Account":
        inverse = settle == self.coin
        form = PayoffForm.INVERSE if inverse else PayoffForm.LINEAR
        name = f"{self.coin}-{'USD' if inverse else settle}-SWAP"
        quote = {"forward": self.price} | more
        self.sketch.add(name, contracts, kind=Kind.PERPETUAL, form=form, settle=settle, **quote)
        self.sketch.rows[-1] |= {"multiplier": multiplier, "quote": "USD" if inverse else settle}
        return self

    def option(self, strike: float, right: int, contracts: float, days: float, vol: float = 0.5) -> "Account":
        what: dict[str, Any] = {"kind": Kind.OPTION, "form": PayoffForm.COIN_OPTION, "settle": self.coin}
        quote = {"forward": self.price, "vol": vol, "mark": 0.03}
        name = f"{self.coin}-{strike:g}-{right}-{days:g}"
        self.sketch.add(name, contracts, seconds=days * 86_400, strike=strike, right=right, **what, **quote)
        self.sketch.rows[-1]["multiplier"] = 0.01
        return self

    def wallet(self, currency: str, amount: float) -> "Account":
        price = self.price if currency == self.coin else 1.0
        spot: dict[str, Any] = {"kind": Kind.SPOT, "form": PayoffForm.SPOT, "settle": "USD", "forward": price}
        self.sketch.add(currency, amount, underlying=currency, **spot)
        return self

    def tape(self, **overrides: Any) -> Any:
        chosen = choose_rulebook("okx", self.sketch.as_of, {f"okx.{k}": v for k, v in overrides.items()})
        market = self.sketch.market({self.coin: self.price} | FX, FX)
        return evaluate(chosen, self.sketch.portfolio(), market, ["case"])

    def parts(self, **overrides: Any) -> dict[str, float]:
        req = self.tape(**overrides).requirement
        terms = {n: t if t.level == "account" else t.net("account") for n, t in req.parts.items() if t.axis is None}
        found = {name: -float(term) for name, term in terms.items()}
        return found | {"initial": -float(req.initial), "maintenance": -float(req.maintenance)}


def test_the_position_builders_response_is_reproduced(shared: Any) -> None:
    report = verify_file(shared / "data/raw/okx_docs/position_builder_btc_unit.json")
    (replay,) = report.replays
    assert len(replay.checks) == 34
    assert report.ok and max(c.error for c in replay.checks) < 1e-12


def test_the_notice_of_june_2024() -> None:
    """10 BTC, short 1,000 contracts of 0.01 at 67,111: MR4 8,053.32 is all that counts; MR7 about 3,020."""
    got = Account(67_111.0, OLD).swap("USDT", -1000, 0.01).wallet("BTC", 10.0).parts()
    assert got["mr1"] == pytest.approx(0.0, abs=1e-9) and got["mr6"] == pytest.approx(0.0, abs=1e-9)
    assert round(got["mr4"], 2) == 8_053.32
    assert got["mr7"] == pytest.approx(3_020.17, rel=1e-4)
    assert round(got["units"], 2) == 8_053.32


def test_the_minimum_charge_is_tiered_as_the_notice_reckons() -> None:
    """Stresses of 40,000 and a minimum charge of 30,000: 10,000 x 1 + 20,000 x 2 = 50,000 is asked."""
    size = 40_000.0 / 0.15
    account = Account(100_000.0, OLD).swap("USDT", size / 1e5 / 0.01, 0.01)
    changes = {"basis.least": 0.0, "minimum.future": 30_000.0 / size}
    got = account.parts(**changes)
    assert got["mr1"] == pytest.approx(40_000.0) and got["mr7"] == pytest.approx(30_000.0)
    assert got["minimum"] == pytest.approx(50_000.0) and got["units"] == pytest.approx(50_000.0)
    later = Account(100_000.0, NOW).swap("USDT", size / 1e5 / 0.01, 0.01).parts(**changes)
    assert later["minimum"] == pytest.approx(30_000.0)  # all of it in the first tier since 2025-01-15


@pytest.mark.parametrize("legs", [("USDT", "USDC"), ("USDT", "BTC"), ("BTC", "USDC")])
def test_a_hedge_between_stablecoins_costs_what_the_notice_says(legs: tuple[str, str]) -> None:
    """A hedge of 10 million: 1 M x 0.75 % + 4 M x 1.75 % + 5 M x 2.5 % = 202,500."""
    account = Account(100_000.0)
    for settle, sign in zip(legs, (1.0, -1.0), strict=True):
        contracts = sign * (100_000.0 if settle == "BTC" else 10_000.0)  # of 100 USD, of 0.01 BTC
        account.swap(settle, contracts, 100.0 if settle == "BTC" else 0.01)
    got = account.parts()
    assert got["mr9"] == pytest.approx(202_500.0, rel=1e-12)
    assert got["mr1"] == pytest.approx(0.0, abs=1e-3)  # one risk unit
    assert account.parts(**{"depeg.broken_price": 1.0})["mr9"] == pytest.approx(0.4 * 10e6)


def test_hedges_are_taken_in_the_venues_order() -> None:
    """Long 3 M in USDT against short 1 M in USD and short 4 M in USDC: 1 M, then 2 M, and the rest is none."""
    account = Account(100_000.0).swap("USDT", 3_000.0, 0.01).swap("BTC", -10_000.0, 100.0).swap("USDC", -4_000.0, 0.01)
    rates = {"depeg.bounds": [1e6, 5e6], "depeg.rates": [0.01, 0.02, 0.03]}
    assert account.parts(**rates)["mr9"] == pytest.approx(1e6 * 0.01 + (1e6 * 0.01 + 1e6 * 0.02))


def test_before_the_merge_each_settlement_stands_alone() -> None:
    hedged = {at: Account(100_000.0, at).swap("USDT", 100, 0.01).swap("BTC", -1000, 100.0) for at in (OLD, MERGED)}
    assert hedged[OLD].parts()["mr1"] == pytest.approx(2 * 15_000.0)
    assert hedged[MERGED].parts()["mr1"] == pytest.approx(0.0, abs=1e-6)
    assert hedged[OLD].parts()["mr9"] == 0.0 < hedged[MERGED].parts()["mr9"]


@pytest.mark.parametrize(
    ("coin", "at", "spot", "extreme", "annual"),
    [
        ("BTC", MERGED, 0.15, 0.30, 0.075),
        ("BTC", CUT, 0.12, 0.24, 0.05),
        ("ETH", CUT, 0.12, 0.24, 0.05),
        ("XRP", MERGED, 0.20, 0.40, 0.225),
        ("XRP", CUT, 0.18, 0.36, 0.15),
        ("SOL", CUT, 0.25, 0.36, 0.30),
        ("AVAX", CUT, 0.25, 0.50, 0.30),
    ],
)
def test_january_2025(coin: str, at: int, spot: float, extreme: float, annual: float) -> None:
    got = Account(100.0, at, coin).swap("USDT", 100.0, 1.0).parts()
    assert got["mr1"] == pytest.approx(spot * 10_000.0) and got["mr6"] == pytest.approx(extreme * 10_000.0 / 2)
    version = choose_rulebook("okx", at).version
    assert version.get("basis.annual", coin) == annual


def test_spot_hedges_but_is_no_risk_of_its_own() -> None:
    account = Account(100_000.0).wallet("BTC", 3.0)
    assert account.parts()["units"] == 0.0
    hedged = Account(100_000.0).wallet("BTC", 3.0).swap("USDT", -100.0, 0.01).parts()
    assert hedged["mr1"] == pytest.approx(0.0, abs=1e-9)
    alone = Account(100_000.0).wallet("BTC", 3.0).swap("USDT", -100.0, 0.01).parts(**{"spot.in_use": 0.0})
    assert alone["mr1"] == pytest.approx(12_000.0)
    long = Account(100_000.0).wallet("BTC", 3.0).swap("USDT", 100.0, 0.01).parts()
    assert long["mr1"] == pytest.approx(12_000.0)  # spot the same way is not added


def test_every_named_stress_of_an_option_book() -> None:
    account = Account(100_000.0).option(110_000.0, 1, -500.0, 9).option(110_000.0, 1, 500.0, 100).wallet("USDT", 5e4)
    got = account.parts()
    for name in ("mr1", "mr3", "mr4", "mr5", "mr7"):
        assert got[name] > 0.0, name
    bought = Account(100_000.0).option(100_000.0, 1, 500.0, 9).parts()
    assert bought["mr2"] > 0.0 and bought["mr3"] == pytest.approx(0.0, abs=1e-9)
    joined = max(got["mr1"], got["mr2"], got["mr6"]) + got["mr3"] + got["mr4"] + got["mr5"]
    assert got["units"] == pytest.approx(max(joined, got["minimum"]) + got["mr9"], rel=1e-12)


def test_borrowing_counts_cash_and_pending_pnl_of_a_currency_together() -> None:
    account = Account(100_000.0).swap("USDT", 100.0, 0.01, unsettled=-300.0).wallet("USDT", 100.0)
    assert account.parts()["mr8"] == pytest.approx(200.0 * 0.02)
    enough = Account(100_000.0).swap("USDT", 100.0, 0.01, unsettled=-300.0).wallet("USDT", 400.0)
    assert enough.parts()["mr8"] == 0.0


def test_coins_are_discounted_by_tiers() -> None:
    got = Account(100_000.0).wallet("BTC", 30.0).parts()
    assert got["maintenance"] == pytest.approx((20 * 0.02 + 10 * 0.0225) * 100_000.0)


def test_rows_add_up_and_the_answer_says_that_it_is_a_template() -> None:
    account = Account(100_000.0).swap("USDT", -300.0, 0.01).swap("BTC", 500.0, 100.0)
    account.option(110_000.0, 1, -500.0, 9).option(90_000.0, -1, 200.0, 60).wallet("BTC", 1.0).wallet("USDT", -1e4)
    market = account.sketch.market({"BTC": 100_000.0} | FX, FX)
    answer = margin(account.sketch.portfolio(), market, "okx")
    assert isinstance(answer, MarginResult)
    assert any("template" in note for note in answer.notes)
    for side in ("initial", "maintenance"):
        rows = answer.explain(side)
        top = [r for r in rows if len(r.path) == 1]
        assert top[0].value == pytest.approx(getattr(answer, side))
        for parent in rows:
            children = [r for r in rows if r.path[:-1] == parent.path]
            if children:
                total = math.fsum(r.factor * r.value for r in children)
                assert total == pytest.approx(parent.value, rel=1e-9, abs=1e-6), parent.path


def test_tables_that_do_not_fit_are_refused() -> None:
    version = load("okx").versions[-1]
    rule = load("okx")
    for path, value in (("minimum.bounds", [1.0]), ("depeg.bounds", [5e6, 1e6]), ("collateral.bounds.BTC", [1.0, 2.0])):
        with pytest.raises(RuleError, match="must rise"):
            rule.check(version.override({path: value}))
