"""Small accounts of perpetuals for the rulebooks of protocols."""

from typing import Any

from loadline.engine.cases.case import Sketch
from loadline.engine.engine import Answer, margin
from loadline.engine.result import MarginResult
from loadline.model.instruments import Kind, PayoffForm
from loadline.model.positions import Balances, Portfolio

PRICES = {"BTC": 84_000.0, "ETH": 2_900.0}


def ask(rulebook: str, held: dict[str, float], wallet: dict[str, float] | None = None, **more: Any) -> Answer:
    """The answer to perpetuals by coin; ``pending``: pnl by coin, ``prices``: other than usual, ``set``: overrides."""
    prices = PRICES | more.get("prices", {})
    sketch = Sketch("BTC", as_of=1_800_000_000_000)
    for coin, quantity in held.items():
        what: dict[str, Any] = {"kind": Kind.PERPETUAL, "form": PayoffForm.LINEAR, "underlying": coin}
        pending = more.get("pending", {}).get(coin, 0.0)
        sketch.add(f"{coin}-PERP", quantity, unsettled=pending, forward=prices[coin], **what)
    rows = [{"account": "case", "currency": c, "amount": a} for c, a in (wallet or {"USDC": 50_000.0}).items()]
    book = Portfolio(sketch.portfolio().positions, Balances.from_rows(rows))
    overrides = {f"{rulebook}.{k}": v for k, v in more.get("set", {}).items()}
    return margin(book, sketch.market(prices, {"USDC": 1.0} | prices), rulebook, overrides=overrides)


def asked(rulebook: str, held: dict[str, float], wallet: dict[str, float] | None = None, **more: Any) -> MarginResult:
    """The same, which must be an answer."""
    found = ask(rulebook, held, wallet, **more)
    assert isinstance(found, MarginResult), found
    return found


def option(rulebook: str) -> Answer:
    """What a venue of perpetuals says to an option."""
    sketch = Sketch("BTC", as_of=1_800_000_000_000)
    what: dict[str, Any] = {"kind": Kind.OPTION, "form": PayoffForm.CASH_OPTION, "right": 1, "strike": 9e4}
    sketch.add("BTC-C", -1.0, seconds=86_400.0, forward=84_000.0, vol=0.5, mark=100.0, **what)
    return margin(sketch.portfolio(), sketch.market(PRICES, {"USDC": 1.0}), rulebook)
