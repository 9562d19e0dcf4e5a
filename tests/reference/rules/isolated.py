"""Generation 1 once more: Deribit's standard margin, position by position (its support articles), in USD."""

from tests.reference.rules.common import STABLE, Account, Contract, Parameters, Snapshot, pair


def futures_rate(c: Contract, quantity: float, side: str, p: Parameters) -> float:
    """IM or MM per cent of a position of this size, rising with its size in coins."""
    group = "linear" if c.settle in STABLE else "inverse"
    size = abs(quantity * c.coins)
    return p(f"{group}.{side}", pair(c.underlying)) + size * p(f"{group}.ramp", pair(c.underlying))


def option_charge(c: Contract, side: str, p: Parameters, index: float) -> float:
    """What one short option on one coin asks: in coin if it pays in coin, in its cash currency otherwise."""
    key = pair(c.underlying)
    start, least, held = p("option.initial", key), p("option.initial_min", key), p("option.maintenance", key)
    otm = max(c.right * (c.strike - c.forward), 0.0) / c.forward
    if c.form == "coin_option":
        put_maintenance = max(held, held * c.mark) + c.mark
        opening = max(start - otm, least) + c.mark
        if side == "maintenance":
            return held + c.mark if c.right > 0 else put_maintenance
        return opening if c.right > 0 else max(opening, put_maintenance)
    if side == "maintenance":
        return held * (index if c.right > 0 else min(index, c.strike)) + c.mark
    if c.right > 0:
        return max(start - otm, least) * index + c.mark
    return max((start - otm) * index, least * c.strike) + c.mark


def position_charge(c: Contract, quantity: float, side: str, p: Parameters, market: Snapshot) -> float:
    """What one position asks, in USD."""
    index = market.price(c.underlying)
    if c.delta_one:
        return abs(quantity * c.coins) * futures_rate(c, quantity, side, p) * index
    short = max(-quantity, 0.0) * c.multiplier
    return short * option_charge(c, side, p, index) * (index if c.form == "coin_option" else market.price(c.settle))


def equity_usd(held: Account, market: Snapshot) -> float:
    """Balances at their price, options at mark, unsettled pnl."""
    total = sum(h.quantity * h.contract.forward for h in held.wallet)
    for h in held.positions:
        rate = market.price(h.contract.settle)
        total += h.unsettled * rate
        if h.contract.option:
            total += h.quantity * h.contract.multiplier * h.contract.mark * rate
    return total


def haircuts_usd(held: Account, p: Parameters) -> float:
    """The part of what is owned that does not count; what is owed counts whole."""
    return sum(max(h.quantity, 0.0) * h.contract.forward * p("collateral.haircut", h.contract.id) for h in held.wallet)


def isolated(market: Snapshot, held: Account, p: Parameters) -> dict[str, float]:
    """Requirement and equity of one account in USD."""
    initial = maintenance = orders = 0.0
    for h in held.positions:
        initial += position_charge(h.contract, h.quantity, "initial", p, market)
        maintenance += position_charge(h.contract, h.quantity, "maintenance", p, market)
    for o in held.orders:
        orders += position_charge(o.contract, o.quantity, "initial", p, market)
    haircut = haircuts_usd(held, p)
    return {
        "equity": equity_usd(held, market),
        "initial": initial + orders + haircut,
        "maintenance": maintenance,
        "open orders": orders,
        "haircuts": haircut,
    }
