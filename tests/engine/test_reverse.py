"""Reverse stress: one perpetual in closed form, two factors by brute force, and shares of crashes that happened."""

import math

import numpy as np
import pytest

from loadline.engine.calibrate import calibrate
from loadline.engine.engine import Chosen, choose_rulebook
from loadline.engine.factor_covariance import given_factors, history_factors
from loadline.engine.recipe import Recipe
from loadline.engine.reverse import Factors, Seen, factor_names, reverse, scaled, share_of
from loadline.engine.stress import stress
from loadline.engine.surface import wallets
from loadline.foundation.errors import InputError
from loadline.model.history import History
from loadline.model.positions import Portfolio
from loadline.model.shift import Shift
from loadline.scenarios.stress import Trial, named, trial
from tests.engine.books import AS_OF, MARKET, USDC, book

LINEAR = "BTC_USDC-PERPETUAL"
FORWARD = float(MARKET.quotes.forward[MARKET.instruments.index[LINEAR]])
DAY = 86_400_000


def seen(held: Portfolio, rulebook: str = "isolated") -> Seen:
    (wallet,) = wallets(held, MARKET, rulebook, "a")
    return Seen(wallet)


@pytest.mark.parametrize(("size", "cash"), [(2.0, 40_000.0), (-1.0, 30_000.0), (5.0, 100_000.0)])
def test_one_perpetual_in_closed_form(size: float, cash: float) -> None:
    """Equity is gone where ``cash + size F (e^x - 1) = 0``: x over its standard deviation is the distance."""
    one = seen(book({("a", LINEAR): size}, {("a", "USDC"): cash}))
    sd = 0.05
    factors = Factors(("BTC",), (), np.array([[sd * sd]]), 2.0, "made up")
    found = reverse(one, factors, target="equity")
    move = math.log(1.0 - cash / (size * FORWARD))
    assert found.distance == pytest.approx(abs(move) / sd, rel=1e-5)
    assert float(found.moves[0]) == pytest.approx(move, rel=1e-5)
    assert -1e-3 * cash < found.excess <= 0.0 < found.excess_now == pytest.approx(cash * USDC)


def test_maintenance_in_closed_form() -> None:
    """A rate of maintenance that does not change: ``cash + N F (e^x - 1) = rate N F e^x``."""
    size, cash, sd = 1.0, 20_000.0, 0.04
    one = seen(book({("a", LINEAR): size}, {("a", "USDC"): cash}))
    here = one.left(Shift(spot={"BTC": 0.0}), "equity") - one.left(Shift(spot={"BTC": 0.0}), "maintenance")
    rate = here / (size * FORWARD * USDC)
    found = reverse(one, Factors(("BTC",), (), np.array([[sd * sd]]), 2.0, ""))
    move = math.log((size * FORWARD - cash) / (size * FORWARD * (1.0 - rate)))
    assert found.distance == pytest.approx(-move / sd, rel=2e-3)  # the rate grows a little with size
    again = reverse(one, Factors(("BTC",), (), np.array([[sd * sd]]), 2.0, ""), target="equity")
    assert again.distance > found.distance


TWO = {
    "spread": ({("a", LINEAR): 4.0, ("a", "ETH_USDC-PERPETUAL"): -100.0}, ("BTC", "ETH"), ()),
    "short strangle": ({("a", "BTC-11D-100000-C"): -8.0, ("a", "BTC-11D-70000-P"): -8.0}, ("BTC",), ("BTC",)),
}


@pytest.mark.parametrize("name", ["spread", pytest.param("short strangle", marks=pytest.mark.slow)])
def test_two_factors_by_brute_force(name: str) -> None:
    """All directions in steps of six degrees, radii in even steps, bisected, on the same revaluation."""
    held, coins, vols = TWO[name]
    one = seen(book(held, {("a", "USDC"): 300_000.0 if vols else 60_000.0}))
    between = -0.0012 if vols else 0.0016
    covariance = np.array([[0.0016, between], [between, 0.0036]])
    factors = Factors(coins, vols, covariance, 2.0, "")
    found = reverse(one, factors)
    root = factors.roots()

    def left(z: np.ndarray) -> float:
        return one.left(factors.shift(root @ z), "maintenance")

    best = math.inf
    for angle in np.radians(np.arange(0.0, 360.0, 6.0)):
        ray = np.array([math.cos(angle), math.sin(angle)])
        outside = next((r for r in np.arange(0.5, min(best + 0.5, 8.0), 0.5) if left(ray * r) < 0), None)
        if outside is not None and left(ray * min(outside, best)) < 0:  # nearer than the best so far
            low, high = outside - 0.5, min(outside, best)
            for _ in range(14):
                middle = 0.5 * (low + high)
                low, high = (low, middle) if left(ray * middle) < 0 else (middle, high)
            best = min(best, high)
    assert found.distance <= best * (1 + 1e-6) and found.distance == pytest.approx(best, rel=3e-3)
    assert found.distance == pytest.approx(factors.distance(found.moves), rel=1e-9)
    assert found.searched.at_least <= found.distance and found.revaluations > 50


