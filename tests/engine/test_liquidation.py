"""Distance to liquidation and the liquidation price: against closed forms, and honest where there is none."""

import json
import math

import numpy as np
import pytest

from loadline.engine.engine import choose_rulebook
from loadline.engine.liquidation import Reach, distances, edge, liquidation_price, nearest_first, reach
from loadline.engine.surface import Surface, surface, wallets
from tests.engine.books import IDS, INDEX, MARKET, USDC, book

BTC = INDEX["BTC"]
FLAT = choose_rulebook(  # isolated margin whose rates do not rise with size: liquidation prices in closed form
    "isolated",
    MARKET.as_of,
    {f"isolated.{kind}.ramp.{u}": 0.0 for kind in ("linear", "inverse") for u in ("BTC", "ETH")},
)
RATE = 0.01  # its maintenance rate for BTC


def price(name: str) -> float:
    return float(MARKET.quotes.forward[IDS.index(name)])


@pytest.mark.parametrize(("coins", "cash"), [(2.0, 20_000.0), (0.5, 30_000.0), (-2.0, 20_000.0), (-7.5, 200_000.0)])
def test_linear_perpetual_has_the_textbook_price(coins: float, cash: float) -> None:
    """W u + q (P - F) u = |q| m S P / F, with u the price of USDC and S the index that the rate is of."""
    name = "BTC_USDC-PERPETUAL"
    (found,) = liquidation_price(book({("a", name): coins}, {("a", "USDC"): cash}), MARKET, FLAT, "a")
    forward, size = price(name), abs(coins)
    expected = (cash * USDC - coins * forward * USDC) / (size * RATE * BTC / forward - coins * USDC)
    assert found.price == pytest.approx(expected, rel=1e-8)
    assert found.move == pytest.approx(expected / forward - 1, abs=1e-8) and found.instrument == name
    assert (found.move < 0) == (coins > 0)


@pytest.mark.parametrize(("usd", "coins"), [(100_000.0, 0.4), (1_000_000.0, 2.0)])
def test_long_inverse_perpetual_has_the_textbook_price(usd: float, coins: float) -> None:
    """(B + q/F - q/P) S' = m (q/P) S', so P = q (1 + m) / (B + q/F)."""
    name = "BTC-PERPETUAL"
    (found,) = liquidation_price(book({("a", name): usd}, {("a", "BTC"): coins}), MARKET, FLAT, "a")
    assert found.price == pytest.approx(usd * (1 + RATE) / (coins + usd / price(name)), rel=1e-8)


def test_hedged_coins_have_no_liquidation_price() -> None:
    """A short of fewer dollars than the wallet's coins are worth survives any price."""
    (found,) = liquidation_price(book({("a", "BTC-PERPETUAL"): -50_000.0}, {("a", "BTC"): 1.0}), MARKET, FLAT, "a")
    assert (found.price, found.note) == (None, "no price liquidates it")


def test_a_pair_of_futures_gives_an_index_price() -> None:
    held = {("a", "BTC-PERPETUAL"): 300_000.0, ("a", "BTC-116D"): -100_000.0}
    (found,) = liquidation_price(book(held, {("a", "BTC"): 1.0}), MARKET, FLAT, "a")
    assert found.instrument == "" and found.price == pytest.approx(BTC * (1 + (found.move or 0.0)))
    (down, *_) = distances(book(held, {("a", "BTC"): 1.0}), MARKET, FLAT, "a")
    assert down.down.move == pytest.approx(found.move, abs=1e-7)


@pytest.mark.parametrize(
    ("positions", "cash", "note"),
    [
        ({}, {"USDC": 1.0}, "no position"),
        ({"BTC-PERPETUAL": 10.0}, {"ETH": 1.0}, "several underlyings: BTC, ETH"),
        ({"BTC-PERPETUAL": 10.0, "ETH-PERPETUAL": 10.0}, {"USDC": 1.0}, "several underlyings: BTC, ETH"),
        ({"BTC-11D-85000-C": -1.0}, {"USDC": 1e6}, "not a book of futures and perpetuals alone"),
        ({"BTC-PERPETUAL": 1e6}, {"USDC": 1.0}, "below maintenance already"),
        ({"BTC-NEVER": 1.0}, {"USDC": 1.0}, "BTC-NEVER is not in the market"),
    ],
)
def test_where_there_is_no_single_price_the_reason_is_said(
    positions: dict[str, float], cash: dict[str, float], note: str
) -> None:
    held = book({("a", k): v for k, v in positions.items()}, {("a", k): v for k, v in cash.items()})
    (found,) = liquidation_price(held, MARKET, FLAT, "a")
    assert (found.price, found.move, found.note) == (None, None, note)


SHORT = book(
    {("a", "BTC-11D-100000-C"): -6.0, ("a", "BTC-11D-70000-P"): -6.0, ("a", "ETH-11D-3600-C"): -40.0},
    {("a", "USDC"): 260_000.0},
)


