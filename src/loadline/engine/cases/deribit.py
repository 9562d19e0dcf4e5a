"""Cases of Deribit's portfolio margin: the venue's own simulate dumps, and case files of the same shape."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from loadline.engine.cases.case import Replay, Sketch, checks
from loadline.engine.engine import SPLIT, Chosen, evaluate
from loadline.model.instruments import Kind, PayoffForm
from loadline.rulebooks.deribit_matrix import matrix_of, unit_cells
from loadline.rulebooks.rulebook import choose, load

PAIR: Mapping[str, str] = {
    "price_range": "grid.price_range",
    "extended_table_factor": "grid.extended_factor",
    "volatility_range_up": "vol_shock.up",
    "volatility_range_down": "vol_shock.down",
    "short_term_vega_power": "vol_shock.short_power",
    "long_term_vega_power": "vol_shock.long_power",
    "min_volatility_for_shock_up": "vol_shock.min_vol_up",
    "m_inc": "delta_shock.slope",
    "max_delta_shock": "delta_shock.cap",
    "delta_total_liq_shock_threshold": "delta_shock.threshold",
}
CURRENCY: Mapping[str, str] = {
    "extended_dampener": "dampener.usd",
    "min_annualised_move": "roll.min_move",
    "annualised_move_risk": "roll.annual_move",
    "pnl_offset": "pnl_offset.share",
    "max_offsetable_pnl": "pnl_offset.limit",
}
EXACT = 1e-12


def is_dump(content: Mapping[str, Any]) -> bool:
    """Whether a JSON file is a venue's simulate dump with risk vectors."""
    response = content.get("response", content)
    result = response.get("result") if isinstance(response, Mapping) else None
    return isinstance(result, Mapping) and "model_params" in result and "margins" in result


def as_case_file(content: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Return a dump as a case file of one case."""
    case = {"id": name, "model": "deribit-pme", "input": content.get("response", content)["result"]}
    return {"schema": "margin-vectors/1", "model": "deribit-pme", "vectors": [case]}


def replay_pme(case: Mapping[str, Any], file: Mapping[str, Any], components: float, totals: float) -> Replay:
    """Return the checks of one segregated dump of futures: every cell of the risk vectors, every margin.

    To 1e-12, whatever ``components`` and ``totals`` ask for.
    """
    dump = case["input"]
    pair, params = next(iter(dump["model_params"]["currency_pair"].items()))
    coin = pair.split("_")[0].upper()
    general, currency = dump["model_params"]["general"], dump["model_params"]["currency"][coin.lower()]
    margins = dump["margins"][coin.lower()]
    details = margins["initial_margin_details"]
    changes = {f"{ours}.{coin}": float(params[theirs]) for theirs, ours in PAIR.items()}
    changes |= {f"{ours}.{coin}": float(currency[theirs]) for theirs, ours in CURRENCY.items()}
    changes |= {"factor.maintenance": general["mm_factor"], "grid.buckets": general["buckets_count"]}
    given = {"mmp": "mmp_margin", "spot": "spot_margin", "orders": "open_orders_margin"}
    changes |= {f"addon.{ours}.{coin}": float(details[theirs]) for ours, theirs in given.items()}
    index = dump["index_price"][pair]
    sketch = Sketch(coin, as_of=general["timestamp"])
    names = list(dump["portfolio"]["position"])
    for name in names:
        base, mark = dump["portfolio"]["position"][name], dump["ticker"][name]["mark_price"]
        sketch.add(name, base * mark, kind=_kind(name), form=PayoffForm.INVERSE, settle=coin, forward=mark, mark=mark)
    market = sketch.market({coin: index}, {coin: index})
    market = market.replace(instruments=market.instruments.replace(expiry=_expiries(names, market.instruments.expiry)))
    rule = load("deribit-spm")
    version = choose(rule, general["timestamp"])[0].override(changes)
    book = sketch.portfolio()
    book = type(book)(book.positions.replace(account=np.array([f"case{SPLIT}{coin}"] * len(names))))
    tape = evaluate(Chosen(rule, version), book, market, [f"case{SPLIT}{coin}"])
    req, parts = tape.requirement, tape.requirement.parts
    cells = parts["aggregated"].numbers()[0]
    vectors = dump["aggregated_risk_vectors"]
    want = vectors.get(f"{coin.lower()}_{coin.lower()}") or next(iter(vectors.values()))
    matrix = details["risk_matrix_margin_details"]
    expected = {
        "standard": want["standard"],
        "extended": want["extended"],
        "worst_case": round(matrix["worst_case"], 9),
        "roll_shock": matrix["roll_shock"],
        "delta_shock": matrix["delta_shock"],
        "risk_matrix_margin": details["risk_matrix_margin"],
        "initial_margin": margins["initial_margin"],
        "maintenance_margin": margins["maintenance_margin"],
    }
    steps = 3 * (2 * int(general["buckets_count"]) + 1)
    got: dict[str, Any] = {"standard": cells[:steps] + 0.0, "extended": cells[steps:] + 0.0}
    scalars = {"worst_case": parts["worst"], "roll_shock": parts["roll"], "delta_shock": parts["delta"]}
    scalars |= {
        "risk_matrix_margin": parts["matrix"],
        "initial_margin": req.initial,
        "maintenance_margin": req.maintenance,
    }
    got |= {name: -float(term) for name, term in scalars.items()}
    u, weights = tape.book.universe, matrix_of(tape.book, tape.cube, version, cross=False)
    own = unit_cells(tape.cube, version, weights, cross=False)
    for name, vector in dump.get("initial_risk_vectors", {}).items():
        if name in u.instruments:  # each instrument's own cells, before gains and dampener
            held = float(book.positions.quantity[names.index(name)])
            cell = own[u.instruments.index[name]] * held
            expected |= {f"{name} {kind}": vector[kind] for kind in ("standard", "extended")}
            got |= {f"{name} standard": cell[:steps], f"{name} extended": cell[steps:]}
    return Replay(case.get("id", "dump"), checks(expected, got, EXACT))


def _kind(name: str) -> Kind:
    return Kind.PERPETUAL if name.endswith("PERPETUAL") else Kind.FUTURE


def _expiries(names: list[str], given: Any) -> Any:
    """Expiry times read from dated names (BTC-28JUN24: 08:00 UTC)."""
    from datetime import UTC, datetime

    out = given.copy()
    for n, name in enumerate(names):
        if _kind(name) is Kind.FUTURE:
            moment = datetime.strptime(name.rpartition("-")[2], "%d%b%y").replace(hour=8, tzinfo=UTC)
            out[n] = int(moment.timestamp() * 1000)
    return out
