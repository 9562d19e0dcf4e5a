"""A whole venue at once answers what ``margins`` answers, account by account, bit for bit."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from loadline.engine.bulk import Snapshot, Venue, venue
from loadline.engine.columns import Columns
from loadline.engine.engine import choose_rulebook, margins
from loadline.engine.prepared import Prepared
from loadline.engine.pretrade import PreTrade
from loadline.engine.result import MarginResult
from loadline.foundation.errors import InputError, MissingData, Reason
from loadline.foundation.table import Labels
from loadline.model.instruments import Instruments, Kind
from loadline.model.market import Quotes
from loadline.model.positions import Balances, Orders, Portfolio, Positions
from loadline.rulebooks.rulebook import SHIPPED
from loadline.tape.term import NotPlannable
from tests.engine.books import IDS, INVERSE, MARKET
from tests.rulebooks.random_books import PERPETUALS_ALONE as VENUES_OF_PERPETUALS

ALONE = "looks at what one account holds"
NOT_PLANNED = {"derive-srm": ALONE, "drift": ALONE}
"""Rulebooks that run on numbers: they read parameters off what one account holds, settlement prices at the strikes held
or weights by the amount of a coin, so that no two accounts share an expression."""
PERPETUALS = np.flatnonzero(MARKET.instruments.is_kind(Kind.PERPETUAL))
FAST = ("isolated", "derive", "deribit-xpm", "derive-srm", "dydx", "orderly", "gmx")


def accounts(seed: int, count: int, *, orders: bool = True, listed: list[str] = IDS) -> tuple[Portfolio, list[str]]:
    """Random accounts, some empty, some with wallets, unsettled pnl and open orders."""
    rng = np.random.default_rng(seed)
    names = [f"{n:03d}" for n in range(count)]
    held, cash, open_orders = [], [], []
    for name in names:
        for i in rng.choice(listed, rng.integers(0, 10)).tolist():
            size = float(rng.integers(-400, 400)) / 8 * (80 if i in INVERSE else 1)
            pending = float(rng.choice([0.0, 0.125]))
            row = {"account": name, "instrument": i, "quantity": size, "unsettled": pending, "entry": np.nan}
            held.append(row)
        for ccy in rng.choice(["BTC", "ETH", "USDC"], rng.integers(0, 4), replace=False).tolist():
            cash.append({"account": name, "currency": ccy, "amount": float(rng.integers(-40, 4000)) / 8})
        if orders and rng.random() < 0.4:
            for i in rng.choice(listed, 2).tolist():
                size, limit = float(rng.integers(-40, 40)) / 8, float(rng.integers(1, 90_000)) / 8
                open_orders.append({"account": name, "instrument": i, "quantity": size, "limit": limit})
    books = Positions.from_rows(held), Balances.from_rows(cash), Orders.from_rows(open_orders)
    return Portfolio(*books), names


def columns(book: Portfolio, names: list[str]) -> Columns:
    """The same with numbers for names."""
    number = {name: n for n, name in enumerate(names)}
    p, b, o = book.positions, book.balances, book.orders
    own = [np.array([number[a] for a in t.account.tolist()], np.int64) for t in (p, b, o)]
    wallets, orders = (own[1], b.currency, b.amount), ((own[2], o.instrument, o.quantity), o.limit)
    return Columns.of(MARKET, own[0], p.instrument, p.quantity, unsettled=p.unsettled, wallets=wallets, orders=orders)


def same(found: Venue, book: Portfolio, names: list[str], rulebook: str) -> int:
    """How many rows were compared with ``margins`` on the same instruments."""
    everything = np.unique(np.concatenate([book.positions.instrument, book.orders.instrument]))
    want = {}
    for answer in margins(book, MARKET, rulebook, also=everything):
        assert isinstance(answer, MarginResult)
        want[answer.account, answer.currency] = (answer.equity, answer.initial, answer.maintenance)
    got = zip(found.equity.tolist(), found.initial.tolist(), found.maintenance.tolist(), strict=True)
    keys = zip(found.account.tolist(), found.currency.tolist(), strict=True)
    rows = {(names[n], currency): row for (n, currency), row in zip(keys, got, strict=True)}
    assert {key: row for key, row in rows.items() if key in want} == {key: want[key] for key in want if key in rows}
    assert all(row == (0.0, 0.0, 0.0) for key, row in rows.items() if key not in want)
    return len(want)


def every_rulebook_equals_margins(rulebook: str, plans: Path, seeds: range) -> None:
    listed = [IDS[n] for n in PERPETUALS] if rulebook in VENUES_OF_PERPETUALS else IDS
    for seed in seeds:
        book, names = accounts(seed, 25, orders=seed % 2 == 0, listed=listed)
        found = venue(rulebook, MARKET, columns(book, names), len(names), workers=1 + seed % 2, cache=plans)
        assert NOT_PLANNED.get(rulebook, "") in found.reason and bool(found.reason) == (rulebook in NOT_PLANNED)
        assert same(found, book, names, rulebook) > 20 and not found.refused


@pytest.mark.parametrize("rulebook", FAST)
def test_venue_is_margins(rulebook: str, plans: Path) -> None:
    every_rulebook_equals_margins(rulebook, plans, range(3))


@pytest.mark.slow
@pytest.mark.parametrize("rulebook", SHIPPED)
def test_venue_is_margins_under_every_rulebook(rulebook: str, plans: Path) -> None:
    every_rulebook_equals_margins(rulebook, plans, range(20))


@pytest.mark.parametrize("rulebook", SHIPPED)
def test_every_rulebook_can_be_planned_or_is_listed(rulebook: str) -> None:
    chosen = choose_rulebook(rulebook, MARKET.as_of)
    listed = PERPETUALS if rulebook in VENUES_OF_PERPETUALS else np.arange(len(IDS))
    snapshot = Snapshot(chosen, MARKET, listed)
    for orders in (False, True):
        if rulebook in NOT_PLANNED:
            with pytest.raises(NotPlannable, match=NOT_PLANNED[rulebook]):
                snapshot.plan(orders=orders)
        else:
            assert "def run(" in snapshot.plan(orders=orders).text


def test_parameters_do_not_recompile() -> None:
    texts = set()
    for change in ({}, {"tail.measure.level": 0.985}, {"tail.scenarios.count": 1500}):
        chosen = choose_rulebook("tail", MARKET.as_of, change)
        texts.add(Snapshot(chosen, MARKET, np.arange(len(IDS) - 5 * bool(change))).plan().text)
    assert len(texts) == 1
    quotes = MARKET.quotes
    for market in (MARKET, MARKET.replace(quotes=quotes.replace(vol=quotes.vol * 1.1))):
        for change in ({}, {"derive.loss_factor.initial": 1.5, "derive.perpetual.maintenance": 0.25}):
            chosen = choose_rulebook("derive", market.as_of, change)
            texts.add(Snapshot(chosen, market, np.arange(len(IDS))).plan().text)
    assert len(texts) == 2


def test_weighted_scenarios_run_on_numbers() -> None:
    book, names = accounts(5, 12)
    grid = {"tail.scenarios.kind": "grid", "tail.scenarios.spot_nodes": 7, "tail.scenarios.vol_nodes": 3}
    found = venue("tail", MARKET, columns(book, names), len(names), overrides=grid)
    assert "weighted scenarios" in found.reason and np.isfinite(found.initial).all()


def test_doubtful_perpetuals_run_one_at_a_time(plans: Path) -> None:
    market = MARKET.replace(quotes=MARKET.quotes.replace(confidence=np.full(len(IDS), 0.4)))
    held = Columns.of(market, np.array([0, 1]), np.array(["BTC-PERPETUAL", "BTC_USDC-11D-85000-C"]), np.ones(2))
    found = venue("derive", market, held, 2, cache=plans)
    assert "one account holds" in found.reason and len(found) == 2


def test_accounts_that_cannot_be_answered_are_named_and_the_others_answered(plans: Path) -> None:
    quotes = MARKET.quotes
    vol = quotes.vol.copy()
    vol[MARKET.instruments.index["BTC_USDC-11D-85000-C"]] = np.nan
    market = MARKET.replace(quotes=quotes.replace(vol=vol))
    ids = np.array(["BTC_USDC-11D-85000-C", "BTC-PERPETUAL", "BTC-PERPETUAL"])
    held = Columns.of(market, np.array([0, 1, 2]), ids, np.array([1.0, 100.0, np.nan]))
    found = venue("derive", market, held, 4, cache=plans)
    assert {n: gap.reason for n, gap in found.refused.items()} == {0: Reason.MISSING_DATA, 2: Reason.INVALID_VALUE}
    assert found.refused[0].missing == ("vol of BTC_USDC-11D-85000-C",)
    assert np.isnan(found.initial[[0, 2]]).all() and found.initial[1] > 0 and found.initial[3] == 0


def test_an_underlying_without_parameters_costs_only_those_who_hold_it(plans: Path) -> None:
    i = MARKET.instruments
    unknown = i.take(MARKET.rows(np.array(["BTC_USDC-PERPETUAL"]))).replace(id=np.array(["XYZ"]), underlying=["XYZ"])
    quotes = MARKET.quotes
    market = MARKET.replace(
        instruments=Instruments.concat([i, unknown]),
        quotes=Quotes.concat([quotes, quotes.take(MARKET.rows(np.array(["BTC_USDC-PERPETUAL"])))]),
        index=dict(MARKET.index) | {"XYZ": 1.0},
    )
    held = Columns.of(market, np.array([0, 1]), np.array(["XYZ", "BTC_USDC-PERPETUAL"]), np.ones(2))
    found = venue("derive", market, held, 2, cache=plans)
    assert found.refused[0].reason == Reason.NO_PARAMETERS and list(found.refused) == [0]
    assert np.isnan(found.initial[0]) and found.initial[1] > 0 and found.reason == ""


def test_a_venue_of_perpetuals_answers_those_who_hold_nothing_else() -> None:
    held = Columns.of(
        MARKET, np.array([0, 1]), np.array(["BTC_USDC-PERPETUAL", "BTC_USDC-11D-85000-C"]), np.array([1.0, 1.0])
    )
    found = venue("dydx", MARKET, held, 2)
    assert found.initial[0] > 0 and np.isnan(found.initial[1])
    assert "perpetuals only" in found.refused[1].missing[0] and "which instruments" in found.reason


def test_numbers_names_and_labels_mean_the_same(plans: Path) -> None:
    ids = np.array(["BTC-PERPETUAL", "ETH_USDC-PERPETUAL"])
    given = (MARKET.rows(ids), ids, Labels.of(ids))
    books = [Columns.of(MARKET, np.array([0, 1]), i, np.array([100.0, 2.0])) for i in given]
    identities = {venue("isolated", MARKET, b, 2, cache=plans).identity for b in books}
    assert len(identities) == 1
    for wrong in (np.array([10_000]), np.array([-1])):
        with pytest.raises(InputError, match="not a row"):
            Columns.of(MARKET, np.array([0]), wrong, np.ones(1))
    with pytest.raises(MissingData, match="NEVER"):
        Columns.of(MARKET, np.array([0]), np.array(["NEVER"]), np.ones(1))
    with pytest.raises(InputError, match="negative"):
        Columns.of(MARKET, np.array([-1]), ids[:1], np.ones(1))
    with pytest.raises(InputError, match="by name"):
        Columns.of(
            MARKET, np.array([0]), ids[:1], np.ones(1), wallets=(np.zeros(1, np.int64), np.array([3]), np.ones(1))
        )


def test_a_venue_without_positions_needs_nothing(plans: Path) -> None:
    nothing = Columns.of(MARKET, np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0))
    found = venue("isolated", MARKET, nothing, 3, cache=plans)
    assert found.excess.tolist() == [0.0, 0.0, 0.0]


# ---- before a trade
def checks_are_prepared_answers(rulebook: str, plans: Path, seeds: Sequence[int]) -> None:
    listed = [IDS[n] for n in PERPETUALS] if rulebook in VENUES_OF_PERPETUALS else IDS
    for seed in seeds:
        book, names = accounts(seed, 1, orders=seed % 2 == 0, listed=listed)
        rows = MARKET.rows(np.array(listed))
        ready = PreTrade(columns(book, names), rulebook, rows, cache=plans)
        prepared = Prepared(book, MARKET, rulebook, listed)
        traded = np.array([1.5, -2.0] * len(listed))[: len(listed)]
        several = ready.checks(rows, traded)
        again = ready.checks(np.tile(rows, 9), np.tile(traded, 9), workers=2)
        assert np.array_equal(again, np.tile(several, (9, 1)))
        for n, name in enumerate(listed):
            want = prepared.after({name: float(traded[n])})
            assert several[n].tolist() == [want.equity, want.initial, want.maintenance], (seed, name)
        assert ready.check(int(rows[3]), 1.0) == prepared.after({listed[3]: 1.0})


@pytest.mark.parametrize(
    ("rulebook", "seeds"), [("derive", [9, 11, 6]), ("deribit-xpm", [6, 16]), ("isolated", [9, 11, 6])]
)
def test_a_check_before_a_trade_is_the_prepared_answer(rulebook: str, seeds: list[int], plans: Path) -> None:
    """Even seeds have open orders; where that is another text to compile, isolated alone runs both."""
    checks_are_prepared_answers(rulebook, plans, seeds)


@pytest.mark.slow
@pytest.mark.parametrize("rulebook", SHIPPED)
def test_a_check_is_the_prepared_answer_under_every_rulebook(rulebook: str, plans: Path) -> None:
    if rulebook in NOT_PLANNED or choose_rulebook(rulebook, MARKET.as_of).rule.segregated:
        pytest.skip("cannot be prepared")
    checks_are_prepared_answers(rulebook, plans, [*range(16, 28), 40])


def test_a_check_knows_its_limits(plans: Path) -> None:
    one = Columns.of(MARKET, np.array([0]), np.array(["BTC-PERPETUAL"]), np.ones(1))
    ready = PreTrade(one, "isolated", [], cache=plans)
    with pytest.raises(InputError, match="neither held nor a candidate"):
        ready.check(IDS.index("ETH-PERPETUAL"), 1.0)
    with pytest.raises(InputError, match="keeps wallets apart"):
        PreTrade(one, "deribit-spm", [])
    with pytest.raises(NotPlannable):
        PreTrade(one, "derive-srm", [])
    two = Columns.of(MARKET, np.array([0, 1]), np.array(["BTC-PERPETUAL"] * 2), np.ones(2))
    with pytest.raises(InputError, match="several accounts"):
        PreTrade(two, "isolated", [])
