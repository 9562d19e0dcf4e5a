"""Derive portfolio margin, PMRM_2: worst of a damped grid with skew, against a basis contingency, plus static charges.

The venue speaks of net margin = equity - requirement; positive is healthy. Amounts are in its cash asset, USDC.
Sources: the venue's PM2 page and public cases; each parameter in derive.toml. Numbers in comments: steps of its page.
"""

from __future__ import annotations

import numpy as np

from loadline.foundation.errors import RuleError
from loadline.kernels.shock import smile_tilt
from loadline.model.book import Book
from loadline.model.cube import Cube, Shocked, spot_moves, vol_instructions
from loadline.model.scenario_set import Scenarios
from loadline.model.universe import Universe
from loadline.rulebooks import blocks
from loadline.rulebooks.parameters import Version
from loadline.rulebooks.rulebook import Requirement, Rulebook
from loadline.tape.term import worst_of

GRID = ("regular", "tail", "skew")
VOLS = {"down": -1.0, "none": 0.0, "up": 1.0, "skew_linear": 2.0, "skew_abs": 3.0}


def scenarios(universe: Universe, p: Version) -> Scenarios:
    """Return the regular, tail and skew scenarios, and the two moves of the basis contingency."""
    return blocks.damped_grid(universe, p, VOLS, (*GRID, "basis"))


def shock(universe: Universe, grid: Scenarios, p: Version) -> Shocked:
    """Return shocked forwards, vols, and each option's discount."""
    q, keys = universe.quotes, universe.underlyings
    # 2. what a settlement average has fixed no longer moves
    fixed = blocks.settled_part(universe, p.number("settlement.window"))[:, None]
    forward = (q.forward[:, None] - fixed) * (1.0 + spot_moves(universe, grid)) + fixed
    # 5. vol up (floored), none, down; 8. the smile tilted linearly in moneyness or in its size
    up, down = blocks.power_rule(universe, p, p.number("vol_shock.dte_floor"), inclusive=True)
    vol, root = np.nan_to_num(q.vol), np.sqrt(universe.tau)
    with np.errstate(divide="ignore", invalid="ignore"):
        moneyness = np.nan_to_num(np.log(universe.instruments.strike / q.forward))
    shape = {n: p.each(f"skew.{n}", keys) for n in ("min_width", "width_scale", "vol_static", "vol_slope")}
    linear, size = ({n: p.each(f"skew.{k}_{n}", keys) for n in ("base_cap", "cap_slope")} for k in ("linear", "abs"))
    ladder = [
        vol * down,
        vol,
        np.maximum(vol * up, p.each("vol_shock.min_vol_up", keys)),
        vol * smile_tilt(moneyness, root, **linear, **shape),
        vol * smile_tilt(np.abs(moneyness), root, **size, **shape),
    ]
    step = vol_instructions(universe, grid).astype(np.int64) + 1
    shocked = np.take_along_axis(np.stack(ladder, axis=1), step, axis=1)
    return Shocked(forward, shocked, discount=np.exp(-blocks.rate(universe, p) * universe.tau))


