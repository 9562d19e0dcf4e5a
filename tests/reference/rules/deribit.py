"""Deribit portfolio margin v4 once more from the venue's documents: by wallet (S:PM) and across them (X:PM).

Steps are those of the rulebook's page. A cell is a function of the move; every position is priced anew in every cell.
"""

import math
from collections.abc import Callable

from tests.reference.rules.common import (
    STABLE,
    Account,
    Contract,
    Holding,
    Order,
    Parameters,
    Snapshot,
    black,
    black_delta,
    pair,
    vol_factors,
)

WORDS = ("same", "up", "down")


def shocked_vol(c: Contract, word: str, p: Parameters) -> float:
    """Step 2."""
    key = pair(c.underlying)
    floor = 1.0 if p("reading.dte_floor") == "1 day" else 0.0
    up, down = vol_factors(c.days, p, key, floor, boundary_is_short=False)
    if word == "same":
        return c.vol
    if word == "down":
        return c.vol * down
    least = p("vol_shock.min_vol_up", key)
    return max(c.vol, least) * up if p("reading.vol_floor") == "on_input" else max(c.vol * up, least)


def contract_value(c: Contract, move: float, vol: float, index: float, p: Parameters) -> float:
    """Step 3: value of one contract in its settlement currency after a move of the price."""
    forward = c.forward * (1.0 + move)
    if c.form == "inverse":
        return -c.multiplier / forward
    if c.form in ("linear", "spot"):
        return c.multiplier * forward
    cash = c.multiplier * black(forward, c.strike, vol, c.years, c.right)
    if c.form == "cash_option":
        return cash
    return cash / (index * (1.0 + move) if p("reading.option_coin") == "index" else forward)


def left(c: Contract, p: Parameters) -> float:
    """The share of a contract that its settlement average has not fixed yet."""
    window = p("settlement.window")
    return c.seconds / window if c.dated and c.seconds < window else 1.0