def test_a_book_that_nothing_here_can_liquidate_says_how_far_was_looked() -> None:
    one = seen(book({("a", LINEAR): 0.1}, {("a", "USDC"): 1e6}))
    found = reverse(one, Factors(("BTC",), (), np.array([[0.0016]]), 2.0, ""))
    document = found.as_json()
    assert math.isinf(found.distance) and document["distance_sd"] is None and document["moves"] is None
    assert document["searched"]["radii_sd"][-1] == 20.0 and document["searched"]["at_least_sd_if_convex"] == 20.0


def test_an_account_that_is_short_already_is_at_no_distance() -> None:
    one = seen(book({("a", LINEAR): 10.0}, {("a", "USDC"): 1.0}))
    assert reverse(one, Factors(("BTC",), (), np.array([[0.0016]]), 2.0, "")).distance == 0.0


def test_what_cannot_be_asked_is_refused() -> None:
    with pytest.raises(InputError, match="no price or vol moves a"):
        reverse(seen(book({}, {("a", "USDC"): 1.0})), Factors((), (), np.empty((0, 0)), 2.0, ""))
    with pytest.raises(InputError, match="for 1 factors, or one that is none"):
        Factors(("BTC",), (), np.array([[-1.0]]), 2.0, "")
    with pytest.raises(InputError, match="not positive semidefinite"):
        Factors(("BTC", "ETH"), (), np.array([[1.0, 2.0], [2.0, 1.0]]), 2.0, "").roots()


def test_a_share_of_a_crash_is_where_the_whole_of_it_would_be_too_much() -> None:
    held = book({("a", LINEAR): 4.0}, {("a", "USDC"): 60_000.0})
    made = trial(named("ftx"), ["BTC"])
    one = seen(held)
    share = share_of(one, made)
    assert share is not None and 0.0 < share < 1.0
    for part, verdict in ((share * 1.0001, True), (share * 0.9999, False)):
        (after,), _ = stress(held, MARKET, "isolated", [Trial("part", "", scaled(made.shift, part))])
        assert after.liquidated is verdict
    assert share_of(one, Trial("up", "", Shift(spot={"BTC": 0.2}))) is None


def test_factors_are_what_can_move_a_wallet() -> None:
    one = seen(book({("a", "ETH-11D-3000-C"): 1.0, ("a", LINEAR): 1.0}, {("a", "USDT"): 1.0, ("a", "BTC"): 1.0}))
    assert factor_names(one.wallet) == (("BTC", "ETH"), ("ETH",))


def test_the_covariance_of_the_parameters() -> None:
    found = given_factors(["BTC", "ETH", "XYZ"], ["ETH"], AS_OF)
    sd = np.sqrt(np.diag(found.covariance))
    assert found.labels == ["BTC price", "ETH price", "XYZ price", "ETH vol"] and found.days == 2.0
    np.testing.assert_allclose(sd[:3], np.array([0.55, 0.75, 0.9]) * math.sqrt(2 / 365))
    assert "no parameters for XYZ" in found.notes[0] and (np.linalg.eigvalsh(found.covariance) > 0).all()


def _history(days: int = 300, before: int = 250) -> History:
    draw = np.random.default_rng(1)
    common, own = draw.standard_normal((days, 1)), draw.standard_normal((days, 2))
    returns = np.array([0.02, 0.03]) * (0.8 * common + 0.6 * own)
    close = 100 * np.exp(np.cumsum(returns, axis=0))
    return History.of(AS_OF + DAY * (np.arange(days) - before), ["BTC", "ETH"], close, step=DAY)


def test_a_history_says_how_prices_move() -> None:
    given = given_factors(["BTC", "ETH", "SOL"], ["BTC"], AS_OF)
    found = history_factors(given, _history(), AS_OF)
    sd = np.sqrt(np.diag(found.covariance))
    assert sd[0] == pytest.approx(0.02 * math.sqrt(2), rel=0.3) and sd[1] == pytest.approx(0.03 * math.sqrt(2), rel=0.3)
    assert sd[2] == pytest.approx(math.sqrt(given.covariance[2, 2]))
    assert found.covariance[0, 1] / sd[0] / sd[1] == pytest.approx(0.64, abs=0.15)
    assert any("not in the history: SOL" in n for n in found.notes)
    with pytest.raises(InputError, match="none of SOL"):
        history_factors(given_factors(["SOL"], [], AS_OF), _history(), AS_OF)


def _calibrated(recipe: Recipe | None = None, **changes: float) -> Chosen:
    made = calibrate(_history(900, 890), as_of=AS_OF, recipe=recipe or Recipe(start=0, stress=50), changes=changes)
    return Chosen(choose_rulebook("tail", AS_OF).rule, made.version)