def margin(book: Book, cube: Cube, p: Version) -> Requirement:
    """Return initial and maintenance requirement as the PM2 page reads: per risk unit, then per account."""
    u = book.universe
    keys, rate = u.underlyings, blocks.rate(u, p)
    stable, skewed = blocks.stable_price(u), cube.scenarios.family[cube.rows(*GRID)] == "skew"

    # 4. mark to market at the model's own price; collateral is counted in units of the cash asset
    options, futures, spot = book.only(u.option), book.only(u.future), book.only(u.spot)
    mark = (options * book.each(cube.base)).net("expiry").named("mark to market")
    worth = np.where(blocks.cash_rows(u), 1.0, u.quotes.forward / stable) * u.spot

    # 6. static discount on an expiry's shocked value, by its sign
    def carry(side: str) -> np.ndarray:
        mult, add = (p.number(f"static_discount.{side}_rate_{n}") for n in ("mult", "add"))
        return u.tau * (rate * mult + add)

    gain = book.each(p.number("static_discount.long") * np.exp(-carry("long")), "expiry")
    loss = np.minimum(np.exp(rate * u.tau), p.number("static_discount.short") / np.exp(-carry("short")))
    value = (options * cube.term(cube.value, *GRID)).net("expiry").named("shocked value")
    change = value.signed_scale(gain=gain, loss=book.each(loss, "expiry")) - mark

    # 7. scenario PnL; 8. a skew may turn either way in each expiry, so there a gain counts as a loss
    turned = blocks.along(cube.axis(*GRID), np.where(skewed, -1.0, 1.0))
    option_pnl = change.signed_scale(gain=turned, loss=1.0).net("unit").named("options")
    perpetual_pnl = (futures * cube.term(cube.base[:, None] * cube.move, *GRID)).net("unit").named("perpetuals")
    shocked = worth * blocks.wallet_parameter(u, p, "collateral.risk_cancelling")
    cover_pnl = (spot * cube.term(shocked[:, None] * cube.move, *GRID)).net("unit").named("risk-cancelling collateral")
    dampening = blocks.by_scenario(book, cube, cube.scenarios.dampening, "unit", *GRID)
    pnl = ((option_pnl + perpetual_pnl + cover_pnl) * dampening).named("scenario PnL")
    scan = pnl.worst("scenario").named("scanning risk")

    # 9. the basis contingency competes with the grid
    moved = (options * cube.term(cube.value - cube.base[:, None], "basis", name="basis")).net("expiry").worst("basis")
    length = book.each(p.each("basis.add", keys) + p.each("basis.mult", keys) * u.tau, "expiry")
    basis = (moved.losses() * length).net("unit").named("basis contingency")
    worst = worst_of(scan, basis).named("worst loss")

    # 10. contingencies: perpetuals, naked shorts per strike, collateral haircuts, and an unsure oracle (initial only)
    naked = (options * book.each(u.size)).net("strike").losses().net("unit").named("naked shorts")
    size, owned = (futures * book.each(u.size)).net("unit").size().named("perpetual size"), blocks.owned(book)
    parts = {}
    for side in ("maintenance", "initial"):
        parts[f"perpetual {side}"] = size * book.each(p.each(f"perpetual.{side}", keys) * u.index, "unit")
        parts[f"option {side}"] = naked * book.each(p.each(f"option.{side}", keys) * u.index, "unit")
        haircut = blocks.wallet_parameter(u, p, f"collateral.{side}_haircut") * worth
        parts[f"collateral {side}"] = (owned * book.each(haircut)).net("unit")
    parts = {name: part.named(f"{name} contingency") for name, part in parts.items()}
    sure = blocks.held_confidence(book)
    unsure_worth = blocks.doubt(np.minimum(u.quotes.confidence, u.index_confidence), p) * worth
    doubt = blocks.doubt(np.minimum(sure, u.quotes.confidence), p) * u.index
    unsure = ((options * book.each(u.size)).size() * book.each(doubt)).net("unit")
    unsure = unsure + size * book.each(blocks.doubt(sure, p) * u.index, "unit")
    cover = (owned * book.each(np.where(blocks.cash_rows(u), 0.0, unsure_worth))).net("unit")
    unsure = (unsure + cover).named("oracle contingency")

    # 11, 12. the loss factor, dearer for initial while the stablecoin is off its peg; static charges are added
    peg = max(p.number("peg.threshold") - stable, 0.0) * p.number("peg.factor")
    static = parts["perpetual maintenance"] + parts["option maintenance"] + parts["collateral maintenance"]
    extra = parts["perpetual initial"] + parts["option initial"] + parts["collateral initial"] + unsure
    maintenance = worst * book.each(p.each("loss_factor.maintenance", keys), "unit") + static
    initial = worst * book.each(p.each("loss_factor.initial", keys) + peg, "unit") + static + extra
    equity = mark.net("account").named("options") + (spot * book.each(worth)).net("account").named("balances")
    equity = equity + (book.unsettled * book.each(blocks.cash_rate(u))).net("account").named("unsettled pnl")
    return Requirement(
        initial=initial.net("account").named("initial"),
        maintenance=maintenance.net("account").named("maintenance"),
        equity=equity.named("equity"),
        parts=parts | {"scenario_pnl": pnl, "basis": basis, "oracle": unsure, "worst": worst, "mark": mark},
    )


def check(p: Version) -> None:
    """Refuse what the venue's contract refuses: a skew scenario that moves spot; raises ``RuleError``."""
    for rows in p.parameter("scenarios.skew").values():
        if any(float(row[0]) != 1.0 for row in rows):
            what, causes = f"{p.label}: a skew scenario may not move spot", "the venue's own suite skips such a case"
            raise RuleError(what, causes=causes, remedy="give skew scenarios a spot factor of 1")


RULEBOOKS = {
    "derive": Rulebook(
        name="derive",
        title="Derive portfolio margin (PMRM_2)",
        status="exact",
        margin=margin,
        scenarios=scenarios,
        shock=shock,
        needs=("index", "forward", "vol"),
        currency="USDC",
        cash=True,
        alone=blocks.doubtful_perpetuals,
        check=check,
        notes=("open orders are not margined: the venue's check leaves them out", blocks.RESTATED),
    )
}