class Unit:
    """One risk matrix: a coin's, in coin (segregated) or in USD (cross), or a pair's in a stablecoin wallet."""

    def __init__(self, market: Snapshot, p: Parameters, underlying: str, *, unit: str, cross: bool) -> None:
        self.market, self.p, self.cross = market, p, cross
        self.key = pair(underlying)
        self.in_coin = not cross and unit == underlying and underlying not in STABLE
        # S:PM in a stablecoin has per-currency parameters of its own
        self.wallet = self.key if cross or self.in_coin else "USD"
        self.index = market.price(underlying)
        self.usd = 1.0 / self.index if self.in_coin else 1.0  # one USD in the unit of a cell
        if not cross and not self.in_coin:
            self.usd = 1.0 / market.price(unit.rpartition("_")[2] if "_" in unit else unit)
        self.reach = p("grid.price_range", self.key)
        self.positions: list[Holding] = []
        self.coins: list[Holding] = []
        self.orders: list[Order] = []

    def cells(self) -> list[tuple[float, str, bool]]:
        """(move, vol, extended) of every cell: steps 1 and 5."""
        n = int(self.p("grid.buckets"))
        found = [(self.reach * k / n, word, False) for k in range(-n, n + 1) for word in WORDS]
        extended = self.p("grid.extended_moves")
        return found + [(float(m) if self.reach else 0.0, "up", True) for m in extended]

    def fit(self, move: float, extended: bool) -> float:
        """Step 5: what an extended cell is multiplied by."""
        if not extended:
            return 1.0
        if move == 0.0:
            return 0.0
        factor = self.p("grid.extended_factor", self.key) * self.reach / abs(move)
        edge = 1.0 + math.copysign(self.reach, move)
        return factor * (1.0 + move) / edge if self.in_coin else factor

    def rate(self, currency: str, move: float) -> float:
        """USD per unit of a settlement currency after the move; 1 inside a wallet of that currency."""
        if not self.cross:
            return 1.0
        price = self.market.price(currency)
        return price if currency in STABLE else price * (1.0 + move)

    def pnl(self, c: Contract, cell: tuple[float, str, bool]) -> float:
        """Step 4: PnL of one contract in one cell, and of its mark that sits in the wallet as coin."""
        move, word, extended = cell
        before = contract_value(c, 0.0, c.vol, self.index, self.p)
        carried = 0.0
        if c.option:
            carried = c.mark * c.multiplier
            before = carried if self.p("reading.base") == "mark" else before
        after = contract_value(c, move, shocked_vol(c, word, self.p), self.index, self.p)
        if extended and c.form == "coin_option" and self.p("reading.extended") == "cash":
            cash = after * (1.0 + move) - before  # what its cash value gains, in coins of today
            return cash * self.index if self.cross else cash / (1.0 + move)
        if not self.cross:
            return after - before
        return (carried + after - before) * self.rate(c.settle, move) - carried * self.rate(c.settle, 0.0)

    def vector(self, cell: tuple[float, str, bool]) -> float:
        """Step 6, before the dampener."""
        move, _, extended = cell
        total = sum(h.quantity * self.pnl(h.contract, cell) * left(h.contract, self.p) for h in self.positions)
        if self.cross:  # step 14: what the wallet holds is a position too
            total += sum(h.quantity * h.contract.forward * move for h in self.coins)
            for h in self.positions:
                total += h.unsettled * (self.rate(h.contract.settle, move) - self.rate(h.contract.settle, 0.0))
        return total * self.fit(move, extended)

    def filled(self, o: Order, cell: tuple[float, str, bool]) -> float:
        """A filled order's PnL against its limit, weighed like the cell it enters."""
        move, word, extended = cell
        c = o.contract
        after = contract_value(c, move, shocked_vol(c, word, self.p), self.index, self.p)
        cost = -c.multiplier / o.limit if c.form == "inverse" else c.multiplier * o.limit
        return o.quantity * (after - cost) * left(c, self.p) * self.fit(move, extended) * self.rate(c.settle, move)

    def finish(self, cell: tuple[float, str, bool], value: float) -> float:
        """Steps 7 and 8."""
        move, _, extended = cell
        if extended and self.reach:
            steps = max(abs(move) / self.reach, 1.0) - 1.0
            damp = steps * self.p("dampener.usd", self.wallet) * self.usd
            if self.in_coin:
                damp /= 1.0 + math.copysign(self.reach, move)
            value = math.copysign(max(abs(value) - damp, 0.0), value)
        if value > 0.0:
            value = min(
                value * self.p("pnl_offset.share", self.wallet), self.p("pnl_offset.limit", self.wallet) * self.usd
            )
        return value

    def worst(self, value: Callable[[tuple[float, str, bool]], float]) -> float:
        """Step 9 without its rounding."""
        return max(0.0, -min(self.finish(cell, value(cell)) for cell in self.cells()))

    def delta(self, h: Holding, reading: str) -> float:
        """Delta of a position in coins, while it is not settled."""
        c = h.contract
        if c.delta_one:
            return h.quantity * c.coins * left(c, self.p)
        if reading == "none":
            return 0.0
        each = black_delta(c.forward, c.strike, c.vol, c.years, c.right)
        if reading == "net_of_premium" and c.form == "coin_option":
            each -= c.mark
        return h.quantity * c.multiplier * each * left(c, self.p)

    def money(self) -> float:
        """The unit of a result for one coin of delta."""
        return 1.0 if self.in_coin else self.index * self.usd

    def roll(self) -> float:
        """Step 10: expiry buckets, a perpetual one of its own, and each settlement currency apart."""
        buckets: dict[tuple[float, str], list[Holding]] = {}
        for h in self.positions:
            buckets.setdefault((h.contract.seconds, h.contract.settle), []).append(h)
        total = 0.0
        for (_, _), held in buckets.items():
            annual, years = self.p("roll.annual_move", self.wallet), held[0].contract.years
            tenor = math.exp(annual * years) - 1.0 if self.p("reading.roll") == "exp" else annual * years
            net = sum(self.delta(h, self.p("reading.roll_options")) for h in held)
            total += abs(net) * max(self.p("roll.min_move", self.wallet), tenor) * self.money()
        return total

    def delta_shock(self) -> float:
        """Step 11."""
        delta1 = sum(self.delta(h, "counted") for h in self.positions if h.contract.option and h.quantity > 0)
        delta2 = sum(self.delta(h, "counted") for h in self.positions if not h.contract.option or h.quantity < 0)
        if delta2 < 0:
            d = min(max(delta1 + delta2, delta2), 0.0)
        else:
            d = max(min(delta1 + delta2, delta2), 0.0)
        over = max(abs(d) * self.index - self.p("delta_shock.threshold", self.key), 0.0)
        slope, cap = self.p("delta_shock.slope", self.key), self.p("delta_shock.cap", self.key)
        return min(over / self.index * abs(d) * slope, cap * abs(d)) * self.money()

    def margin(self) -> dict[str, float]:
        """Step 13, before accounts are summed."""
        bare = self.worst(self.vector)
        worst = round(bare, 9)
        matrix = worst + self.roll() + self.delta_shock()
        added = sum(self.p(f"addon.{name}", self.key) for name in ("mmp", "spot", "orders"))
        orders = 0.0
        if self.orders:
            with_orders = self.worst(
                lambda cell: self.vector(cell) + sum(min(self.filled(o, cell), 0.0) for o in self.orders)
            )
            orders = with_orders - worst
        return {
            "worst case": worst,
            "roll shock": self.roll(),
            "delta shock": self.delta_shock(),
            "risk matrix": matrix,
            "initial": matrix + added + orders,
            "open orders": orders,
        }


