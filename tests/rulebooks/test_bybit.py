"""Bybit's stress grid against the venue's example response, and what the example does not reach."""

import json
from pathlib import Path

import pytest

from loadline.engine.cases.case import Sketch
from loadline.engine.engine import choose_rulebook, margin
from loadline.engine.result import MarginResult
from loadline.engine.verify import verify_file
from loadline.foundation.errors import Unavailable
from loadline.model.instruments import Kind, PayoffForm
from loadline.rulebooks.rulebook import load

GRID = "data/raw/bybit_docs/asset_portfolio_margin_pnl_grid.json"


def test_the_example_response_is_reproduced(shared: Path) -> None:
    report = verify_file(shared / GRID)
    (replay,) = report.replays
    assert report.ok and replay.matched
    assert len(replay.checks) == 33 + 11 + 11 + 11 + 2
    assert max(abs(c.got - c.expected) for c in replay.checks) < 1e-7


def test_a_spoiled_cell_is_found(shared: Path, tmp_path: Path) -> None:
    content = json.loads((shared / GRID).read_text("utf-8"))
    option = content["result"]["assetPnlRange"][0]["optionExpiryDatePnlRanges"][0]["optionPositionPnlRanges"][0]
    option["pnlRanges"][2]["pnls"][0] = "-11.36200000"
    (tmp_path / "grid.json").write_text(json.dumps(content))
    assert not verify_file(tmp_path / "grid.json").ok


def answered(changes: dict[str, object], *, coin: str = "BTC", hedge: float = 0.0) -> MarginResult | Unavailable:
    sketch = Sketch(coin, as_of=1_774_319_290_000)
    sketch.add("PERP", 2.0, kind=Kind.PERPETUAL, form=PayoffForm.LINEAR, forward=50_000.0, settle="USDC")
    for n, days in enumerate((5.2, 40.0)):
        terms = {"strike": 52_000.0, "right": 1, "seconds": days * 86_400, "forward": 50_000.0, "vol": 0.6}
        held = -3.0 if n else 3.0
        sketch.add(f"C{n}", held, kind=Kind.OPTION, form=PayoffForm.CASH_OPTION, mark=2_000.0, **terms)  # type: ignore[arg-type]
    if hedge:
        sketch.add(coin, hedge, kind=Kind.SPOT, form=PayoffForm.SPOT, forward=50_000.0, settle="USD")
    market = sketch.market({coin: 50_000.0}, {"USDC": 1.0})
    chosen = choose_rulebook("bybit", market.as_of, {f"bybit.{k}": v for k, v in changes.items()})
    return margin(sketch.portfolio(), market, chosen)


def asked(changes: dict[str, object], *, hedge: float = 0.0) -> MarginResult:
    answer = answered(changes, hedge=hedge)
    assert isinstance(answer, MarginResult), answer
    return answer


def test_initial_is_a_multiple_of_maintenance() -> None:
    answer = asked({})
    assert answer.initial == pytest.approx(1.2 * answer.maintenance, rel=1e-12)


def test_what_the_venue_reports_is_added() -> None:
    plain, more = asked({}), asked({"given.delta": 100.0, "given.vega": 10.0, "given.usdt_usdc": 1.0})
    assert more.maintenance - plain.maintenance == pytest.approx(111.0)
    assert any("no public formula" in note for note in plain.notes)


def test_a_vol_state_of_its_own_for_each_expiry_never_asks_less() -> None:
    assert asked({"reading.vol_state": "expiry"}).maintenance > asked({}).maintenance


def test_a_spot_hedge_helps_only_where_it_is_counted() -> None:
    off, on = asked({}, hedge=-1.0), asked({"spot_hedge.counted": "on"}, hedge=-1.0)
    both = asked({"spot_hedge.counted": "on", "reading.hedge_losses": "counted"}, hedge=-1.0)
    assert on.maintenance < off.maintenance
    assert both.maintenance >= on.maintenance


def test_a_coin_without_a_public_range_is_refused_by_name() -> None:
    answer = answered({}, coin="SOL")
    assert isinstance(answer, Unavailable) and "grid.price_range for SOL" in answer.missing[0]


def test_the_range_was_wider_before_2025() -> None:
    names = [choose_rulebook(f"bybit@{day}", 0).version for day in ("2025-01-09", "2025-01-11")]
    assert [v.get("grid.price_range", "BTC") for v in names] == [0.15, 0.1]


def test_a_label_chooses_its_own_version() -> None:
    """One of them takes effect at eight in the morning: its day alone would choose the one before."""
    for version in load("bybit").versions:
        assert choose_rulebook(version.label, 0).version is version
