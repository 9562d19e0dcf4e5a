"""What books lost: checked by hand against marks, and against the change of equity that the engine tells."""

import numpy as np
import pytest

import loadline as ll
from loadline.backtest.families import FAMILIES, Size, books
from loadline.backtest.ledger import Ledger, carried
from loadline.backtest.replay import Chains
from loadline.model.positions import Balances, Portfolio, Positions


def held(rows: dict[str, float], wallet: dict[str, float] | None = None) -> Portfolio:
    blank = {"account": "a", "unsettled": 0.0, "entry": float("nan")}
    return Portfolio(
        Positions.from_rows(blank | {"instrument": n, "quantity": q} for n, q in rows.items()),
        Balances.from_rows({"account": "a", "currency": c, "amount": x} for c, x in (wallet or {}).items()),
    )


def mark(market: ll.Market, name: str) -> tuple[float, float]:
    row = market.instruments.index[name]
    return float(market.quotes.mark[row]), float(market.quotes.forward[row])


@pytest.mark.parametrize(
    ("rows", "wallet"),
    [
        ({"BTC_USDC-PERPETUAL": 2.0}, {}),
        ({"BTC-PERPETUAL": 1000.0}, {}),
        ({"BTC-27MAR26-80000-C": -1.5}, {}),
        ({}, {"ETH": 3.0}),
    ],
)
def test_each_form_by_hand(chains: Chains, rows: dict[str, float], wallet: dict[str, float]) -> None:
    a, b = (chains.market(chains.times[k]) for k in (0, 4))
    lost = carried(held(rows, wallet), a, [b]).end[0]
    if wallet:
        assert lost == pytest.approx(-3.0 * (b.price("ETH") - a.price("ETH")))
        return
    ((name, quantity),) = rows.items()
    (m0, f0), (m1, f1) = mark(a, name), mark(b, name)
    by_hand = {
        "BTC_USDC-PERPETUAL": f1 - f0,
        "BTC-PERPETUAL": (1.0 / f0 - 1.0 / f1) * b.price("BTC"),
        "BTC-27MAR26-80000-C": m1 * f1 - m0 * f0,
    }[name]
    assert lost == pytest.approx(-quantity * by_hand, rel=1e-12)


def test_losses_are_the_change_of_the_equity_that_the_engine_tells(chains: Chains) -> None:
    """Only, the engine values the coins an option is worth at the coin's price, the ledger at its forward."""
    a, b = (chains.market(chains.times[k]) for k in (0, 4))
    opened = books(a, ["perp-long", "short-strangle-monthly", "alt-collateral"], ["BTC"], Size(amount=1.0))
    lost = dict(zip(opened.portfolio.names(), carried(opened.portfolio, a, [b]).end.tolist(), strict=True))
    for account in opened.portfolio.names():
        mine = opened.portfolio.only([account])
        beside = 0.0
        for name, quantity in zip(mine.positions.instrument.tolist(), mine.positions.quantity.tolist(), strict=True):
            (m0, f0), (m1, f1) = mark(a, name), mark(b, name)
            perpetual = name.endswith("PERPETUAL")
            beside += quantity * (f1 - f0 if perpetual else m1 * (f1 - b.price("BTC")) - m0 * (f0 - a.price("BTC")))
        equity = [r.equity for m in (a, b) for r in ll.margins(mine, m, "static") if isinstance(r, ll.MarginResult)]
        assert len(equity) == 2
        assert -lost[account] == pytest.approx(equity[1] - equity[0] + beside, rel=1e-9)


def test_what_expires_pays_at_the_price_between_the_snapshots_and_stays_in_cash(chains: Chains) -> None:
    name = "BTC-4MAR26-72000-C"
    first = chains.market(chains.times[0])
    before = [chains.market(t) for t in chains.times[1:8]]
    after = [chains.market(t) for t in chains.times[8:14]]
    ledger = carried(held({name: 1.0}), first, before + after)
    expiry = int(first.instruments[name]["expiry"])
    share = (expiry - before[-1].as_of) / (after[0].as_of - before[-1].as_of)
    price = before[-1].price("BTC") + share * (after[0].price("BTC") - before[-1].price("BTC"))
    m0, f0 = mark(first, name)
    expected = -(max(price - 72_000.0, 0.0) - m0 * f0)
    assert ledger.lost[7][0] == pytest.approx(expected)
    assert ledger.lost[7][0] == ledger.lost[-1][0] and not ledger.missing
    assert ledger.worst[0] == max(x[0] for x in ledger.lost) >= ledger.end[0]


def test_a_contract_that_is_gone_is_missing_and_never_a_number(chains: Chains) -> None:
    name = "BTC-27MAR26-80000-C"
    a, b = chains.market(chains.times[0]), chains.market(chains.times[1])
    keep = b.instruments.id != name
    cut = b.replace(instruments=b.instruments.take(keep), quotes=b.quotes.take(keep))
    ledger = carried(held({name: 1.0}), a, [cut])
    assert np.isnan(ledger.end[0]) and ledger.missing == {"a": {name}}


def test_a_mark_below_the_tick_is_worth_what_its_vol_gives(chains: Chains) -> None:
    name = "BTC-4MAR26-104000-C"
    a, b = chains.market(chains.times[0]), chains.market(chains.times[1])
    assert mark(b, name)[0] == 0.0
    ledger = carried(held({name: 1.0}), a, [b])
    assert np.isfinite(ledger.end[0])


def test_time_goes_forward_only(chains: Chains) -> None:
    a = chains.market(chains.times[0])
    with pytest.raises(ll.InputError, match="forward"):
        Ledger.open(held({"BTC-PERPETUAL": 1.0}), a).step(a)


def test_every_family_is_carried(chains: Chains) -> None:
    a, b = chains.market(chains.times[0]), chains.market(chains.times[8])
    opened = books(a, list(FAMILIES), ["BTC"], Size(amount=1.0))
    ledger = carried(opened.portfolio, a, [b])
    assert np.isfinite(ledger.end).all() and len(ledger.accounts) == len(FAMILIES)
