"""Paradex's two margins once more, account by account in loops (its documents and client library)."""

from tests.reference import black_scholes_as as bs
from tests.reference.rules.common import CASH, Account, Contract, Order, Parameters, Snapshot

Answer = dict[str, float]
DAY = 86_400.0


def coins(c: Contract) -> float:
    """Coins per unit of quantity, as the venue would list the contract: settled in cash."""
    return c.multiplier / c.forward if c.form == "inverse" else c.multiplier


def mark(c: Contract) -> float:
    """The mark in cash per coin."""
    if not c.option:
        return c.forward
    return c.mark * c.forward if c.form == "coin_option" else c.mark


def limit(o: Order) -> float:
    return o.limit * o.contract.forward if o.contract.form == "coin_option" else o.limit


def account_value(held: Account, market: Snapshot) -> float:
    """Cash counts one to one, other coins and options at mark."""
    total = sum(h.quantity * (1.0 if h.contract.id in CASH else h.contract.forward) for h in held.wallet)
    for h in held.positions:
        if h.contract.option:
            total += h.quantity * coins(h.contract) * mark(h.contract)
        if h.contract.form in ("inverse", "coin_option"):  # listed there as paying in USDC
            total += h.unsettled * market.price(h.contract.settle) / market.price("USDC")
        else:
            total += h.unsettled * (1.0 if h.contract.settle in CASH else market.price(h.contract.settle))
    return total


def wallet_charge(held: Account) -> float:
    return sum(abs(h.quantity) * h.contract.forward for h in held.wallet if h.contract.id not in CASH)


def fee(c: Contract, p: Parameters, spot: float) -> float:
    """The fee provision of one coin."""
    rate = p("fee.rate")
    return min(rate * spot, p("fee.option_cap") * mark(c)) if c.option else rate * mark(c)


def price(c: Contract, p: Parameters, spot: float, move: float, vol_move: float) -> float:
    """The price of one coin's contract in a scenario."""
    if not c.option:
        return c.forward * (1.0 + move)
    power = p("vol_shock.short_power") if c.days < 30.0 else p("vol_shock.long_power")
    shift = vol_move * (30.0 / max(p("vol_shock.dte_floor"), c.days)) ** power
    vol, least = c.vol * (1.0 + shift), p("vol_shock.min_vol_up", c.underlying)
    if vol_move > 0.0:
        level = p("reading.vol_floor") == "level"
        vol = max(vol, least) if level else c.vol * (1.0 + max(shift, least))
    return bs.value(spot * (1.0 + move), c.strike, vol, c.years, rate(c, p), c.right)


def rate(c: Contract, p: Parameters) -> float:
    return p("rate.no_feed") if c.rate is None else c.rate


def delta(c: Contract, p: Parameters, spot: float) -> float:
    """Delta of one unit of quantity."""
    given = p.find("given.delta", c.id)
    if given is None:
        given = c.delta
    if given is None:
        given = bs.delta(spot, c.strike, c.vol, c.years, rate(c, p), c.right) if c.option else c.forward / spot
    return float(given) * coins(c)


def funding(c: Contract, p: Parameters, name: str) -> float:
    """What is set by hand, else the market's, else the parameter's own."""
    by_hand = {"given.funding", f"given.funding.{name}"} & set(p.overrides)
    return float(p("given.funding", name) if by_hand or c.funding is None else c.funding)