def test_a_calibrated_model_is_the_ruler_of_its_own_accounts() -> None:
    """The same volatility as the history's own, both weighing it by 0.97 a day; not that of the parameters of tail."""
    asked = ["BTC", "ETH"], ["BTC"]
    given = given_factors(*asked, AS_OF)
    own = given_factors(*asked, AS_OF, chosen=_calibrated())
    measured = history_factors(given, _history(900, 890), AS_OF)
    sd, theirs, before = (np.sqrt(np.diag(f.covariance)) for f in (own, measured, given))
    np.testing.assert_allclose(sd[:2], theirs[:2], rtol=1e-9)
    assert any("as by the parameters of tail@" in n for n in measured.notes)
    assert not any("as by the" in n for n in history_factors(own, _history(900, 890), AS_OF).notes)
    assert (np.abs(sd[:2] / before[:2] - 1.0) > 0.02).all() and "volatility of tail@" in own.source
    assert own.covariance[0, 1] / sd[0] / sd[1] == pytest.approx(0.64, abs=0.1)


def test_how_factors_of_a_calibrated_model_move_is_what_its_usual_scenarios_weigh() -> None:
    chosen = _calibrated()
    found, scenarios = given_factors(["ETH", "BTC"], ["BTC"], AS_OF, chosen=chosen), chosen.version.scenarios
    assert scenarios is not None and (scenarios.family == "stress").sum() == 50
    usual = scenarios.family == "history"
    moves = np.log1p(np.column_stack([scenarios.spot[usual][:, [1, 0]], scenarios.vol[usual][:, 0]]))
    sd = np.sqrt(np.diag(found.covariance))
    np.testing.assert_allclose(found.covariance / np.outer(sd, sd), np.corrcoef(moves.T), atol=1e-12)
    assert sd[2] == pytest.approx(moves[:, 2].std(), rel=1e-12)
    assert f"its {usual.sum()} scenarios" in found.source and not found.notes


def test_a_model_that_was_held_back_reads_more_deviations_and_the_difference_is_told() -> None:
    """The history ends in a fall of a third; what margin may rise in a day keeps the model's volatility below it."""
    whole = _history(900, 890).until(AS_OF)
    close = whole.close.copy()
    close[-1] *= 0.67
    fallen = History.of(whole.time, whole.names, close, step=DAY)
    made = calibrate(fallen, as_of=AS_OF, recipe=Recipe(start=0, stress=50))
    own = given_factors(["BTC"], [], AS_OF, chosen=Chosen(choose_rulebook("tail", AS_OF).rule, made.version))
    found = history_factors(own, fallen, AS_OF)
    assert found.covariance[0, 0] > 1.2 * own.covariance[0, 0]
    (note,) = [n for n in found.notes if "as by the volatility of tail@" in n]
    assert f"BTC {math.sqrt(found.covariance[0, 0] / 2):.2%}, not {math.sqrt(own.covariance[0, 0] / 2):.2%}" in note


def test_a_longer_period_of_a_coin_does_not_stretch_the_ruler() -> None:
    chosen = _calibrated(Recipe(start=0, stress=50, days=4.0))
    sd = np.sqrt(np.diag(given_factors(["BTC"], [], AS_OF, chosen=chosen).covariance))
    assert sd[0] == pytest.approx(chosen.version.get("volatility.spot", "BTC") * math.sqrt(2 / 365), rel=1e-12)


def test_a_coin_that_a_calibrated_model_lacks_is_told() -> None:
    found = given_factors(["BTC", "SOL"], [], AS_OF, chosen=_calibrated())
    assert any("not in its scenarios: SOL price: parameters of tail@" in n for n in found.notes)
    assert (np.linalg.eigvalsh(found.covariance) > 0).all()


def test_other_rulebooks_are_measured_by_the_parameters_of_tail_and_tail_by_its_own() -> None:
    plain = given_factors(["BTC"], ["BTC"], AS_OF)
    other = given_factors(["BTC"], ["BTC"], AS_OF, chosen=choose_rulebook("derive", AS_OF))
    np.testing.assert_array_equal(plain.covariance, other.covariance)
    changed = choose_rulebook("tail", AS_OF, {"tail.volatility.spot.BTC": 1.1})
    assert given_factors(["BTC"], [], AS_OF, chosen=changed).covariance[0, 0] == pytest.approx(
        4 * plain.covariance[0, 0]
    )


def test_a_history_after_the_time_changes_nothing() -> None:
    given, whole = given_factors(["BTC", "ETH"], [], AS_OF), _history()
    later = whole.time > AS_OF
    assert later.any()
    changed = History.of(whole.time, whole.names, np.where(later[:, None], 1.0, whole.close), step=DAY)
    for other in (whole.until(AS_OF), changed):
        np.testing.assert_array_equal(
            history_factors(given, whole, AS_OF).covariance, history_factors(given, other, AS_OF).covariance
        )
