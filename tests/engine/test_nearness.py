"""How near liquidation is for many accounts at once: as one by one, and where the venue's own trigger lies."""

import math

import pytest

from loadline.engine.engine import choose_rulebook, margins
from loadline.engine.liquidation import Distance, Reach, closed_in, distance
from loadline.engine.nearness import BELOW, EXACT, RANGES, Moved, nearness, together
from loadline.engine.offers import Offer, holding, nearby, offers, reasoned, with_distances
from loadline.engine.result import MarginResult
from loadline.engine.surface import wallets
from loadline.engine.triggers import standing
from loadline.io.sample import sample
from tests.engine.books import MARKET, book

PORTFOLIO, SAMPLE = sample()


def results(name: str, portfolio=PORTFOLIO, market=SAMPLE) -> list[MarginResult]:
    return [a for a in margins(portfolio, market, name) if isinstance(a, MarginResult)]


@pytest.mark.parametrize("name", ["static", "derive", "deribit-spm"])
def test_as_one_by_one_and_as_the_venue_says(name: str) -> None:
    """The crossing is that of ``distances``; beyond it the venue's trigger is crossed, before it it is not."""
    portfolio = PORTFOLIO.only(["strangle"])
    chosen = choose_rulebook(name, SAMPLE.as_of)
    found = nearness(Moved.of(portfolio, SAMPLE), chosen, results(name, portfolio))
    told, crossings = chosen.rule.liquidation[-1], 0
    for wallet in wallets(portfolio, SAMPLE, chosen, "strangle"):
        for one in found[wallet.account, wallet.currency]:
            alone = distance(wallet, one.along, RANGES[one.along])
            for side in ("down", "up"):
                move, expected = getattr(one, side).move, getattr(alone, side).move
                assert (move is None) == (expected is None)
                if not move:
                    continue
                assert move == pytest.approx(expected, abs=2 * EXACT)
                for at, crossed in ((move, True), (move - math.copysign(3 * EXACT, move), False)):
                    answer, *_ = wallet.at(*((at, 0.0) if one.along == "spot" else (0.0, at)))
                    assert isinstance(answer, MarginResult)
                    assert standing(answer, told, told.trigger).crossed is crossed
                    crossings += 1
    assert crossings >= 6


def test_below_already_and_without_options() -> None:
    name = "BTC_USDC-PERPETUAL"
    held = book({("low", name): 5.0, ("fine", name): 0.01}, {("low", "USDC"): 1.0, ("fine", "USDC"): 1e6})
    found = nearness(
        Moved.of(held, MARKET), choose_rulebook("isolated", MARKET.as_of), results("isolated", held, MARKET)
    )
    low, fine = found["low", "USD"], found["fine", "USD"]
    assert low[0].down == low[0].up == low[1].up == Reach(0.0, BELOW)
    assert fine[0].down.move is None and "-60 %" in fine[0].down.note
    assert fine[1].up == Reach(None, "no option")
    assert (fine[0].underlying, fine[0].index) == ("BTC", MARKET.index["BTC"])


def test_where_there_is_no_answer() -> None:
    """A rule that refuses some moved market says from where on."""
    chosen = choose_rulebook("derive", SAMPLE.as_of)
    portfolio = PORTFOLIO.only(["strangle"])
    moved = Moved.of(portfolio, SAMPLE)
    before = moved.at

    class Torn(Moved):
        def at(self, along, move):  # type: ignore[no-untyped-def]
            market, held = before(along, move)
            if move > 0.05:
                market = market.replace(index={})
            return market, held

    found = nearness(Torn(portfolio, moved.market), chosen, results("derive", portfolio))
    (pair,) = found.values()
    assert pair[0].up.move is None and "no answer beyond +0 %" in pair[0].up.note
    assert pair[0].down.move is not None


def test_the_first_wallet_that_is_liquidated_counts() -> None:
    def one(down: float | None, up: float | None) -> Distance:
        return Distance("a", "r", "BTC", "spot", "", math.nan, up=Reach(up), down=Reach(down))

    found = together([one(-0.3, None), one(-0.1, 0.5), one(None, 0.2)])
    assert found and (found.down.move, found.up.move) == (-0.1, 0.2)
    assert together([]) is None


@pytest.mark.parametrize("exact", [1e-9, 1e-3])
@pytest.mark.parametrize("at", [0.001, 0.3, 0.7313])
@pytest.mark.parametrize("shape", ["line", "curve", "jump", "kink", "gap"])
def test_closing_in_on_a_crossing(shape: str, at: float, exact: float) -> None:
    asked = []

    def spare(x: float) -> float:
        asked.append(x)
        left = at - x
        return {
            "line": 3.0 * left,
            "curve": 1e6 * (math.exp(left) - 1.0),
            "jump": 1e6 if left > 0 else -1e-3,
            "kink": left if left > 0 else 1e4 * left,
            "gap": math.nan if 0 < left < 0.01 else left,
        }[shape]

    found = closed_in(spare, (0.0, 1.0, spare(0.0), spare(1.0)), exact)
    assert 0.0 < found - at <= exact or (found == at and spare(found) < 0.0)
    assert len(asked) < 70


def test_offers_of_an_account() -> None:
    chosen = {n: choose_rulebook(n, SAMPLE.as_of) for n in ("derive", "deribit-spm", "binance")}
    two = PORTFOLIO.only(["strangle", "basis"])
    found = {n: (c, margins(two, SAMPLE, c)) for n, c in chosen.items()}
    made = offers(found)
    assert list(made) == ["basis", "strangle"]
    assert [o.rulebook for o in made["strangle"]] == ["derive", "deribit-spm"]  # binance takes no options
    assert [o.rulebook for o in made["basis"]] == ["derive", "deribit-spm", "binance"]
    moved = Moved.of(two.live(), SAMPLE)
    near = {n: nearby(moved, c, found[n][1]) for n, c in chosen.items()}
    mine = reasoned(with_distances(made["strangle"], near), "derive")
    first, second = mine
    assert first.why is None and second.why is not None
    assert second.why.change == pytest.approx(second.initial - first.initial, abs=1e-6)
    assert second.initial == pytest.approx(sum(r.initial * r.usd for r in second.results))
    assert second.spot is not None and second.spot.down.move == max(  # the wallet that goes first
        d[0].down.move or -1.0 for k, d in near["deribit-spm"].items() if k[0] == "strangle"
    )


def test_what_an_account_holds() -> None:
    held = book({("a", "BTC-PERPETUAL"): -50_000.0, ("a", "BTC_USDC-PERPETUAL"): 2.0}, {("a", "USDC"): 1.0})
    found = holding(held, MARKET, "a")
    assert found.notional == pytest.approx(50_000.0 + 2.0 * MARKET.index["BTC"])
    assert found.theta == 0.0


def test_days_of_theta() -> None:
    (result,) = results("derive", PORTFOLIO.only(["strangle"]))
    o = Offer("a", "r", "r@1", "exact", 100.0, 50.0, 40.0, result.status, (result,))
    assert (o.days(-30.0), o.days(5.0), o.excess) == (2.0, None, 50.0)
