"""How venues liquidate, as data: what a file may not hold, that every rulebook has one, and where accounts stand."""

import math
import random
import tomllib
from importlib import resources

import pytest

from loadline.engine.cases import golden
from loadline.engine.engine import choose_rulebook, margins
from loadline.engine.result import MarginResult
from loadline.engine.triggers import standing, standings
from loadline.foundation.errors import RuleError
from loadline.foundation.units import parse_time
from loadline.rulebooks.liquidation_terms import FORMULAS, liquidation_at, parse_liquidations
from loadline.rulebooks.paradex_liquidation import Ladder, reduced
from loadline.rulebooks.rulebook import SHIPPED, load
from tests.rulebooks import random_books
from tests.rulebooks.perpetuals import asked

GOOD = """
[[liquidation]]
effective = 2025-01-06T00:00:00Z
source = "made up"
unknown = ["fees"]
[liquidation.trigger]
words = "maintenance over equity above 100 %"
formula = "maintenance / equity"
side = "above"
at = { unit = "1", parameter = "liquidation.ratio" }
[[liquidation.step]]
act = "reduce"
words = "a fifth of all"
size = { unit = "fraction of a position", value = 0.2 }
[[liquidation.fee]]
on = "fills"
to = "fund"
rate = { unit = "fraction of notional", BTC = 0.01, ETH = 0.02 }
"""
KNOWN = ("liquidation.ratio",)


def faults(text: str) -> list[str]:
    with pytest.raises(RuleError) as error:
        parse_liquidations(text, KNOWN, "made.toml")
    return str(error.value).splitlines()[1:]


def test_a_good_file() -> None:
    (found,) = parse_liquidations(GOOD, KNOWN, "made.toml")
    assert (found.date, found.source, found.unknown) == ("2025-01-06", "made up", ("fees",))
    assert found.trigger.at and found.trigger.at.parameter == "liquidation.ratio"
    assert found.steps[0].size and found.steps[0].size.value == 0.2
    assert found.fees[0].rate and dict(found.fees[0].rate.by_key) == {"BTC": 0.01, "ETH": 0.02}


def test_every_fault_is_listed_at_once() -> None:
    text = """
[[liquidation]]
effective = 2025-01-06
surce = "?"
[liquidation.trigger]
words = ""
formula = "equity / everything"
side = "near"
at = { unit = "1", value = 1.0, parameter = "no.such" }
[[liquidation.step]]
act = "pray"
words = "hope"
size = 0.2
[[liquidation.fee]]
on = "fills"
rate = { unit = "fraction of notional", value = 1.5, BTC = "much" }
"""
    said = "\n".join(faults(text))
    for what in (
        "effective is missing or has no zone",
        "source is missing",
        "'surce'",
        "trigger.words is missing",
        "trigger.formula is 'equity / everything'",
        "trigger.side is 'near'",
        "no.such",
        "trigger.at has no value, or two",
        "act is 'pray'",
        "step 1.size is a bare value",
        "fee 1.to is missing",
        "more than all of it",
        "BTC is 'much'",
    ):
        assert what in said, what


@pytest.mark.parametrize(
    ("change", "what"),
    [
        (('formula = "maintenance / equity"', ""), "trigger has no formula"),
        (("value = 0.2", "value = nan"), "at least 0"),
        (("value = 0.2", "value = -0.2"), "at least 0"),
        (("[[liquidation.step]]", "[liquidation.step]"), "step is no list of tables"),
        (("[liquidation.trigger]", "[liquidation.triggered]"), "trigger is missing"),
        (("[[liquidation]]", "[liquidation]"), "no list of tables"),
        (('unknown = ["fees"]', 'unknown = "fees"'), "unknown is no list of texts"),
        ((GOOD, ""), r"no [[liquidation]]"),
        ((GOOD, GOOD + GOOD), "two take effect"),
        ((GOOD, GOOD + "[other]\n"), "'other'"),
    ],
)
def test_one_fault(change: tuple[str, str], what: str) -> None:
    assert any(what in line for line in faults(GOOD.replace(*change)))


def test_what_is_not_toml_is_refused() -> None:
    with pytest.raises(RuleError, match="not TOML"):
        parse_liquidations("[[liquidation", (), "made.toml")


def test_the_one_in_force_is_chosen() -> None:
    later = GOOD.replace("2025-01-06", "2026-01-06")
    both = parse_liquidations(later + GOOD, KNOWN, "made.toml")
    assert [x.date for x in both] == ["2025-01-06", "2026-01-06"]
    chosen = [liquidation_at(both, parse_time(d)) for d in ("2024-01-01", "2025-06-01", "2026-06-01")]
    assert [x.date for x in chosen if x] == ["2025-01-06", "2025-01-06", "2026-01-06"]
    assert liquidation_at((), 0) is None


