"""A prepared account answers what running the rule again answers."""

import itertools
import math

import numpy as np
import pytest

from loadline.engine import prepared
from loadline.engine.engine import choose_rulebook, evaluate, margin, margins, what_if
from loadline.engine.prepared import Prepared, contributions
from loadline.engine.result import MarginResult, Side
from loadline.foundation.errors import InputError, MissingData, Reason, Unavailable
from loadline.io.sample import sample
from loadline.model.positions import Orders, Portfolio

RULEBOOKS = ["isolated", "static", "tail", "derive", "derive-v1", "deribit-xpm"]


def one(account: str) -> Portfolio:
    portfolio = sample()[0].only([account])
    return Portfolio(portfolio.positions, portfolio.balances)


@pytest.mark.parametrize("rulebook", RULEBOOKS)
def test_a_replay_gives_the_bits_of_the_rule(rulebook: str) -> None:
    held, market = one("calendar"), sample()[1]
    direct = margin(held, market, rulebook)
    assert isinstance(direct, MarginResult)
    now = Prepared(held, market, rulebook).now()
    assert (now.equity, now.initial, now.maintenance) == (direct.equity, direct.initial, direct.maintenance)


@pytest.mark.parametrize("rulebook", RULEBOOKS)
def test_trades_agree_with_what_if(rulebook: str) -> None:
    held, market = one("calendar"), sample()[1]
    trades = {str(held.positions.instrument[0]): -2.0, "ETH-PERPETUAL": 5_000.0}
    again = what_if(held, market, rulebook, trades)[0].after
    assert isinstance(again, MarginResult)
    after = Prepared(held, market, rulebook, list(trades)).after(trades)
    assert after.initial == pytest.approx(again.initial, rel=1e-12)
    assert after.equity == pytest.approx(again.equity, rel=1e-12)


def test_components_add_up_and_increments_are_differences() -> None:
    held, market = one("strangle"), sample()[1]
    result = margin(held, market, "tail")
    assert isinstance(result, MarginResult)
    found = contributions(held, market, result)
    assert sum(c.component for c in found) == pytest.approx(result.initial, rel=1e-9)
    first = next(c for c in found if c.position.endswith(("-C", "-P")))
    left = held.positions.take(held.positions.instrument != first.position)
    without = margin(Portfolio(left, held.balances), market, "tail")
    assert isinstance(without, MarginResult)
    assert first.incremental == pytest.approx(result.initial - without.initial, rel=1e-9, abs=1e-6)


@pytest.mark.parametrize("account", ["strangle", "maker"])
@pytest.mark.parametrize("rulebook", [*RULEBOOKS, "derive-srm", "deribit-spm", "okx", "paradex-pm"])
def test_components_add_up_to_the_requirement(rulebook: str, account: str) -> None:
    """With open orders too, whether the rule can be prepared or is run again without each position."""
    portfolio, market = sample()
    names = sorted({*portfolio.only([account]).positions.instrument.tolist()})
    some = set(names[:12])  # the large book alone would take a minute
    p = portfolio.only([account])
    held = Portfolio(
        p.positions.take(np.array([i in some for i in p.positions.instrument.tolist()])), p.balances,
        p.orders.take(np.array([i in some for i in p.orders.instrument.tolist()], np.bool_)), p.accounts,
    )  # fmt: skip
    sides: tuple[Side, ...] = ("initial", "maintenance")
    for result, side in itertools.product(margins(held, market, rulebook), sides):
        assert isinstance(result, MarginResult)
        found = contributions(held, market, result, side)
        assert math.fsum(c.component for c in found) == pytest.approx(getattr(result, side), rel=1e-9, abs=1e-7)
        for c in found:
            assert c.incremental is None or math.isfinite(c.incremental)
            assert (c.marginal is None) == (c.position == "rounding")


def test_marginal_is_the_slope_of_the_requirement() -> None:
    """Of expected shortfall, which is straight between the quantities at which scenarios change places."""
    portfolio, market = sample()
    held = portfolio.only(["basis"])
    result = margin(held, market, "tail")
    assert isinstance(result, MarginResult)
    slope = {c.position: c.marginal for c in contributions(held, market, result)}
    ready = Prepared(held, market, "tail")
    for name in ("BTC-PERPETUAL", "BTC-25DEC26"):
        step = 1e-4 * abs(float(held.positions.quantity[held.positions.instrument == name][0]))
        up, down = ready.after({name: step}), ready.after({name: -step})
        assert slope[name] == pytest.approx((up.initial - down.initial) / (2 * step), rel=1e-6)


def test_a_component_holds_the_slope_of_the_position_and_of_what_is_unsettled_on_it() -> None:
    portfolio, market = sample()
    held = portfolio.only(["basis"])
    result = margin(held, market, "tail")
    assert isinstance(result, MarginResult)
    found = {c.position: c for c in contributions(held, market, result)}
    p = held.positions
    assert p.unsettled.any()
    for name, unsettled in zip(p.instrument.tolist(), p.unsettled.tolist(), strict=True):
        c, wallet = found[name], found[str(market.instruments[name]["settle"])]
        assert c.marginal is not None and wallet.marginal is not None
        assert c.component == pytest.approx(c.quantity * c.marginal + unsettled * wallet.marginal, rel=1e-9)


