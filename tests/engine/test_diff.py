"""Two answers aligned: the differences re-add at every row, whatever is compared with whatever."""

import json
import random
from collections.abc import Sequence
from itertools import permutations

import pytest

from loadline.engine.cases import golden
from loadline.engine.diff import diff
from loadline.engine.engine import margins, what_if
from loadline.engine.result import MarginResult
from loadline.foundation.errors import InputError
from loadline.io.sample import sample
from loadline.model.shift import shift_market
from loadline.rulebooks.rulebook import SHIPPED
from loadline.tape.align import BAR, WHOLE, Aligned, align, drivers
from loadline.tape.explain import Row
from tests.rulebooks import random_books

PORTFOLIO, MARKET = sample()


def answers(name: str, account: str = "strangle", market=MARKET) -> list[MarginResult]:
    return [a for a in margins(PORTFOLIO.only([account]), market, name) if isinstance(a, MarginResult)]


def re_adds(rows: Sequence[Aligned]) -> None:
    """At every row with rows below it the sides and the changes of those add up to its own; paths are unique."""
    below: dict[tuple[str, ...], list[Aligned]] = {}
    for row in rows:
        below.setdefault(row.path[:-1], []).append(row)
    assert len({r.path for r in rows}) == len(rows)
    size = 1.0 + max(abs(x) for r in rows for x in (r.left or 0.0, r.right or 0.0))
    for row in rows:
        parts = below.get(row.path, [])
        assert row.leaf == (not parts)
        if not parts:
            continue
        assert sum(p.change for p in parts) == pytest.approx(row.change, abs=1e-9 * size)
        for side in ("left", "right"):
            own = getattr(row, side)
            found = [getattr(p, side) for p in parts if getattr(p, side) is not None]
            assert (own is None) <= (not found)
            if found:
                assert sum(found) == pytest.approx(own, abs=1e-9 * size)


SOME = ("isolated", "tail", "derive", "derive-srm", "deribit-spm", "deribit-xpm", "paradex-pm", "okx", "static")


@pytest.mark.parametrize(("left", "right"), [(a, b) for n, (a, b) in enumerate(permutations(SOME, 2)) if n % 8 == 0])
def test_differences_re_add_at_every_row(left: str, right: str) -> None:
    for side in ("initial", "maintenance"):
        found = diff(answers(left), answers(right), side)
        re_adds(found.rows)
        assert found.change == pytest.approx(getattr(found.right, side) - getattr(found.left, side), rel=1e-12)
        assert sum(d.change for d in found.drivers(10**6)) == pytest.approx(found.change, abs=1e-6)


@pytest.mark.parametrize("name", SHIPPED)
def test_random_books_re_add(name: str) -> None:
    draw = random.Random(f"diff {name}")
    snapshot = random_books.market(draw)
    market, other = golden.market_of(snapshot, {}), shift_market(golden.market_of(snapshot, {}), 0.07, -0.1)
    for _ in range(2):
        books = [golden.portfolio_of(random_books.case(draw, snapshot, name, orders=True)) for _ in range(2)]
        found = [margins(b, m, name) for b, m in zip(books, (market, other), strict=True)]
        kept = [[a for a in side if isinstance(a, MarginResult)] for side in found]
        if all(kept):
            re_adds(diff(*kept).rows)
            re_adds(diff(*kept, "maintenance").rows)


def test_nothing_differs_from_itself() -> None:
    found = diff(answers("derive"), answers("derive"))
    assert found.change == 0.0 and found.drivers() == [] and all(r.change == 0.0 for r in found.rows)
    assert [r["path"] for r in found.as_json()["rows"]] == ["initial"]


def test_sides_change_places() -> None:
    one, two = diff(answers("derive"), answers("okx")), diff(answers("okx"), answers("derive"))
    assert one.change == -two.change
    turned = {(tuple(BAR.join(reversed(x.split(BAR))) for x in r.path), r.right, r.left) for r in two.rows}
    assert turned == {(r.path, r.left, r.right) for r in one.rows}


def test_a_trade_is_seen_where_it_enters() -> None:
    (asked,) = what_if(PORTFOLIO, MARKET, "isolated", {"BTC-26JUN26-74000-P": -1.0}, account="strangle")
    assert isinstance(asked.before, MarginResult) and isinstance(asked.after, MarginResult)
    found = diff(asked.before, asked.after)
    assert found.currency == "USD"
    (row,) = found.drivers()
    assert row.path[1] == "BTC-26JUN26-74000-P" and row.change == pytest.approx(found.change)


