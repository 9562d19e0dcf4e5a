"""Named stresses: the table is sound, and what it does not know is decided by a rule that is told."""

import math
from itertools import pairwise
from typing import get_args

import pytest

from loadline.foundation.errors import InputError
from loadline.scenarios.stress import (
    STABLECOINS,
    Span,
    beta,
    by_beta,
    factor_moves,
    named,
    same_as,
    stresses,
    trial,
    worst,
)
from loadline.scenarios.synthetic import SHAPES, basis, correlation_one, depeg, every

SPANS = get_args(Span)
ASKED = ("2020-03-12", "2021-05-19", "2022-05-12", "2022-11-09", "2023-03-11", "2024-08-05", "2025-10-10", "2026-02-05")


def test_the_eight_stresses_are_there_in_order() -> None:
    assert tuple(s.name for s in stresses()) == ASKED
    assert all(a.windows["low"].start < b.windows["low"].start for a, b in pairwise(stresses()))


@pytest.mark.parametrize("stress", stresses(), ids=lambda s: s.name)
def test_facts_are_plain_and_have_sources(stress) -> None:  # type: ignore[no-untyped-def]
    for span in SPANS:
        window = stress.windows[span]
        days = (window.end - window.start) / 86_400_000
        assert days == {"day": 1, "two_days": 2}.get(span, days) and 1 <= days <= 4
        coins = [c for c in window.spot if c not in STABLECOINS]
        assert len(coins) >= 15 and "BTC" in coins and "ETH" in coins
        for told in (window.spot, window.perpetual, window.vol):
            assert all(-1.0 < f.move < 5.0 for f in told.values())
            assert all(any(w in f.source for w in ("bars", "closes", "chains", "CoinDesk")) for f in told.values())
            assert all(round(f.move, 4) == f.move or f.move < -0.99 for f in told.values()), "one rounded fraction each"
    assert stress.lead in stress.windows["low"].spot
    low, day = (stress.windows[s].spot[stress.lead].move for s in ("low", "day"))
    assert low <= min(day, 0.0)


@pytest.mark.parametrize(
    ("name", "coin", "low"),
    [
        # the marks that the data's description lists, over the close before the window
        ("2020-03-12", "BTC", 3782.13 / 7934.52 - 1),
        ("2021-05-19", "BTC", 30_000 / 42_849.78 - 1),
        ("2022-11-09", "BTC", 15_588 / 20_905.58 - 1),
        ("2025-10-10", "BTC", 102_000 / 121_662.41 - 1),
        ("2025-10-10", "USDE", 0.65 / 1.0 - 1),
        ("2023-03-11", "USDC", 0.874 / 1.0 - 1),
    ],
)
def test_known_marks_of_the_crashes(name: str, coin: str, low: float) -> None:
    assert named(name).windows["low"].spot[coin].move == pytest.approx(low, abs=2e-4)


def test_a_stress_is_found_by_a_part_of_its_title_and_refused_where_that_is_unclear() -> None:
    assert named("terra").name == "2022-05-12" and named("2025-10").name == "2025-10-10"
    with pytest.raises(InputError, match="no stress 'tulips'"):
        named("tulips")
    with pytest.raises(InputError, match="more than one stress '202'"):
        named("202")


def test_a_coin_that_was_not_listed_moves_by_the_rule_that_is_named() -> None:
    crash = named("2020-03-12")
    assert "SOL" not in crash.windows["low"].spot
    steep = beta("SOL")
    found = trial(crash, ["SOL", "BTC"])
    assert found.shift.spot["SOL"] == pytest.approx((1 - 0.5233) ** steep - 1) == by_beta(crash, "SOL")
    assert "SOL, moved by its beta" in found.notes[0]
    found = trial(crash, ["SOL"], unlisted="worst")
    assert found.shift.spot["SOL"] == worst(crash) == crash.windows["low"].spot["MATIC"].move
    found = trial(crash, ["SOL"], unlisted="still")
    assert "SOL" not in found.shift.spot and "SOL, left where it is" in found.notes[0] and not found.shift.vol


def test_a_coin_that_is_in_no_stress_moves_as_the_worst() -> None:
    found = trial(named("2026-02-05"), ["NEWCOIN"])
    assert math.isnan(beta("NEWCOIN")) and found.shift.spot["NEWCOIN"] == worst(named("2026-02-05"))
    assert "in no stress: NEWCOIN" in found.notes[0]