def test_an_order_does_not_hide_the_slope_of_its_position() -> None:
    held, market = one("basis"), sample()[1]
    mark = float(market.quotes.mark[market.instruments.index["BTC-PERPETUAL"]])
    row = {"account": "basis", "instrument": "BTC-PERPETUAL", "quantity": 10.0, "limit": mark}
    ordered = Portfolio(held.positions, held.balances, Orders.from_rows([row]))
    slopes = []
    for book in (held, ordered):
        result = margin(book, market, "static")
        assert isinstance(result, MarginResult)
        slopes.append({s.label: s.gradient for s in result.attribution()}["BTC-PERPETUAL"])
    assert slopes[0] == slopes[1] != 0.0


def test_a_position_without_which_the_rule_has_no_answer_has_no_increment(monkeypatch: pytest.MonkeyPatch) -> None:
    held, market = one("strangle"), sample()[1]
    result = margins(held, market, "derive-srm")[0]
    assert isinstance(result, MarginResult)
    gap = Unavailable("strangle", "derive-srm", Reason.UNSUPPORTED, ("made up",), "")
    monkeypatch.setattr(prepared, "margins", lambda *_: [gap])
    assert {c.incremental for c in contributions(held, market, result)} == {None}


def test_what_cannot_be_prepared_says_so() -> None:
    held, market = one("calendar"), sample()[1]
    with pytest.raises(InputError, match="cannot be prepared"):
        Prepared(held, market, "derive-srm")
    with pytest.raises(MissingData, match="NOT-LISTED"):
        Prepared(held, market, "tail", ["NOT-LISTED"])
    with pytest.raises(MissingData, match="neither held nor a candidate"):
        Prepared(held, market, "tail").after({"ETH-2JUN26-2900-C": 1.0})


def test_open_orders_fill_the_worst_subset_in_each_cell() -> None:
    """By brute force: every subset of the orders filled, the worst cell over all subsets."""
    held, market = one("calendar"), sample()[1]
    names = ["BTC-PERPETUAL", *held.positions.instrument.tolist()[:3]]
    mark = {n: float(market.quotes.mark[market.instruments.index[n]]) for n in names}
    rows = [
        {"account": "calendar", "instrument": n, "quantity": q, "limit": mark[n] * f}
        for n, q, f in zip(names, (20_000.0, -3.0, 4.0, -1.5), (0.99, 1.05, 0.9, 1.2), strict=True)
    ]
    orders = Orders.from_rows(rows)
    book = Portfolio(held.positions, held.balances, orders)
    chosen = choose_rulebook("deribit-xpm", market.as_of)
    tape = evaluate(chosen, book, market, ["calendar"])
    initial = float(tape.requirement.initial)
    plain = evaluate(chosen, Portfolio(held.positions, held.balances), market, ["calendar"])
    added = initial - float(plain.requirement.initial)

    # the same by hand: PnL of each order in each cell, in USD, from the cube
    cube, u = tape.cube, tape.book.universe
    from loadline.rulebooks.deribit_matrix import aggregated, matrix_of, risk_vector
    from loadline.tape.term import constant

    m = matrix_of(tape.book, cube, chosen.version, cross=True)
    vector = risk_vector(tape.book, cube, chosen.version, m, cross=True)
    units = list(u.classes.labels["unit"])
    fills = np.zeros((len(rows), len(units), len(cube.scenarios)))
    for n, row in enumerate(rows):
        i = u.instruments.index[str(row["instrument"])]
        inverse = u.instruments.form[i] == 2
        price = -1.0 / row["limit"] if inverse else row["limit"]
        pnl = row["quantity"] * (cube.value[i] - u.instruments.multiplier[i] * price) * cube.fx[i] * m.weight[i]
        fills[n, units.index(str(u.instruments.underlying[i]))] = pnl
    total = 0.0
    for k in range(len(units)):
        worst = np.inf
        for subset in itertools.product((0.0, 1.0), repeat=len(rows)):
            moved = np.einsum("n,ns->s", np.array(subset), fills[:, k])
            mask = np.arange(len(units))[:, None] == k
            shift = constant(np.where(mask, moved, 0.0), "unit", cube.axis(), classes=u.classes)
            cells = aggregated(tape.book, cube, chosen.version, m, vector + shift, cross=True)
            worst = min(worst, round(min(float(cells.numbers()[k].min()), 0.0), 9))
        total += worst
    parts = tape.requirement.parts
    assert added == pytest.approx(total - float(parts["worst"].net("account")), abs=1e-6)


def test_many_accounts_at_once_equal_one_at_a_time() -> None:
    portfolio, market = sample()
    together = margins(portfolio, market, "deribit-xpm")
    alone = [margins(portfolio.only([name]), market, "deribit-xpm")[0] for name in portfolio.names()]
    for a, b in zip(together, alone, strict=True):
        assert isinstance(a, MarginResult)
        assert isinstance(b, MarginResult)
        assert (a.account, a.initial, a.maintenance, a.equity) == (b.account, b.initial, b.maintenance, b.equity)


def test_an_empty_trade_changes_nothing() -> None:
    held, market = one("calendar"), sample()[1]
    prepared = Prepared(held, market, "derive")
    assert prepared.after({}) == prepared.now()