@pytest.mark.parametrize("name", SHIPPED)
def test_every_rulebook_says_how_it_liquidates(name: str) -> None:
    rule = load(name)
    assert rule.liquidation, "no .liquidation.toml"
    for found in rule.liquidation:
        assert found.trigger.formula in FORMULAS and found.trigger.at is not None
        assert found.steps or found.unknown  # what is not public is said
        for line in (found.trigger, *found.levels):
            assert not line.at or math.isfinite(line.at.of(rule.versions[-1]) or 0.0)


@pytest.mark.parametrize("name", SHIPPED)
def test_the_trigger_is_crossed_where_equity_is_below_maintenance(name: str) -> None:
    """The venue's own ratio, with what it takes from equity taken from it, says the same as the requirement."""
    found = load(name).liquidation[-1]
    seen = set()
    for seed in range(6):
        draw = random.Random(f"{name} {seed}")
        snapshot = random_books.market(draw)
        given = random_books.case(draw, snapshot, name, orders=True)
        for scale in (0.0, 0.05, 0.3, 1.0):
            wallet = {c: x * scale for c, x in given["balances"].items()}
            portfolio = golden.portfolio_of(given | {"balances": wallet})
            for result in margins(portfolio, golden.market_of(snapshot, {}), name):
                if isinstance(result, MarginResult) and abs(result.maintenance_excess) > 1e-6:
                    at = standing(result, found, found.trigger)
                    assert at.crossed == (result.maintenance_excess < 0.0), (at, result)
                    seen.add(at.crossed)
    assert seen == {True, False}


def test_binance_shows_its_ratio() -> None:
    """uniMMR = adjusted equity / maintenance margin, both as parts of the rule."""
    result = asked("binance", {"BTC": 1.0, "ETH": -20.0}, {"USDC": 30_000.0, "BTC": 0.5})
    parts = result.tape.requirement.parts
    pooled, lost = (-float(parts[n].numbers()[0, 0]) for n in ("pooled", "collateral"))
    found = standings(result, load("binance").liquidation[-1])
    assert lost > 0.0
    for one in found:
        assert one.value == pytest.approx((result.equity - lost) / pooled, rel=1e-12)
    assert [one.at for one in found] == [1.05, 1.5, 1.2, 1.0]


def test_hyperliquid_shows_its_ratio() -> None:
    """(20 USDC + maintenance + borrowed) / (balance + what supplied coins count): what is supplied is HYPE-like BTC."""
    result = asked("hyperliquid-pm", {"ETH": 10.0}, {"USDC": -20_000.0, "BTC": 1.0})
    counts = 84_000.0 * (0.5 + 0.5 * 0.5)
    maintenance = -float(result.tape.requirement.parts["maintenance"].numbers()[0, 0])
    (trigger,) = standings(result, load("hyperliquid-pm").liquidation[-1])
    # what is owed is on both sides of the venue's ratio: above as borrowed, below not at all
    assert trigger.value == pytest.approx((20.0 + maintenance + 20_000.0) / counts, rel=1e-12)
    assert trigger.at == 0.95


@pytest.mark.parametrize("name", ["binance", "bybit", "okx", "paradex-xm", "hyperliquid-pm", "drift"])
def test_an_account_without_anything_is_not_liquidated(name: str) -> None:
    result = asked(name, {}, {"USDC": 0.0})
    assert not standings(result, load(name).liquidation[-1])[0].crossed


def test_the_same_numbers_stand_where_the_arithmetic_is() -> None:
    """Derive's auction and Paradex's ladder are functions with parameters of their own."""
    ladder, found = Ladder(), load("paradex-pm").liquidation[-1]
    version = load("paradex-pm").versions[-1]
    told = [found.trigger.at, found.target and found.target.at, found.steps[1].size, found.fees[0].rate]
    assert [q and q.of(version) for q in told] == [ladder.trigger, ladder.target, ladder.step, ladder.fee]
    auction = tomllib.loads((resources.files("loadline.liquidation") / "derive_auction.toml").read_text("utf-8"))
    (values,) = auction["version"]
    derive = load("derive").liquidation[-1]
    sizes = [s.size.value for s in derive.steps if s.size]
    assert sizes == [values["solvent"][n]["value"] for n in ("start", "cutoff")]
    assert derive.fees[0].rate and derive.fees[0].rate.value == values["solvent"]["fee"]["value"]
    assert derive.target and f"{values['buffer']['share']['value']:.0%}".replace("%", " %") in derive.target.words


def test_paradex_shows_the_ratio_of_its_page() -> None:
    """The page's account: value 80, maintenance 88.8, 111 %."""
    step = reduced(80.0, 88.8, 0.0, 0.5)
    assert step.ratio == pytest.approx(1.11)


def test_levels_follow_a_changed_parameter() -> None:
    chosen = choose_rulebook("binance", 0, {"binance.liquidation.ratio": 1.1})
    trigger = chosen.rule.liquidation[-1].trigger
    assert trigger.at and trigger.at.of(chosen.version) == 1.1
