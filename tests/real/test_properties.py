"""On a real chain: hedges help, what-ifs are full re-margins, and one account's trouble is not another's."""

import math

import numpy as np
import pytest

import loadline as ll
from loadline.engine.prepared import Prepared
from loadline.foundation.errors import Reason
from tools.crash_replay import RULES
from tools.real_books import CAPITAL, MAKER, Chain

XPM = "deribit-xpm"


@pytest.fixture(scope="module")
def chain(crash):
    return Chain.of(crash.market)


def initial(crash, account, rule, trades):
    """What an account is asked for before and after trades, in USD."""
    found = ll.what_if(crash.book, crash.market, rule, trades, account=account)
    return tuple(sum(getattr(w, when).initial * getattr(w, when).usd for w in found) for when in ("before", "after"))


def held_by(crash, account):
    """Instrument -> quantity of one account."""
    p = crash.book.only([account]).positions
    return dict(zip(p.instrument.tolist(), p.quantity.tolist(), strict=True))


def test_selling_the_perpetual_against_a_long_lowers_cross_margin(crash):
    before, after = initial(crash, "perp-long", XPM, {"BTC_USDC-PERPETUAL": -20.0})
    assert after < 0.8 * before


def test_buying_wings_lowers_what_a_strangle_asks(crash, chain):
    """A long option further out for each short one caps the loss: under every rule that nets."""
    wings = {}
    for name, quantity in held_by(crash, "strangle").items():
        contract = crash.market.instruments[name]
        further = [
            n
            for n in chain.options(contract["underlying"])
            if crash.market.instruments[n]["expiry"] == contract["expiry"]
            and crash.market.instruments[n]["right"] == contract["right"]
            and (crash.market.instruments[n]["strike"] - contract["strike"]) * contract["right"] > 0
        ]
        nearest = min(further, key=lambda n: abs(crash.market.instruments[n]["strike"] - contract["strike"]))
        wings[nearest] = wings.get(nearest, 0.0) - quantity
    for rule in ("tail", "derive", "derive-v1", "deribit-spm", XPM):
        before, after = initial(crash, "strangle", rule, wings)
        assert after < before, rule
    before, after = initial(crash, "strangle", "isolated", wings)
    assert after == before  # isolated asks nothing for what is bought, and gives nothing for it


def test_selling_the_delta_of_coins_and_options_lowers_cross_margin(crash, chain):
    delta = sum(q * chain.delta[n] for n, q in held_by(crash, "strangle").items() if n.startswith("BTC"))
    delta += CAPITAL["strangle"]["BTC"]  # the coins in the wallet are a position under X:PM
    before, after = initial(crash, "strangle", XPM, {"BTC_USDC-PERPETUAL": -0.5 * delta})
    assert after < before


@pytest.mark.parametrize("rule", RULES)
def test_what_if_is_a_full_margin_of_the_book_after(crash, chain, rule):
    """Trades in what is held and in what is not, priced at mark and paid from the wallet."""
    market, book = crash.market, crash.book.only([MAKER])
    held = book.positions.instrument.tolist()
    new = next(n for n in chain.options("ETH") if n not in held)
    old = next(n for n in held if n in chain.options("BTC"))
    trades = {new: 12.0, old: -1.5, "BTC-PERPETUAL": 20_000.0}
    paid = {"BTC": -1.5 * chain_mark(market, old), "ETH": 12.0 * chain_mark(market, new)}
    b = book.balances
    quantity = held_by(crash, MAKER)
    after = ll.Portfolio(
        ll.Positions.from_rows(
            {"account": MAKER, "instrument": n, "quantity": quantity.get(n, 0.0) + trades.get(n, 0.0),
             "unsettled": 0.0, "entry": math.nan}
            for n in dict.fromkeys([*held, *trades])
        ),
        ll.Balances.from_rows(
            {"account": MAKER, "currency": c, "amount": amount - paid.get(c, 0.0)}
            for c, amount in zip(b.currency.tolist(), b.amount.tolist(), strict=True)
        ),
    )  # fmt: skip
    expected = ll.margins(after, market, rule)
    found = ll.what_if(crash.book, market, rule, trades, account=MAKER)
    assert len(found) == len(expected)
    for w, full in zip(found, expected, strict=True):
        for what in ("equity", "initial", "maintenance"):
            assert getattr(w.after, what) == pytest.approx(getattr(full, what), rel=1e-11, abs=1e-7), what
    before = [a for a in crash.answers[rule] if a.account == MAKER]
    assert [w.before.initial for w in found] == [a.initial for a in before]
    # trades at mark move no equity, where equity counts options at mark
    if not rule.startswith("derive"):
        equity = [sum(getattr(w, when).equity * w.after.usd for w in found) for when in ("before", "after")]
        assert equity[1] == pytest.approx(equity[0], rel=1e-12)


def chain_mark(market, name):
    return float(market.quotes.mark[market.instruments.index[name]])


@pytest.mark.parametrize("rule", ["isolated", "static", "tail", "derive", "derive-v1", XPM])
def test_a_prepared_account_answers_trades_to_the_last_bit(crash, chain, rule):
    book, market = crash.book.only([MAKER]), crash.market
    held = list(held_by(crash, MAKER))
    new = next(n for n in chain.options("BTC") if n not in held)
    prepared = Prepared(book, market, rule, candidates=[new])
    for trades in ({}, {new: -2.0}, {held[7]: 3.0, new: 1.5, "BTC-PERPETUAL": 50_000.0}):
        quick, [full] = prepared.after(trades), ll.what_if(book, market, rule, trades)
        for what in ("equity", "initial", "maintenance"):
            assert getattr(quick, what) == getattr(full.after, what), (trades, what)