def portfolio(market: Snapshot, held: Account, p: Parameters) -> Answer:
    initial = maintenance = 0.0
    names = {h.contract.underlying for h in held.positions} | {o.contract.underlying for o in held.orders}
    for name in sorted(names):
        spot = market.price(name)
        mine = [(h.contract, h.quantity) for h in held.positions if h.contract.underlying == name]
        orders = [o for o in held.orders if o.contract.underlying == name]
        worst = worst_held = 0.0
        for move, vol_move, weight in p("scenarios.grid", name):

            def live(c: Contract, weight: float = weight) -> float:
                window = p("settlement.window")
                return weight * (c.seconds / window if c.dated and c.seconds < window else 1.0)

            pnl = sum(q * coins(c) * (price(c, p, spot, move, vol_move) - mark(c)) * live(c) for c, q in mine)
            lost = 0.0
            for o in orders:
                gap = price(o.contract, p, spot, move, vol_move) - limit(o)
                lost += min(o.quantity * coins(o.contract) * gap, 0.0) * live(o.contract)
            worst, worst_held = max(worst, -(pnl + lost)), max(worst_held, -pnl)
        deltas = [q * delta(c, p, spot) for c, q in mine]
        opening = [o.quantity * delta(o.contract, p, spot) for o in orders]
        long, short = sum(d for d in deltas if d > 0), -sum(d for d in deltas if d < 0)
        most_long, most_short = long + sum(d for d in opening if d > 0), short - sum(d for d in opening if d < 0)
        unhedged = max(0.0, most_long - short, most_short - long)
        hedged = max(0.0, max(most_long, most_short) - unhedged)
        hedged_rate, unhedged_rate = p("min_delta.hedged", name), p("min_delta.unhedged", name)
        floor = (hedged * hedged_rate + unhedged * unhedged_rate) * spot
        net = abs(long - short)
        floor_held = (unhedged_rate * net + hedged_rate * (long + short - net) / 2.0) * spot
        sign = -1.0 if p("reading.order_funding") == "opposite" else 1.0
        paid_held = sum(q * coins(c) * funding(c, p, name) * spot for c, q in mine if c.kind == "perpetual")
        paid = paid_held + sum(
            sign * o.quantity * coins(o.contract) * funding(o.contract, p, name) * spot
            for o in orders
            if o.contract.kind == "perpetual"
        )
        fees_held = sum(abs(q) * coins(c) * fee(c, p, spot) for c, q in mine)
        fees = fees_held + sum(abs(o.quantity) * coins(o.contract) * fee(o.contract, p, spot) for o in orders)
        initial += max(worst, floor) + max(paid, 0.0) + fees
        maintenance += p("factor.maintenance", name) * max(worst_held, floor_held) + max(paid_held, 0.0) + fees_held
    charge = wallet_charge(held)
    equity = account_value(held, market)
    return {"equity": equity, "initial": initial + charge, "maintenance": maintenance + charge}


def option_rate(c: Contract, p: Parameters, side: str, spot: float, *, long: bool) -> float:
    """What cross margin asks per coin of one option."""

    def of(name: str) -> float:
        return float(p(f"cross_option.{side}_{name}", c.underlying))

    if long:
        return min(mark(c) * of("premium_mult"), of("long_itm") * spot)
    away = max(0.0, c.right * (c.strike - spot))
    raw = max(of("short_itm") * spot - away, of("short_otm") * spot)
    return min(raw, of("put_cap") * spot) if c.right < 0 else raw


def market_of(c: Contract) -> tuple[object, ...]:
    """What counts as one market: contracts that differ in their settlement alone net in what they ask for."""
    return (c.underlying, c.kind == "perpetual", c.seconds, c.strike if c.option else 0.0, c.right)


def cross(market: Snapshot, held: Account, p: Parameters) -> Answer:
    initial = maintenance = 0.0
    groups: dict[tuple[object, ...], list[Contract]] = {}
    for c in [*(h.contract for h in held.positions), *(o.contract for o in held.orders)]:
        groups.setdefault(market_of(c), []).append(c)
    for key, members in groups.items():
        spot = market.price(members[0].underlying)
        positions = [
            (h.contract, h.quantity * coins(h.contract)) for h in held.positions if market_of(h.contract) == key
        ]
        orders = [(o.contract, o.quantity * coins(o.contract)) for o in held.orders if market_of(o.contract) == key]

        def asked(c: Contract, side: str, *, long: bool, spot: float = spot) -> float:
            if side == "fee":
                return fee(c, p, spot)
            if c.option:
                return option_rate(c, p, side, spot, long=long)
            return (
                mark(c)
                * p("cross.imf", c.underlying)
                * (p("cross.mmf_factor", c.underlying) if side == "maintenance" else 1.0)
            )

        for side in ("initial", "maintenance", "fee"):
            long = sum(q * asked(c, side, long=True) for c, q in positions)
            short = sum(-q * asked(c, side, long=False) for c, q in positions)
            alone = max(long, short, 0.0)
            long += sum(q * asked(c, side, long=True) for c, q in orders if q > 0)
            short += sum(-q * asked(c, side, long=False) for c, q in orders if q < 0)
            filled = max(long, short, 0.0)
            initial += 0.0 if side == "maintenance" else filled
            maintenance += 0.0 if side == "initial" else alone
        for o in held.orders:
            if market_of(o.contract) == key:
                initial += max(0.0, -o.quantity * coins(o.contract) * (mark(o.contract) - limit(o)))
    charge = wallet_charge(held)
    equity = account_value(held, market)
    return {"equity": equity, "initial": initial + charge, "maintenance": maintenance + charge}
