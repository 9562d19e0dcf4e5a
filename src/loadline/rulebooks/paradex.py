"""Paradex portfolio margin (PM), as the venue's documents and its own client library say.

Step numbers follow the algorithm on the rulebook's page. Amounts are in USDC, which the venue counts as one dollar.
Sources per parameter in paradex.toml.
"""

from __future__ import annotations

import numpy as np

from loadline.model.book import Book
from loadline.model.cube import Cube
from loadline.rulebooks import blocks
from loadline.rulebooks.paradex_matrix import deltas, prices, scenarios, shock
from loadline.rulebooks.paradex_provisions import equity, fees, marks, spot_charge
from loadline.rulebooks.parameters import Version
from loadline.rulebooks.rulebook import Requirement, Rulebook
from loadline.tape.term import Term, worst_of


def uncovered(longs: Term, shorts: Term, held_longs: Term, held_shorts: Term) -> tuple[Term, Term]:
    """Return the hedged and the unhedged delta (6), PnL-signed: each side filled, against what the other holds.

    ``longs``, ``shorts``: with open orders; ``held_…``: positions only; all as losses.
    """
    unhedged = worst_of(longs - held_shorts, shorts - held_longs).losses()
    return (worst_of(longs, shorts) - unhedged).losses(), unhedged


def portfolio(book: Book, cube: Cube, p: Version) -> Requirement:
    """Return the PM requirement: per base asset, then per account."""
    u = book.universe
    size, spot, delta = book.each(u.size), book.each(u.index, "unit"), book.each(deltas(u, p))
    rate = {n: blocks.traded_parameter(u, p, f"min_delta.{n}") for n in ("hedged", "unhedged")}

    def floor(hedged: Term, unhedged: Term) -> Term:
        charge = hedged * book.each(rate["hedged"], "unit") + unhedged * book.each(rate["unhedged"], "unit")
        return (charge * spot).named("minimum delta")

    # 3. PnL from the venue's mark to a modelled price; in its last half hour an option counts by the time left
    live = blocks.settlement_decay(u, p.number("settlement.window")) * ~u.spot
    weight = live[:, None] * cube.scenarios.dampening[:, cube.scenarios.columns(u.underlyings)].T
    price = prices(cube, p)
    unit_pnl = (price - marks(u)[:, None]) * weight * u.size[:, None]
    pnl = (book.quantity * cube.term(unit_pnl)).net("unit").named("positions")
    # 5, 6. maintenance looks at positions only
    scan = pnl.worst("scenario").losses().named("scanning risk")
    held = book.quantity * delta
    longs, shorts, net = (-held).losses().net("unit"), held.losses().net("unit"), held.net("unit").size()
    gross = longs + shorts
    least = floor((gross - net) * 0.5, net)
    # 7. funding over eight hours; 8. fees; 9. spot balances
    rate8 = blocks.of_the_moment(u, p, "given.funding", u.quotes.funding)
    funding = np.where(u.perpetual, rate8 * u.index * u.size, 0.0)
    paid, fee = book.quantity * book.each(funding), size * book.each(fees(u, p))
    provision = (-paid.net("unit")).losses().named("funding provision")
    fee_now, coins = (book.quantity.size() * fee).net("unit").named("fee provision"), spot_charge(book)
    # 10. the factor is on the first term alone
    factor = book.each(blocks.traded_parameter(u, p, "factor.maintenance"), "unit")
    maintenance = worst_of(scan, least) * factor + provision + fee_now + coins
    parts = {"held_scan": scan, "held_floor": least, "held_funding": provision, "held_fees": fee_now, "coins": coins}
    parts |= {"delta": held.net("unit"), "gross": gross, "hedged": (gross - net) * 0.5}

    if book.has_orders:  # initial: every order filled, and none may gain
        # 4. what each would lose in a scenario
        filled = book.order * cube.term(price * weight * u.size[:, None]) - book.order_cost * cube.term(weight)
        pnl = (pnl + filled.losses().net("unit").named("orders that lose")).named("positions and orders")
        scan = pnl.worst("scenario").losses().named("scanning risk")
        opening = book.order * delta
        buys, sells = (-opening).losses().net("unit"), opening.losses().net("unit")
        least = floor(*uncovered(longs + buys, shorts + sells, longs, shorts))
        sign = -1.0 if p.text("reading.order_funding") == "opposite" else 1.0
        paid = paid + book.order * book.each(funding * sign)
        provision = (-paid.net("unit")).losses().named("funding provision")
        fee_now = (fee_now + (book.order.size() * fee).net("unit").named("fees of orders")).named("fee provision")
        parts["order_delta"] = opening.net("unit")
    initial = worst_of(scan, least) + provision + fee_now + coins
    parts |= {"pnl": pnl, "scan": scan, "floor": least, "funding": provision, "fees": fee_now}
    return Requirement(
        initial=initial.net("account").named("initial"),
        maintenance=maintenance.net("account").named("maintenance"),
        equity=equity(book),
        parts=parts,
    )


GIVEN = "funding rates and deltas are the market's, or set (given.funding, given.delta): else none, and modelled"
RULEBOOKS = {
    "paradex-pm": Rulebook(
        name="paradex-pm",
        title="Paradex portfolio margin (PM)",
        status="to the venue's own library",
        margin=portfolio,
        scenarios=scenarios,
        shock=shock,
        currency="USDC",
        cash=True,
        notes=(GIVEN, "open orders: all filled, losing ones counted in each scenario, initial only"),
    ),
}
