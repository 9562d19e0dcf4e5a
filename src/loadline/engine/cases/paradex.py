"""Cases of Paradex: portfolios under both of its margins, its library's small examples, and its documents'."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from loadline.engine.cases.case import Check, Replay, Sketch, checks, right_of
from loadline.engine.engine import Chosen, evaluate
from loadline.engine.liquidation import liquidation_price
from loadline.model.instruments import Kind, PayoffForm
from loadline.model.market import Market
from loadline.model.positions import Balances, Orders, Portfolio
from loadline.rulebooks import blocks
from loadline.rulebooks.paradex_liquidation import reduced
from loadline.rulebooks.rulebook import Requirement, load
from loadline.tape.term import Term

Case = Mapping[str, Any]
OPTION: Mapping[str, str] = {
    "long_itm": "long_itm",
    "premium_multiplier": "premium_mult",
    "short_itm": "short_itm",
    "short_otm": "short_otm",
    "short_put_cap": "put_cap",
}


class Account:
    """A market and an account of one base asset, as the cases write them."""

    def __init__(self, base: str, spot: float) -> None:
        self.base, self.index, self.sketch = base, {base: spot}, Sketch(base)
        self.changes: dict[str, dict[str, Any]] = {"pm": {"fee.rate": 0.0}, "xm": {"fee.rate": 0.0}}
        self.orders: list[dict[str, Any]] = []
        self.balances: list[dict[str, Any]] = [{"account": "case", "currency": "USDC", "amount": 0.0}]

    def perpetual(self, name: str, quantity: float, mark: float) -> None:
        """Add a perpetual and the position in it."""
        self.sketch.add(name, quantity, kind=Kind.PERPETUAL, form=PayoffForm.LINEAR, forward=mark)

    def option(self, name: str, quantity: float, given: Case, *, rate: float = 0.0) -> None:
        """Add an option and the position in it."""
        self.sketch.add(
            name,
            quantity,
            kind=Kind.OPTION,
            form=PayoffForm.CASH_OPTION,
            strike=given["strike"],
            right=right_of(given.get("right") or name.rpartition("-")[2]),
            seconds=given.get("seconds_to_expiry", 86_400),
            forward=self.index[self.base],
            mark=given.get("mark", 0.0),
            vol=given.get("mark_iv", 0.0),
            rate=rate,
        )

    def order(self, name: str, quantity: float, limit: float) -> None:
        """Add an open order."""
        self.orders.append({"account": "case", "instrument": name, "quantity": quantity, "limit": limit})

    def hold(self, currency: str, amount: float, price: float = 1.0) -> None:
        """Add a balance; a coin at a price of its own, which need not be the index."""
        if currency == "USDC":
            self.balances.append({"account": "case", "currency": currency, "amount": amount})
        else:
            what: dict[str, Any] = {"kind": Kind.SPOT, "form": PayoffForm.SPOT, "underlying": currency, "settle": "USD"}
            self.sketch.add(currency, amount, forward=price, **what)

    def portfolio(self) -> Portfolio:
        """Return what is held."""
        held = self.sketch.portfolio()
        return Portfolio(held.positions, Balances.from_rows(self.balances), Orders.from_rows(self.orders))

    def market(self) -> Market:
        """Return the market."""
        return self.sketch.market(self.index, {"USDC": 1.0})

    def chosen(self, name: str) -> Chosen:
        """Return a rulebook under the case's parameters."""
        rule = load(name)
        return Chosen(rule, rule.versions[0].override(self.changes[name[-2:]]))

    def asked(self, name: str) -> Requirement:
        """Return the requirement under a rulebook."""
        return evaluate(self.chosen(name), self.portfolio(), self.market(), ["case"]).requirement


def number(term: Term | None) -> float:
    """Return what a part asks for, summed over the account; 0 where the rule did not need it."""
    if term is None:
        return 0.0
    return -float((term if term.level == "account" else term.net("account")).numbers().sum())