def test_the_coin_that_a_stress_was_about_is_not_what_others_follow() -> None:
    assert named("terra").windows["low"].spot["LUNC"].move < -0.9999 and worst(named("terra")) > -0.6
    assert named("ftx").windows["low"].spot["FTT"].move < -0.85 and worst(named("ftx")) > -0.6


@pytest.mark.parametrize("stress", stresses(), ids=lambda s: s.name)
def test_every_stress_tells_the_basis_of_some_perpetuals_and_names_those_that_it_does_not(stress) -> None:  # type: ignore[no-untyped-def]
    for span in SPANS:
        known = stress.windows[span].perpetual
        assert "ETH" in known and "XYZ" not in known
        made = trial(stress, ["ETH", "XYZ"], span=span)
        assert made.shift.perpetual == {"ETH": known["ETH"].move}
        assert "perpetuals of XYZ: basis not known, they move with spot" in made.notes


def test_the_basis_of_october_2025_is_that_of_its_five_minute_lows() -> None:
    """DOGE: 0.08385 against spot's 0.095 in the same bar; at the eve, both were alike to a tenth of a percent."""
    low = named("2025-10-10").windows["low"]
    assert low.perpetual["DOGE"].move == pytest.approx(0.08385 / 0.095 - 1, abs=1e-3)
    assert "lows of one bar" in low.perpetual["DOGE"].source
    assert abs(named("2025-10-10").windows["day"].perpetual["DOGE"].move) < 1e-3


def test_wrapped_coins_count_as_what_they_wrap_and_say_so() -> None:
    found = trial(named("2021-05-19"), ["wstETH", "WBTC", "POL"])
    assert found.shift.spot["wstETH"] == found.shift.spot.get(
        "ETH", named("2021-05-19").windows["low"].spot["ETH"].move
    )
    assert "wstETH as ETH" in " ".join(found.notes) and "POL as MATIC" in " ".join(found.notes)
    assert same_as("stETH") == "ETH"


def test_stablecoins_move_by_fact_alone() -> None:
    found = trial(named("2023-03-11"), ["BTC", "USDC", "DAI", "USD"])
    assert found.shift.spot["USDC"] == pytest.approx(-0.126, abs=1e-3) and "USD" not in found.shift.spot
    assert "DAI" not in found.shift.spot and "no fact: DAI" in " ".join(found.notes)


def test_a_vol_that_is_not_known_is_told() -> None:
    assert trial(named("ftx"), ["ETH"]).shift.vol == {"ETH": named("ftx").windows["low"].vol["BTC"].move}
    found = trial(named("2020-03-12"), ["BTC"])
    assert found.shift.vol["BTC"] == 1.0211 and "not known then" in " ".join(found.notes)
    both = trial(named("2026-02-05"), ["BTC", "ETH"])
    assert both.shift.vol == {"BTC": 0.5489, "ETH": 0.275}


def test_factor_moves_are_logs_of_prices_then_of_vols() -> None:
    found = factor_moves(trial(named("ftx"), ["BTC", "ETH"]), ["BTC", "ETH"])
    assert found.tolist() == [math.log1p(-0.2544), math.log1p(-0.2969), math.log1p(1.0211), math.log1p(1.0211)]


def test_synthetic_crashes_are_as_large_as_asked() -> None:
    names = ["BTC", "ETH", "USDC", "USDT", "USD", "EURC"]
    found = {t.name: t for t in every(names, {"USDC": 0.9998})}
    assert [*found] == [*SHAPES, "USDC depeg", "USDT depeg"]
    assert found["crash"].shift.spot == {"BTC": -0.6, "ETH": -0.6} and found["crash"].shift.vol["ETH"] == 1.5
    assert found["squeeze"].shift.spot["BTC"] == 0.6 and found["vol crush"].shift.vol["BTC"] == -0.5
    assert found["USDC depeg"].shift.spot["USDC"] == pytest.approx(0.65 / 0.9998 - 1)
    assert found["decoupled"].shift.spot == {"ETH": -0.4}
    assert found["basis up"].shift.perpetual["BTC"] == 0.05 and not found["basis up"].shift.spot
    assert basis(["BTC"], perpetual=-0.03).shift.perpetual == {"BTC": -0.03}
    assert correlation_one(["BTC", "WBTC", "ETH"]).shift.spot["ETH"] == pytest.approx(0.6 ** beta("ETH") - 1)
    assert correlation_one(["X"]).notes == ("in no stress: X, moved as BTC",)
    with pytest.raises(InputError, match="at 0 USD"):
        depeg("USDC", price=0.0)
