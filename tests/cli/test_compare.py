"""``loadline compare``: against whom, how near, why; what is refused; the picture."""

import json
import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from loadline.cli.environment import ExitCode
from tests.cli.running import run

BOOK = ["book.json", "--market", "market.json", "--account", "strangle"]
SOME = ["--rulebook", "okx", "--rulebook", "derive", "--rulebook", "deribit-spm"]


@cache
def compared(*args: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(run(["compare", *args, "--json"], terminal=False).out)
    return {x["rulebook"]: x for x in found["comparison"]}


def test_against_the_first_named() -> None:
    found = compared(*BOOK, *SOME)
    assert list(found) == ["okx", "derive", "deribit-spm", "isolated"]
    assert found["okx"]["against"] is None and found["okx"]["drivers"] == []
    for name in ("derive", "deribit-spm", "isolated"):
        assert found[name]["against"].startswith("okx@")
        assert 1 <= len(found[name]["drivers"]) <= 3
    assert "why initial differs from okx's" in run(["compare", *BOOK, *SOME]).out


def test_how_near_and_by_which_line() -> None:
    found = compared(*BOOK, *SOME)
    for one in found.values():
        spot, trigger = one["distance"]["spot"], one["lines"][0]
        assert trigger["name"] == "trigger" and trigger["crossed"] == (one["status"] == "below_maintenance")
        assert one["initial_of_equity"] == pytest.approx(one["initial_usd"] / one["equity_usd"])
        assert spot["down"]["move"] is None or -1.0 < spot["down"]["move"] <= 0.0
        assert spot["up"]["note"] or spot["up"]["move"] >= 0.0


def test_a_price_where_one_underlying_moves_alone(tmp_path: Path) -> None:
    book = {"positions": [{"account": "a", "instrument": "BTC-PERPETUAL", "quantity": 1e6}]}
    book["balances"] = [{"account": "a", "currency": "BTC", "amount": 2.0}]
    alone = tmp_path / "book.json"
    alone.write_text(json.dumps(book), "utf-8")
    args = [str(alone), "--market", "market.json", "--rulebook", "deribit-xpm"]
    spot = compared(*args)["deribit-xpm"]["distance"]["spot"]
    assert spot["underlying"] == "BTC" and -0.6 < spot["down"]["move"] < 0.0
    assert spot["down"]["price"] == pytest.approx(84_000.0 * (1.0 + spot["down"]["move"]))
    said = f"{spot['down']['price']:,.0f}"
    assert f"BTC at {said}" in run(["compare", *args]).out
    assert said in run(["compare", *args], width=120).out


def test_refused_rulebooks_have_their_reason() -> None:
    """Not asked for by name: below, with why; by name: unavailable, and the exit code says so."""
    every = run(["compare", *BOOK])
    assert every.code is ExitCode.OK
    refused = " ".join(every.out.partition("Refused")[2].split())
    assert (
        "binance: no coefficients of option margin" in refused and "dydx" in refused and "lists perpetuals" in refused
    )
    named = run(["compare", *BOOK, "--rulebook", "derive", "--rulebook", "binance"])
    assert named.code is ExitCode.MISSING_DATA and "no coefficients of option margin" in named.out


@pytest.mark.parametrize("width", [80, 120])
def test_one_screen(width: int) -> None:
    lines = run(
        ["compare", *BOOK, *SOME, "--rulebook", "paradex-pm", "--rulebook", "bybit"], width=width
    ).out.splitlines()
    assert max(map(len, lines)) <= width
    assert len(lines) <= 40


def test_the_nearest_venue_that_asks_least_is_the_base() -> None:
    """Our own models are no venue: they are not what others are held against."""
    found = compared(*BOOK)
    bases = {x["rulebook"] for x in found.values() if x["against"] is None}
    venues = {n: x["initial_usd"] for n, x in found.items() if n not in ("isolated", "static", "tail")}
    assert bases == {min(venues, key=lambda n: venues[n])}


def test_the_page(tmp_path: Path) -> None:
    page = tmp_path / "c.html"
    ran = run(["compare", *BOOK, *SOME, "--plot", str(page)])
    assert ran.code is ExitCode.OK and "1 account" in ran.out
    text = page.read_text("utf-8")
    assert text.count("<svg") == 1 and all(f">{n}</text>" in text for n in ("okx", "derive", "deribit-spm"))
    assert "<script" not in text and not re.search(r"\bnan\b", text)


def test_the_picture(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    png = tmp_path / "c.png"
    assert run(["compare", *BOOK, "--rulebook", "derive", "--plot", str(png)]).code is ExitCode.OK
    assert png.read_bytes()[:4] == b"\x89PNG"


def test_no_picture_of_another_kind(tmp_path: Path) -> None:
    ran = run(["compare", *BOOK, "--rulebook", "derive", "--plot", str(tmp_path / "c.gif")])
    assert ran.code is ExitCode.ERROR and ".png or .html" in ran.err


def test_components_add_up_to_the_requirement() -> None:
    from loadline.cli.compare_plot import components
    from loadline.engine.engine import choose_rulebook, margins
    from loadline.engine.offers import offers
    from loadline.io.sample import sample

    portfolio, market = sample()
    for name in ("isolated", "static", "tail", "derive", "deribit-spm", "okx", "bybit", "paradex-xm"):
        chosen = choose_rulebook(name, market.as_of)
        for (offer,) in offers({name: (chosen, margins(portfolio, market, chosen))}).values():
            parts = components(offer)
            assert sum(v for _, v in parts) == pytest.approx(offer.initial, rel=1e-9)
            assert len(parts) <= 6