def _replay_account(case: Case, file: Case, totals: float) -> Replay:
    given, want = case["input"], case["expected"]
    config, params = file["pm_configs"][given["config"]], file["xm_option_params"]
    base, spot, vols = config["base_asset"], given["spot"], config["vol_shock_params"]
    perpetual = next((x["mark"] for x in given["instruments"] if x["kind"] == "PERP"), spot)
    account = Account(base, spot)
    for x in given["instruments"]:
        held = sum(side * size for name, side, size in given["positions"] if name == x["symbol"])
        if x["kind"] == "PERP":
            account.perpetual(x["symbol"], held, x["mark"])
        else:
            account.option(x["symbol"], held, x, rate=given["interest_rate"])
        account.changes["pm"][f"given.delta.{x['symbol']}"] = x["delta"]
    for name, side, size, limit in given["orders"]:
        account.order(name, side * size, limit)
    for token, size in given["balances"]:
        account.hold(token, size, perpetual)
    account.changes["pm"] |= {
        f"scenarios.grid.{base}": [[s["spot_shock"], s["vol_shock"], s["weight"]] for s in config["scenarios"]],
        "vol_shock.dte_floor": float(vols["dte_floor_days"]),
        "vol_shock.short_power": vols["vega_power_short_dte"],
        "vol_shock.long_power": vols["vega_power_long_dte"],
        f"vol_shock.min_vol_up.{base}": vols["min_vol_shock_up"],
        f"min_delta.hedged.{base}": config["hedged_margin_factor"],
        f"min_delta.unhedged.{base}": config["unhedged_margin_factor"],
        "factor.maintenance": config["mmf_factor"],
        "fee.rate": given["fee_rate"],
        "given.funding": given["funding_rate_8h"],
    }
    account.changes["xm"] |= {
        "fee.rate": given["fee_rate"],
        "cross.imf": file["xm_perp_params"]["imf_base"],
        "cross.mmf_factor": file["xm_perp_params"]["mmf_factor"],
    }
    for side, key in (("initial", "imf"), ("maintenance", "mmf")):
        account.changes["xm"] |= {f"cross_option.{side}_{OPTION[n]}.{base}": x for n, x in params[key].items()}
    pm = account.asked("paradex-pm")
    losses = np.maximum(-pm.parts["pnl"].numbers()[0], 0.0)
    held_delta, order_delta = (-number(pm.parts.get(n)) for n in ("delta", "order_delta"))
    found = {
        "IMR": number(pm.initial),
        "MMR": number(pm.maintenance),
        "position_delta": held_delta,
        "order_delta": order_delta,
        "portfolio_delta": held_delta + order_delta,
        "worst_idx": float(losses.argmax()),
    }
    for theirs, ours in (
        ("worst_loss", "scan"),
        ("delta_min", "floor"),
        ("fund_p", "funding"),
        ("fee_provision_imr", "fees"),
        ("fee_provision_mmr", "held_fees"),
        ("spot_balance_margin", "coins"),
    ):
        found[theirs] = number(pm.parts[ours])
    result = [*checks({f"PM {k}": x for k, x in want["pm"].items()}, {f"PM {k}": x for k, x in found.items()}, totals)]
    got = _cross_figures(account.asked("paradex-xm")) | {"portfolio_delta": held_delta + order_delta}
    result += checks({f"XM {k}": x for k, x in want["xm"].items()}, {f"XM {k}": x for k, x in got.items()}, totals)
    return Replay(case["id"], tuple(result))


def _cross_figures(req: Requirement) -> dict[str, float]:
    parts, total = req.parts, {"IMR": number(req.initial), "MMR": number(req.maintenance)}
    return total | {
        "net_imr": number(parts["initial"]),
        "net_mmr": number(parts["maintenance"]),
        "fee_provision_imr": number(parts["initial_fees"]),
        "fee_provision_mmr": number(parts["maintenance_fees"]),
        "open_loss": number(parts.get("open_loss")),
        "spot_balance_margin": number(parts["coins"]),
    }


def _cross_option(given: Case) -> dict[str, float]:
    account = Account("BTC", given["spot"])
    size = given["size"] if given.get("long", True) else -given["size"]
    account.option(given.get("symbol", f"OPTION-{given.get('right', 'C')}"), size, given)
    req = account.asked("paradex-xm")
    return {"imr": number(req.initial), "mmr": number(req.maintenance)}


def _cross_total(given: Case) -> dict[str, float]:
    perpetual, call = given["market"]["BTC_PERP"], given["market"]["CALL"]
    account = Account("BTC", call["spot"])
    for name, quantity in given["positions"]:
        if name == call["symbol"]:
            account.option(name, quantity, call)
        else:
            account.perpetual(name, quantity, perpetual["mark"])
    account.hold("USDC", given["balance_usdc"])
    return _cross_figures(account.asked("paradex-xm"))


def _cross_orders(given: Case) -> dict[str, float]:
    account, name = Account("BTC", given["mark"]), "BTC-USD-PERP"
    account.perpetual(name, given.get("position", 0.0), given["mark"])
    prices: dict[str, Any] = {
        "buy": given.get("buy_price"),
        "sell": given.get("sell_price"),
        "order_buy": given.get("price"),
    }
    prices |= {"buy_orders": given["mark"], "sell_orders": given["mark"]}
    for key, price in prices.items():
        if key in given:
            account.order(name, -given[key] if key.startswith("sell") else given[key], price)
    account.changes["xm"] = {"fee.rate": given.get("fee_rate", 0.0)}
    account.changes["xm"] |= {"cross.imf": given.get("imf_base", given.get("imf", 0.02))}
    req = account.asked("paradex-xm")
    figures = _cross_figures(req)
    sides = {f"{ours}_open": number(req.parts[f"futures_{theirs}"]) for ours, theirs in SIDES.items()}
    more = {"fee_imr": figures["fee_provision_imr"], "worst_size": max(sides.values()), "imr": figures["net_imr"]}
    return figures | sides | more