def _sum(units: list[Unit], p: Parameters) -> dict[str, float]:
    total = {"initial": 0.0, "risk matrix": 0.0, "worst case": 0.0, "roll shock": 0.0, "delta shock": 0.0}
    for unit in units:
        for name, value in unit.margin().items():
            if name in total:
                total[name] += value
    total["maintenance"] = p("factor.maintenance") * total["risk matrix"]
    return total


def segregated(market: Snapshot, held: Account, p: Parameters, currency: str) -> dict[str, float]:
    """S:PM of one account and wallet, in the wallet's currency."""
    units: dict[str, Unit] = {}

    def unit_of(c: Contract) -> Unit:
        name = c.underlying if c.settle == c.underlying or c.kind == "spot" else f"{c.underlying}_{c.settle}"
        return units.setdefault(name, Unit(market, p, c.underlying, unit=name, cross=False))

    equity = 0.0
    for h in held.wallet:
        if h.contract.id == currency:
            equity += h.quantity
            unit_of(h.contract)
    for h in held.positions:
        if h.contract.settle == currency:
            unit_of(h.contract).positions.append(h)
            equity += h.unsettled + (h.quantity * h.contract.multiplier * h.contract.mark if h.contract.option else 0.0)
    for o in held.orders:
        if o.contract.settle == currency:
            unit_of(o.contract).orders.append(o)
    total = _sum(list(units.values()), p)
    return total | {"equity": equity, "initial": round(total["initial"], 9)}


def cross(market: Snapshot, held: Account, p: Parameters) -> dict[str, float]:
    """X:PM of one account, in USD."""
    units: dict[str, Unit] = {}

    def unit_of(c: Contract) -> Unit:
        return units.setdefault(c.underlying, Unit(market, p, c.underlying, unit=c.underlying, cross=True))

    equity = haircut = 0.0
    for h in held.wallet:
        unit_of(h.contract).coins.append(h)
        value = h.quantity * h.contract.forward
        equity += value
        haircut += max(value, 0.0) * p("collateral.haircut", h.contract.id)
    for h in held.positions:
        unit_of(h.contract).positions.append(h)
        rate = market.price(h.contract.settle)
        mark = h.quantity * h.contract.multiplier * h.contract.mark if h.contract.option else 0.0
        equity += (h.unsettled + mark) * rate
    for o in held.orders:
        unit_of(o.contract).orders.append(o)
    total = _sum(list(units.values()), p)
    return total | {"equity": equity, "initial": round(total["initial"] + haircut, 9), "haircuts": haircut}
