"""Underlyings whose grids have unlike lengths share a book without touching each other."""

import numpy as np
import pytest

from loadline.engine.engine import margin
from loadline.engine.result import MarginResult
from loadline.model.instruments import Instruments
from loadline.model.market import Quotes
from tests.engine.books import INDEX, MARKET, book

OPTIONS = [f"BTC_USDC-{days}D-85000-{right}" for days in (11, 116) for right in "CP"]
ROWS = MARKET.rows(np.array(OPTIONS))
HYPE = MARKET.instruments.take(ROWS)  # listed under a name whose grid has fewer tail scenarios than BTC's
HYPE = HYPE.replace(id=np.char.replace(HYPE.id, "BTC", "HYPE"), underlying=np.full(len(ROWS), "HYPE"))
WITH_HYPE = MARKET.replace(
    instruments=Instruments.concat([MARKET.instruments, HYPE]),
    quotes=Quotes.concat([MARKET.quotes, MARKET.quotes.take(ROWS)]),
    index={**INDEX, "HYPE": INDEX["BTC"]},
)
ROLL = {"11D-85000-C": -1.0, "11D-85000-P": 1.0, "116D-85000-C": 1.0, "116D-85000-P": -1.0}  # flat but for its basis
SKEW = {"11D-85000-C": 1.0, "11D-85000-P": 1.0, "116D-85000-C": -1.0, "116D-85000-P": -0.9}
OTHER = {("a", "BTC-PERPETUAL"): 20_000.0}


@pytest.mark.parametrize("name", ["derive", "derive-v1"])
@pytest.mark.parametrize("shape", [ROLL, {k: -v for k, v in ROLL.items()}, SKEW])
def test_risk_units_add_up(name: str, shape: dict[str, float]) -> None:
    for coin in ("BTC", "HYPE"):
        if (name, coin) == ("derive-v1", "HYPE"):
            continue  # the first version never knew it
        held = {("a", f"{coin}_USDC-{k}"): q for k, q in shape.items()}
        alone, other = margin(book(held), WITH_HYPE, name), margin(book(OTHER), WITH_HYPE, name)
        other = margin(book(OTHER), WITH_HYPE, name)
        both = margin(book({("a", "ETH-PERPETUAL"): 1.0} | held), WITH_HYPE, name)
        eth = margin(book({("a", "ETH-PERPETUAL"): 1.0}), WITH_HYPE, name)
        answers = (alone, other, both, eth)
        assert all(isinstance(a, MarginResult) for a in answers)
        assert both.initial == pytest.approx(alone.initial + eth.initial, rel=1e-12)  # type: ignore[union-attr]