SIDES = {"buy": "bought", "sell": "sold"}


def _spot_balance(given: Case) -> dict[str, float]:
    account = Account("ETH", given["mark"])
    account.hold("ETH", given["eth"], given["mark"])
    return {"charge": number(account.asked("paradex-pm").initial)}


def _fee(given: Case) -> dict[str, float]:
    account = Account("BTC", given.get("spot", given["mark"]))
    if "spot" in given:
        account.option("OPTION-C", given["size"], {"mark": given["mark"], "strike": given["spot"]})
    else:
        account.perpetual("PERP", given["size"], given["mark"])
    account.changes["xm"]["fee.rate"] = given["fee_rate"]
    return {"fee": number(account.asked("paradex-xm").parts["maintenance_fees"])}


def _fraction(given: Case) -> dict[str, float]:
    account = Account("BTC", 1.0)
    account.option("OPTION-C", 1.0, {"strike": 1.0, "seconds_to_expiry": given["seconds"]})
    chosen = account.chosen("paradex-pm")
    universe = evaluate(chosen, account.portfolio(), account.market(), ["case"]).book.universe
    live = blocks.settlement_decay(universe, chosen.version.number("settlement.window"))
    return {"fraction": float(live[universe.option][0])}


def _liquidation(given: Case) -> dict[str, float]:
    account = Account("BTC", given["spot"])
    account.perpetual("PERP", given["size"], given["spot"])
    account.hold("USDC", given["cash"])
    account.changes["xm"] |= {"cross.imf": 2.0 * given["mmr_rate"], "cross.mmf_factor": 0.5}
    (found,) = liquidation_price(account.portfolio().live(), account.market(), account.chosen("paradex-xm"), "case")
    return {"down": float("nan") if found.price is None else found.price}


def _black_scholes(given: Case) -> dict[str, float]:
    from loadline.kernels import black_scholes_as  # compiled code: loaded on first use

    one, w = np.ones(1), float(right_of(given["right"]))
    spot, vol = np.full((1, 1), float(given["S"])), np.full((1, 1), given["vol"])
    price = black_scholes_as.value(spot, given["K"] * one, vol, given["T"] * one, given["r"] * one, w * one)
    return {"price": float(price.item())}


def _min_delta(given: Case) -> dict[str, float]:
    account = Account("BTC", given["spot"])
    for n, row in enumerate(given["positions"]):
        account.perpetual(f"CONTRACT-{n}", row["amount"], given["spot"])
        account.changes["pm"][f"given.delta.CONTRACT-{n}"] = row["delta"]
    account.changes["pm"] |= {"min_delta.hedged": given["hedged_pct"], "min_delta.unhedged": given["unhedged_pct"]}
    parts = account.asked("paradex-pm").parts
    return {"net_delta": -number(parts["delta"]), "requirement": number(parts["floor"])} | {
        "gross_delta": number(parts["gross"]),
        "hedged_delta": number(parts["hedged"]),
    }


def _ladder(given: Case) -> dict[str, float]:
    left = reduced(given["account_value"], given["mmr"], given["share"], given["penalty_of_released_mmr"])
    figures = {"mmr_after": left.maintenance, "penalty": left.penalty, "account_value_after": left.value}
    return figures | {"ratio_after": left.ratio}


SMALL: Mapping[str, Callable[[Case], dict[str, float]]] = {
    "xm_option": _cross_option,
    "xm_total": _cross_total,
    "xm_order": _cross_orders,
    "open_order_imr": _cross_orders,
    "spot_balance": _spot_balance,
    "fee_provision": _fee,
    "settlement_fraction": _fraction,
    "liquidation_price": _liquidation,
    "black_scholes": _black_scholes,
    "min_delta_requirement": _min_delta,
    "partial_liquidation_ladder": _ladder,
}
PRINTED: Mapping[str, float] = {"ratio_after": 5e-4}
"""What the documents print with so many digits."""


def replay_paradex(case: Case, file: Case, components: float, totals: float) -> Replay:
    """Return the checks of one case; small examples within their stated absolute tolerance."""
    kind = case["kind"]
    if kind == "pm_and_xm":
        return _replay_account(case, file, totals)
    if kind not in SMALL:
        return Replay(case["id"], skipped=f"no rule for {kind}")
    got, given = SMALL[kind](case["input"]), case.get("tolerance_abs")
    return Replay(case["id"], tuple(_check(k, x, got, given, totals) for k, x in case["expected"].items()))


def _check(name: str, want: float, got: Mapping[str, float], printed: float | None, totals: float) -> Check:
    absolute = PRINTED.get(name, printed)
    tolerance = totals if absolute is None else absolute / max(1.0, abs(want))
    return Check(name, float(want), got.get(name, float("nan")), tolerance)