@pytest.mark.parametrize("name", ["derive", "deribit-spm", "okx", "tail"])
def test_a_saved_result_says_the_same(name: str) -> None:
    live = answers(name)
    saved = json.loads(json.dumps([a.as_json(explained=True) for a in live]))
    one, two = diff(live, answers("isolated")), diff(saved, answers("isolated"))
    assert [(r.path, r.left, r.right, r.note) for r in one.rows] == [
        (r.path, r.left, r.right, r.note) for r in two.rows
    ]
    assert one.left.as_json() == two.left.as_json()


def test_a_saved_result_needs_its_explanation() -> None:
    (result,) = answers("derive")
    with pytest.raises(InputError, match="no explanation") as error:
        diff(result.as_json(), result)
    assert "--explain" in error.value.remedy
    with pytest.raises(InputError, match="no usd"):
        diff({"account": "a", "currency": "BTC", "explain": []}, result)
    with pytest.raises(InputError, match="holds no answer"):
        diff([], result)


def test_wallets_become_one_in_dollars() -> None:
    found = diff(answers("deribit-spm"), answers("deribit-xpm"))
    assert found.currency == "USD"
    assert found.left.initial == pytest.approx(sum(a.initial * a.usd for a in answers("deribit-spm")), rel=1e-12)
    assert {r.path[1] for r in found.rows if len(r.path) == 2} >= {"BTC", "ETH"}


def rows(*told: tuple[str, float, float, str]) -> list[Row]:
    """Rows of a made-up explanation: path, factor, value, note."""
    return [Row(tuple(p.split("/")), p.split("/")[-1], f, v, n) for p, f, v, n in told]


LEFT = rows(
    ("initial", 1.0, 30.0, ""),
    ("initial/BTC", 1.0, 24.0, ""),
    ("initial/BTC/scan", 2.0, 10.0, "scenario up"),
    ("initial/BTC/fees", 1.0, 4.0, ""),
    ("initial/ETH", 1.0, 6.0, ""),
)
RIGHT = rows(
    ("initial", 1.0, 50.0, ""),
    ("initial/units", 1.3, 30.0, ""),
    ("initial/units/BTC", 1.0, 20.0, ""),
    ("initial/units/BTC/worst", 1.0, 18.0, "scenario down"),
    ("initial/units/BTC/floor", 1.0, 2.0, ""),
    ("initial/units/ETH", 1.0, 10.0, ""),
    ("initial/units/ETH/worst", 1.0, 10.0, "scenario down"),
    ("initial/orders", 1.0, 11.0, ""),
)


def test_what_answers_to_what() -> None:
    found = {"/".join(r.path): (r.left, r.right) for r in align([LEFT], [RIGHT])}
    assert found == {
        "initial": (30.0, 50.0),
        "initial/BTC": (24.0, 26.0),  # the row that only groups is passed through, its factor applied
        "initial/BTC/scan | worst": (20.0, pytest.approx(23.4)),  # both chose from scenarios
        "initial/BTC/fees": (4.0, None),
        "initial/BTC/floor": (None, 2.6),
        "initial/ETH": (6.0, 13.0),
        f"initial/ETH/{WHOLE}": (6.0, None),
        "initial/ETH/worst": (None, 13.0),
        "initial/orders": (None, 11.0),
    }
    re_adds(align([LEFT], [RIGHT]))


def test_the_rows_that_say_most() -> None:
    found = [(d.path[-1], d.change) for d in drivers(align([LEFT], [RIGHT]), 9)]
    assert [name for name, _ in found] == ["orders", "ETH", "fees", "scan | worst", "floor"]
    assert sum(change for _, change in found) == pytest.approx(20.0)
    assert drivers([]) == []


def test_several_of_a_kind_are_added_up() -> None:
    """Rows of one name under several risk units are one reason."""
    a = rows(
        ("initial", 1.0, 2.0, ""),
        ("initial/BTC", 1.0, 1.0, ""),
        ("initial/BTC/fee", 1.0, 1.0, ""),
        ("initial/ETH", 1.0, 1.0, ""),
        ("initial/ETH/fee", 1.0, 1.0, ""),
    )
    b = rows(
        ("initial", 1.0, 9.0, ""),
        ("initial/BTC", 1.0, 5.0, ""),
        ("initial/BTC/fee", 1.0, 1.0, ""),
        ("initial/BTC/haircut", 1.0, 4.0, ""),
        ("initial/ETH", 1.0, 4.0, ""),
        ("initial/ETH/fee", 1.0, 1.0, ""),
        ("initial/ETH/haircut", 1.0, 3.0, ""),
    )
    (found,) = drivers(align([a], [b]))
    assert (found.path[-1], found.left, found.right, found.change) == ("haircut", None, 7.0, 7.0)