@pytest.mark.parametrize("name", [pytest.param("derive", marks=pytest.mark.slow), "deribit-xpm", "isolated"])
def test_distances_are_the_first_crossings(name: str) -> None:
    found = distances(SHORT, MARKET, name, "a")
    assert [(d.along, d.underlying) for d in found] == [
        ("spot", ""), ("spot", "BTC"), ("spot", "ETH"), ("vol", ""), ("vol", "BTC"), ("vol", "ETH"),
    ]  # fmt: skip
    (wallet,) = wallets(SHORT, MARKET, name, "a")
    for d in found[:2]:
        asked = wallet.moving([d.underlying] if d.underlying else None)
        for side in (d.up, d.down):
            if side.move is None:
                continue
            inside = np.linspace(0.0, side.move, 8)[:-1]
            assert all(asked.maintenance_excess(float(x), 0.0) >= 0.0 for x in inside)
            assert asked.maintenance_excess(side.move, 0.0) < 0.0
            assert asked.maintenance_excess(side.move * (1 - 1e-6), 0.0) >= 0.0
    both, alone = abs(found[0].nearest or math.inf), [abs(d.nearest or math.inf) for d in found[1:3]]
    assert both <= min(alone) + 1e-9  # this book loses on both coins in the same direction
    assert nearest_first(found)[0].nearest is not None
    json.dumps([d.as_json() for d in found], allow_nan=False)
    btc = found[1].as_json()["up"]
    assert btc["price"] is None or btc["price"] == pytest.approx(BTC * (1 + btc["move"]))


def test_a_wallet_that_nothing_moves_has_no_distance() -> None:
    assert distances(book({}, {("a", "USDC"): 5.0}), MARKET, "derive", "a") == []
    found = distances(SHORT, MARKET, "deribit-spm", "a")
    assert [(d.currency, d.along, d.underlying) for d in found] == [
        ("BTC", "spot", "BTC"),
        ("BTC", "vol", "BTC"),
        ("ETH", "spot", "ETH"),
        ("ETH", "vol", "ETH"),
    ]


def test_reach_says_what_it_found() -> None:
    assert reach(lambda x: -1.0, 1.0) == Reach(0.0, "below maintenance already")
    assert reach(lambda x: 1.0, -0.9) == Reach(None, "none found up to -90 %")
    assert reach(lambda x: math.nan if x > 0.5 else 1.0, 2.0).note.startswith("no answer beyond +4")
    assert reach(lambda x: math.nan, 2.0).note == "no answer beyond +0.0 %"
    found = reach(lambda x: 0.7 - abs(x), 2.0)
    assert found.move == pytest.approx(0.7, abs=2e-9) and found.move >= 0.7
    assert reach(lambda x: 0.0, 2.0).move is None  # a requirement may be met exactly


def drawn(z: list[list[float]]) -> Surface:
    """A surface whose maintenance excess is ``z`` on moves 0, 1, 2, ..."""
    excess = np.array(z)
    zero = np.zeros(excess.shape)
    rows, columns = (np.arange(n, dtype=float) for n in excess.shape)
    words = np.full(excess.shape, "ok")
    return Surface("a", "r", "v", "USD", 0, rows, columns, zero, zero, excess, zero, zero, words)


def test_edge_runs_between_safe_and_liquidated_cells() -> None:
    (segment,) = edge(drawn([[1.0, 1.0], [-1.0, -3.0]]))
    assert sorted(segment) == [(0.25, 1.0), (0.5, 0.0)]
    assert edge(drawn([[1.0, 1.0], [1.0, 1.0]])) == [] == edge(drawn([[-1.0, -1.0], [-1.0, -1.0]]))
    assert edge(drawn([[1.0, math.nan], [-1.0, -3.0]])) == []


@pytest.mark.parametrize("saddle", [[[3.0, -1.0], [-1.0, 3.0]], [[1.0, -3.0], [-3.0, 1.0]]])
def test_edge_cuts_off_the_corners_that_the_middle_does_not_belong_with(saddle: list[list[float]]) -> None:
    segments = edge(drawn(saddle))
    middle_safe = sum(map(sum, saddle)) >= 0
    assert len(segments) == 2
    for a, b in segments:
        corner = saddle[round((a[0] + b[0]) / 2)][round((a[1] + b[1]) / 2)]
        assert (corner < 0) == middle_safe


def test_edge_agrees_with_distance() -> None:
    found = surface(SHORT, MARKET, "isolated", "a", tuple(np.linspace(-0.45, 0.45, 37)), (-0.05, 0.0, 0.05))
    crossings = [p[0] for segment in edge(found) for p in segment if abs(p[1]) < 1e-12]
    (whole, *_) = distances(SHORT, MARKET, "isolated", "a")
    for side in (whole.up, whole.down):
        assert side.move is not None
        assert min(abs(x - side.move) for x in crossings) < 0.01
    assert found.region.any() and not found.region.all()
