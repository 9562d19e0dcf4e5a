"""Derive standard margin (SRM): the better of isolated charges and the worst settlement, expiry by expiry.

No offset across expiries or markets. The venue speaks of net margin = equity - requirement. Sources: public cases
and docs, per parameter in derive_srm.toml.
"""

from __future__ import annotations

import numpy as np

from loadline.foundation.table import Floats
from loadline.model.book import Book
from loadline.model.cube import Cube
from loadline.model.market import Market
from loadline.rulebooks import blocks
from loadline.rulebooks.parameters import Version
from loadline.rulebooks.rulebook import Requirement, Rulebook, no_scenarios, no_shock
from loadline.tape.term import Axis, Term, worst_of


def settlement_payoffs(book: Book) -> tuple[Axis, Floats]:
    """Return the payoff of one option at each settlement price to look at: 0 and every strike held in its expiry.

    (N, J), J the most strikes in any expiry, plus one; shorter lists repeat their last strike, which changes no worst.
    """
    u = book.universe
    codes, strike, held = u.classes.code["expiry"], u.instruments.strike, book.held
    lists = {int(e): np.unique(strike[(codes == e) & u.option & held]) for e in np.unique(codes[u.option])}
    width = max((len(k) for k in lists.values()), default=0) + 1
    price = np.zeros((len(u), width))
    for e, strikes in lists.items():
        if len(strikes):
            price[codes == e, 1:] = np.append(strikes, np.repeat(strikes[-1], width - 1 - len(strikes)))
    payoff = np.maximum(u.instruments.right[:, None] * (price - np.nan_to_num(strike)[:, None]), 0.0)
    axis = Axis("settlement", ("at 0", *(f"at strike {j}" for j in range(1, width))))
    return axis, np.where(u.option[:, None], payoff * u.size[:, None], 0.0)


def margin(book: Book, cube: Cube, p: Version) -> Requirement:
    """Return initial and maintenance requirement, per market, then per account."""
    u = book.universe
    i, keys = u.instruments, u.underlyings
    stable, forward = blocks.stable_price(u), u.quotes.forward
    cash, call = blocks.cash_rows(u), u.option & (i.right > 0)
    option_forward = np.nan_to_num(blocks.spread_in_expiry(u, forward, u.option))
    options, futures, owned = book.only(u.option), book.only(u.future), blocks.owned(book)
    futures_held = u.future & book.held  # one on order or only looked at has no say
    mark = (options * book.each(cube.base)).net("expiry").named("mark to market")

    # (a) isolated charge per short contract, its mark included
    spot, mtm = u.index * u.size, cube.base
    strike = np.nan_to_num(i.strike)
    out_of_money = np.maximum(i.right * (strike - u.index), 0.0) / u.index
    scaled = np.maximum(p.each("option.max_spot", keys) - out_of_money, p.each("option.min_spot", keys)) * spot + mtm
    put = np.maximum(
        p.each("option.maintenance_put_spot", keys) * spot, p.each("option.maintenance_put_mark", keys) * mtm
    )
    maintained = mtm + np.where(call, p.each("option.maintenance_call_spot", keys) * spot, put)
    put_initial = np.maximum(scaled, maintained * p.number("option.initial_put_offset"))
    isolated = {"maintenance": maintained, "initial": np.where(call, scaled, put_initial)}

    # (b) the worst settlement among 0 and the strikes held, unpaired short calls at a charge of their own
    axis, payoffs = settlement_payoffs(book)
    settled = (options * book.each(payoffs, axis=axis)).net("expiry").worst("settlement").losses()
    calls = (book.only(call) * book.each(u.size)).net("expiry").losses().named("unpaired short calls")

    # an unsure oracle and a stablecoin off its peg cost initial margin
    def doubt(kind: str, confidence: Floats) -> Floats:
        charge = (1.0 - confidence) * p.number("oracle.factor") * u.index
        return np.where(confidence < p.number(f"oracle.{kind}_threshold"), charge, 0.0)

    sure = np.minimum(u.quotes.confidence, u.index_confidence)
    peg = max(p.number("peg.threshold") - stable, 0.0) * p.number("peg.factor") * u.index
    coins = book.each(u.size)
    shorts = (options * coins).losses().named("short options")
    size = (futures * coins).net("unit").size().named("perpetual size")
    unsure = (shorts * book.each(doubt("option", sure))).net("unit")
    unsure = unsure + size * book.each(blocks.worst_in_unit(book, doubt("perpetual", sure), futures_held), "unit")
    base = owned * book.each(np.where(cash, 0.0, doubt("base", sure)))
    unsure = (unsure + base.net("unit")).named("oracle contingency")
    depeg = (shorts.net("unit") * book.each(peg, "unit") + size * book.each(peg, "unit")).named("depeg contingency")

    def side(name: str) -> Term:
        alone = (options.losses() * book.each(isolated[name])).net("expiry").named("isolated margin")
        scale = book.each(p.each(f"unpaired_call.{name}", keys) * option_forward, "expiry")
        together = (settled + calls * scale).named("maximum loss")
        option = (-worst_of(-alone, -together).named("better of the two") - mark).net("unit").named("options")
        rate = p.each(f"perpetual.{name}", keys) * forward
        perpetual = (size * book.each(blocks.worst_in_unit(book, rate, futures_held), "unit")).named("perpetuals")
        factor = blocks.wallet_parameter(u, p, "collateral.factor") * (
            blocks.wallet_parameter(u, p, "collateral.initial_scale") if name == "initial" else 1.0
        )
        haircut = np.where(cash, 0.0, forward / stable - forward * factor)
        collateral = (owned * book.each(haircut)).net("unit").named("collateral haircut")
        return option + perpetual + collateral

    worth = np.where(cash, 1.0, forward / stable) * u.spot
    equity = mark.net("account").named("options")
    equity = equity + (book.quantity * book.each(worth)).net("account").named("balances")
    equity = equity + (book.unsettled * book.each(blocks.cash_rate(u))).net("account").named("unsettled pnl")
    return Requirement(
        initial=(side("initial") + unsure + depeg).net("account").named("initial"),
        maintenance=side("maintenance").net("account").named("maintenance"),
        equity=equity.named("equity"),
        parts={"oracle": unsure, "depeg": depeg, "mark": mark},
    )


def one_at_a_time(market: Market, p: Version) -> bool:
    """Settlement prices to look at are the strikes that one account holds."""
    return True


RULEBOOKS = {
    "derive-srm": Rulebook(
        name="derive-srm",
        title="Derive standard margin (SRM)",
        status="exact",
        margin=margin,
        scenarios=no_scenarios,
        shock=no_shock,
        liquidated_as="derive",
        needs=("index", "forward", "vol"),
        currency="USDC",
        cash=True,
        alone=one_at_a_time,
        notes=("open orders are not margined: the venue's check leaves them out", blocks.RESTATED),
    )
}
