"""Reasons and notes of many dates: figures do not split them, and none is lost."""

from dataclasses import replace

import pytest

from loadline.backtest.day import Answer, Day
from loadline.backtest.remarks import gaps, kind, looks_ahead, notes

BLANK = Day(0, 1, (), (), (), (), {"m": Answer(())})


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("BTC has 3 moves of its own, 250 are needed", "BTC has 17 moves of its own, 250 are needed"),
        ("too long before 2026-02-16T04:51:56Z", "too long before 2026-02-17T10:00:00Z"),
        ("no price on the way: BTC-27MAR26-80000-C", "no price on the way: BTC-3APR26-70000-P, BTC-3APR26-70000-C"),
        ("a move of -3.2 % (1e-05)", "a move of +14 % (0.2)"),
    ],
)
def test_figures_do_not_split_a_kind(one: str, other: str) -> None:
    assert kind(one) == kind(other) != one


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("no price of LUNA", "no price of LUNA#2"),
        ("static has no volatility.spot for FTT", "static has no volatility.vol for FTT"),
        ("BTC has no options here", "ETH has no options here"),
    ],
)
def test_words_do(one: str, other: str) -> None:
    assert kind(one) != kind(other)


def test_gaps_are_counted_by_book_or_by_reason_with_first_last_and_example() -> None:
    said = {"A x|m": "A has 1 move", "B x|m": "no price", "A y|": "no leg", "A x|m: VaR alone": "hidden"}
    later = {"A x|m": "A has 2 moves", "B x|m": "no price", "C x|m": "no price"}
    days = [replace(BLANK, gaps=said), replace(BLANK, at=86_400_000), replace(BLANK, at=2 * 86_400_000, gaps=later)]
    by_book = {(next(iter(g.accounts)), g.model, g.kind): g for g in gaps(days, ["m"])}
    assert len(by_book) == 5 and sum(g.count for g in by_book.values()) == 6
    assert by_book["B x", "m", "no price"].times == [0, 2 * 86_400_000] and not by_book["B x", "m", "no price"].varies
    (first, *others) = gaps(days, ["m"], by_account=False)
    assert (first.kind, first.count, list(first.accounts)) == ("no price", 3, ["B x", "C x"])
    assert first.as_json()["last"] == "1970-01-03T00:00:00Z" and len(others) == 3


def test_notes_and_look_ahead_are_told_with_their_dates() -> None:
    answers = [Answer((), notes=("worth 1 USD",), ahead=9 * 86_400_000), Answer((), notes=("worth 2 USD", "odd"))]
    days = [replace(BLANK, at=k * 86_400_000, models={"m": a}) for k, a in enumerate(answers)]
    found = notes(days, "m")
    assert [(n.kind, n.count, n.varies) for n in found] == [("worth … USD", 2, True), ("odd", 1, False)]
    late = looks_ahead(days, "m")
    assert late is not None and (late.times, late.of) == ((0,), 2)
    assert late.as_json()["effective"] == "1970-01-10T00:00:00Z" and looks_ahead(days[1:], "m") is None