def test_a_long_option_is_asked_for_what_it_is_worth_at_most(crash):
    """One account per option (every sixth of the chain), long one contract: it can lose its mark and no more.

    Exactly so where a rule looks at the mark: X:PM read from the mark and without option deltas in the roll shock. Its
    stated reading counts them and asks more of some; so do the tail, a little, which measures from the model's price,
    and Derive, whose skew scenarios count gains as losses.
    """
    i, q = crash.market.instruments, crash.market.quotes
    worth = {n: q.mark[k] * crash.market.index[n[:3]] for n, k in i.index.items() if i.right[k] and q.mark[k] > 0}
    book = ll.Portfolio(
        ll.Positions.from_rows(
            {"account": n, "instrument": n, "quantity": 1.0, "unsettled": 0.0, "entry": math.nan}
            for n, usd in list(worth.items())[::6]
            if usd > 20
        )
    )
    assert len(book.positions) > 200
    reading = {"deribit.reading.roll_options": "none", "deribit.reading.base": "mark"}
    for rule, overrides, most in ((XPM, reading, 1 + 1e-9), ("tail", {}, 1.05)):
        for a in ll.margins(book, crash.market, rule, overrides=overrides):
            assert 0 <= a.initial <= most * a.equity + 1e-8, (rule, a.account)
    assert {a.initial for a in ll.margins(book, crash.market, "isolated")} == {0.0}


@pytest.mark.parametrize("rule", RULES)
def test_accounts_that_cannot_be_answered_leave_the_others_alone(crash, rule):
    bad = {
        "expired": ("BTC-30JAN26-90000-C", 1.0, Reason.UNKNOWN_INSTRUMENT),
        "unknown": ("BTC-27MAR26-123456-C", 1.0, Reason.UNKNOWN_INSTRUMENT),
        "nameless": ("DOGE-PERPETUAL", 1.0, Reason.UNKNOWN_INSTRUMENT),
        "nan": ("BTC-PERPETUAL", math.nan, Reason.INVALID_VALUE),
    }
    p = crash.book.positions
    rows = [
        {"account": account, "instrument": name, "quantity": quantity, "unsettled": 0.0, "entry": math.nan}
        for account, (name, quantity, _) in bad.items()
    ]
    found = ll.margins(
        ll.Portfolio(ll.Positions.concat([ll.Positions.from_rows(rows), p]), crash.book.balances), crash.market, rule
    )
    gaps = {a.account: a for a in found if isinstance(a, ll.Unavailable)}
    assert {account: gap.reason for account, gap in gaps.items()} == {a: reason for a, (_, _, reason) in bad.items()}
    assert all(gap.remedy and gap.missing for gap in gaps.values())
    good = [a for a in found if isinstance(a, ll.MarginResult)]
    assert [(a.account, a.initial, a.maintenance) for a in good] == [
        (a.account, a.initial, a.maintenance) for a in crash.answers[rule]
    ]


def test_contracts_past_their_expiry_are_said_to_be(crash):
    """The same chain, looked at after its first expiry without settling what expired."""
    expiry = int(crash.market.instruments.expiry.min())
    gaps = [a for a in ll.margins(crash.book, crash.market.replace(as_of=expiry), XPM) if isinstance(a, ll.Unavailable)]
    assert {a.account: a.reason for a in gaps} == {MAKER: Reason.EXPIRED}
    gone = {n for n in held_by(crash, MAKER) if crash.market.instruments[n]["expiry"] == expiry}
    assert {what.split()[0] for what in gaps[0].missing} == gone


@pytest.mark.parametrize("rule", RULES)
def test_a_book_twice_the_size_asks_twice_as_much_where_nothing_is_fixed(crash, rule):
    """Dampeners, offsets and ramps are amounts of money: with them a larger book may be asked for more."""
    p, b = crash.book.positions, crash.book.balances
    double = ll.Portfolio(p.replace(quantity=2 * p.quantity), b.replace(amount=2 * b.amount))
    for one, two in zip(crash.answers[rule], ll.margins(double, crash.market, rule), strict=True):
        if rule in ("static", "tail", "derive", "derive-v1", "derive-srm"):
            assert two.initial == pytest.approx(2 * one.initial, rel=1e-12, abs=1e-9)
        else:
            assert two.initial >= 2 * one.initial * (1 - 1e-9) - 1e-8


@pytest.mark.parametrize("rule", ["derive", "deribit-xpm", "tail"])
def test_the_gradient_is_the_slope_of_the_requirement(crash, rule):
    """Per contract, against a small trade either way, wherever the two sides agree (away from kinks)."""
    [answer] = ll.margins(crash.book.only([MAKER]), crash.market, rule)
    shares = [s for s in answer.attribution() if s.quantity and s.label in crash.market.instruments]
    checked = 0
    for share in [shares[i] for i in np.linspace(0, len(shares) - 1, 8).astype(int)]:
        step = 1e-4 * abs(share.quantity)
        sides = [bumped(crash, rule, share.label, sign * step) for sign in (1, -1)]
        up, down = (sides[0] - answer.initial) / step, (answer.initial - sides[1]) / step
        if abs(up - down) <= 1e-3 * max(abs(up), 1e-6):
            checked += 1
            assert share.gradient == pytest.approx(0.5 * (up + down), rel=5e-3, abs=1e-6), share.label
    assert checked >= 4


def bumped(crash, rule, name, change):
    """The requirement after more of one contract, nothing paid."""
    book = crash.book.only([MAKER])
    p = book.positions
    moved = p.replace(quantity=p.quantity + np.where(p.instrument == name, change, 0.0))
    [answer] = ll.margins(ll.Portfolio(moved, book.balances), crash.market, rule)
    return answer.initial
