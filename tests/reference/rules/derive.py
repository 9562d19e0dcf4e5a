"""Derive's portfolio managers once more, PMRM_2 and v1, from the venue's documents, in its cash asset, USDC."""

import math
from typing import Any

from tests.reference.rules.common import (
    CASH,
    Account,
    Contract,
    Holding,
    Parameters,
    Snapshot,
    black,
    vol_factors,
)


class Manager:
    """One underlying's part of an account."""

    def __init__(self, market: Snapshot, p: Parameters, underlying: str) -> None:
        self.market, self.p, self.key = market, p, underlying
        self.spot = market.price(underlying)
        self.futures: list[Holding] = []
        self.options: list[Holding] = []
        self.collateral: list[Holding] = []

    @property
    def stable(self) -> float:
        return stable_price(self.market)

    def expiries(self) -> list[list[Holding]]:
        """Options by expiry."""
        found: dict[float, list[Holding]] = {}
        for h in self.options:
            found.setdefault(h.contract.seconds, []).append(h)
        return list(found.values())

    def rate(self, c: Contract) -> float:
        return max(self.p("rate.no_feed") if c.rate is None else c.rate, 0.0)

    def fixed(self, c: Contract) -> float:
        """The part of the forward that no scenario moves."""
        window = self.p("settlement.window")
        if c.fixed is not None:
            return c.fixed
        return c.forward * max(window - c.seconds, 0.0) / window

    def shocked_forward(self, c: Contract, factor: float) -> float:
        return (c.forward - self.fixed(c)) * factor + self.fixed(c)

    def worth(self, h: Holding) -> float:
        """Collateral in cash; cash is worth itself."""
        return h.quantity if h.contract.id in CASH else h.quantity * h.contract.forward / self.stable

    def perpetual_size(self) -> float:
        return abs(sum(h.quantity * h.contract.coins for h in self.futures))

    def confidence(self) -> float:
        """Confidence in spot, and the perpetual where one is held."""
        sure = self.market.sure(self.key)
        for h in self.futures:
            if h.contract.kind == "perpetual" and h.quantity != 0:
                sure = min(sure, h.contract.confidence)
        return sure

    def doubt(self, confidence: float) -> float:
        """What an unsure oracle costs, for a notional of 1."""
        return (1.0 - confidence) * self.p("oracle.margin") if confidence < self.p("oracle.threshold") else 0.0

    def naked(self) -> float:
        """Naked shorts per expiry and strike, a long at the same strike netting them whatever its right."""
        total = 0.0
        for held in self.expiries():
            strikes: dict[float, float] = {}
            for h in held:
                strikes[h.contract.strike] = strikes.get(h.contract.strike, 0.0) + h.quantity * h.contract.coins
            total += sum(max(-net, 0.0) for net in strikes.values())
        return total

    def scenarios(self, *families: str) -> list[tuple[float, str, float]]:
        rows: list[tuple[float, str, float]] = []
        for family in families:
            listed = self.p.find(f"scenarios.{family}", self.key)
            if listed is None and (self.futures or self.options):
                raise KeyError(f"scenarios.{family} {self.key}")
            rows += [(float(f), str(v), float(d)) for f, v, d in listed or []]
        return rows

    def basis(self, value: Any) -> float:
        """Basis contingency: each expiry's own worse side."""
        total = 0.0
        for held in self.expiries():
            mark = sum(h.quantity * value(h.contract, 1.0, "none") for h in held)
            changes = [0.0]
            for factor, vol, _ in self.scenarios("basis"):
                changes.append(sum(h.quantity * value(h.contract, factor, vol) for h in held) - mark)
            length = self.p("basis.add", self.key) + self.p("basis.mult", self.key) * held[0].contract.years
            total += min(changes) * length
        return total


class Manager2(Manager):
    """PMRM_2."""

    def vol(self, c: Contract, word: str) -> float:
        """Shocked vol: up is floored; a skew tilts the smile."""
        if word == "none":
            return c.vol
        if word.startswith("skew"):
            return c.vol * self.tilt(c, "linear" if word == "skew_linear" else "abs")
        up, down = vol_factors(c.days, self.p, self.key, self.p("vol_shock.dte_floor"), boundary_is_short=True)
        return max(self.p("vol_shock.min_vol_up", self.key), c.vol * up) if word == "up" else c.vol * down

    def tilt(self, c: Contract, shape: str) -> float:
        def q(name: str) -> float:
            return float(self.p(f"skew.{name}", self.key))

        root = math.sqrt(c.years)
        cap = q(f"{shape}_base_cap") + q(f"{shape}_cap_slope") * root
        k_star = max(q("min_width"), root * q("width_scale") * (q("vol_static") + q("vol_slope") * root))
        k = math.log(c.strike / c.forward)
        k = abs(k) if shape == "abs" else k
        if k == 0.0:
            slope = 0.0
        elif k_star == 0.0:
            slope = math.copysign(math.inf, k * cap) if cap else 0.0
        else:
            slope = k * cap / k_star
        return max(0.0, 1.0 + (min(cap, slope) if k >= 0 else max(-cap, slope)))

    def value(self, c: Contract, factor: float, word: str) -> float:
        """One contract, discounted."""
        price = black(self.shocked_forward(c, factor), c.strike, self.vol(c, word), c.years, c.right)
        return c.multiplier * price * math.exp(-self.rate(c) * c.years)

    def static(self, c: Contract, shocked: float) -> float:
        """The static discount of an expiry by the sign of its shocked value."""
        r, t = self.rate(c), c.years

        def carry(side: str) -> float:
            add, mult = self.p(f"static_discount.{side}_rate_add"), self.p(f"static_discount.{side}_rate_mult")
            return math.exp(-t * (r * mult + add))

        if shocked >= 0:
            return float(self.p("static_discount.long") * carry("long"))
        return min(math.exp(r * t), self.p("static_discount.short") / carry("short"))

    def pnl(self, factor: float, word: str, damp: float) -> float:
        """PnL of one scenario; a skew may turn either way in each expiry."""
        total = sum(h.quantity * h.contract.coins * h.contract.forward for h in self.futures) * (factor - 1.0)
        for held in self.expiries():
            mark = sum(h.quantity * self.value(h.contract, 1.0, "none") for h in held)
            shocked = sum(h.quantity * self.value(h.contract, factor, word) for h in held)
            change = shocked * self.static(held[0].contract, shocked) - mark
            total += -abs(change) if word.startswith("skew") else change
        for h in self.collateral:
            total += self.worth(h) * (factor - 1.0) * self.p("collateral.risk_cancelling", h.contract.id)
        return total * damp

    def margin(self) -> dict[str, float]:
        """What initial and maintenance ask of this underlying."""
        p, key = self.p, self.key
        grid = self.scenarios("regular", "tail", "skew")
        basis = self.basis(self.value)
        worst = min([basis, *(self.pnl(*row) for row in grid)])
        size, naked = self.perpetual_size() * self.spot, self.naked() * self.spot
        out: dict[str, float] = {"basis": -basis, "worst": -worst}
        for side in ("maintenance", "initial"):
            charge = size * p(f"perpetual.{side}", key) if size else 0.0
            charge += naked * p(f"option.{side}", key) if naked else 0.0
            for h in self.collateral:
                charge += max(self.worth(h), 0.0) * p(f"collateral.{side}_haircut", h.contract.id)
            out[f"static {side}"] = charge
        sure = self.confidence()
        unsure = size * self.doubt(sure)
        for h in self.options:
            unsure += abs(h.quantity) * h.contract.coins * self.spot * self.doubt(min(sure, h.contract.confidence))
        for h in self.collateral:
            if h.contract.id not in CASH:
                own = min(h.contract.confidence, self.market.sure(h.contract.underlying))
                unsure += max(self.worth(h), 0.0) * self.doubt(own)
        peg = max(p("peg.threshold") - self.stable, 0.0) * p("peg.factor")
        out["oracle"] = unsure
        out["maintenance"] = -worst * p("loss_factor.maintenance", key) + out["static maintenance"]
        out["initial"] = -worst * (p("loss_factor.initial", key) + peg)
        out["initial"] += out["static maintenance"] + out["static initial"] + unsure
        return out


class Manager1(Manager):
    """PMRM v1: no discounting, no skew, no floor; static charges inside the factor."""

    def value(self, c: Contract, factor: float, word: str) -> float:
        up, down = vol_factors(c.days, self.p, self.key, self.p("vol_shock.dte_floor"), boundary_is_short=True)
        vol = c.vol * {"up": up, "down": down, "none": 1.0}[word]
        return c.multiplier * black(self.shocked_forward(c, factor), c.strike, vol, c.years, c.right)

    def base(self) -> list[Holding]:
        return [h for h in self.collateral if h.contract.id not in CASH]

    def pnl(self, factor: float, word: str, damp: float) -> float:
        total = sum(h.quantity * h.contract.coins * h.contract.forward for h in self.futures) * (factor - 1.0)
        total += sum(self.worth(h) for h in self.base()) * (factor - 1.0)
        for held in self.expiries():
            mark = sum(h.quantity * self.value(h.contract, 1.0, "none") for h in held)
            shocked = sum(h.quantity * self.value(h.contract, factor, word) for h in held)
            c = held[0].contract
            if shocked >= 0:
                r = self.rate(c) * self.p("static_discount.rate_mult") + self.p("static_discount.rate_add")
                shocked *= self.p("static_discount.long") * math.exp(-c.years * r)
            total += shocked - mark
        return total

    def margin(self) -> dict[str, float]:
        p, key = self.p, self.key
        basis = self.basis(self.value)
        worst = min([basis, *(self.pnl(*row) for row in self.scenarios("regular"))])
        size, naked = self.perpetual_size(), self.naked()
        owned = max(sum(h.quantity for h in self.base()), 0.0)
        static = 0.0
        for amount, name in ((size, "perpetual"), (owned, "base"), (naked, "option")):
            static += amount * self.spot * p(f"contingency.{name}", key)
        sure = self.confidence()
        unsure = (size + owned) * self.spot * self.doubt(sure)
        for h in self.options:
            unsure += abs(h.quantity) * h.contract.coins * self.spot * self.doubt(min(sure, h.contract.confidence))
        peg = max(p("peg.threshold") - self.stable, 0.0) * p("peg.factor")
        risk = -worst + static
        return {
            "basis": -basis,
            "worst": -worst,
            "oracle": unsure,
            "maintenance": risk * p("loss_factor.maintenance", key),
            "initial": risk * (p("loss_factor.initial", key) + peg) + unsure,
        }


def stable_price(market: Snapshot) -> float:
    """USD per unit of the cash asset; 1 where the snapshot does not say."""
    price = market.wallet("USDC").forward
    return 1.0 if math.isnan(price) else price


def in_cash(market: Snapshot, h: Holding) -> float:
    """Unsettled pnl in the cash asset: as it is if it is cash, a coin at its price."""
    if h.contract.settle in CASH:
        return h.unsettled
    return h.unsettled * market.price(h.contract.settle) / stable_price(market)


def restated(h: Holding) -> Holding:
    """The venue lists cash contracts only: a coin option as a cash option on one coin, an inverse contract as coins."""
    c = h.contract
    if c.form == "coin_option":
        return Holding(Contract(**{**vars(c), "form": "cash_option", "settle": "USDC"}), h.quantity, h.unsettled)
    if c.form == "inverse":
        changed = {"form": "linear", "settle": "USDC", "multiplier": c.multiplier / c.forward}
        return Holding(Contract(**{**vars(c), **changed}), h.quantity, h.unsettled)
    return h


def portfolio_margin(market: Snapshot, held: Account, p: Parameters, kind: type[Manager]) -> dict[str, float]:
    """Requirement and equity of one account: underlying by underlying, summed."""
    managers: dict[str, Any] = {}
    equity = 0.0
    for h in held.wallet:
        manager = managers.setdefault(h.contract.underlying, kind(market, p, h.contract.underlying))
        manager.collateral.append(h)
        equity += manager.worth(h)
    for h in held.positions:
        equity += in_cash(market, h)
        same = restated(h)
        manager = managers.setdefault(h.contract.underlying, kind(market, p, h.contract.underlying))
        (manager.options if same.contract.option else manager.futures).append(same)
        if same.contract.option:
            equity += same.quantity * manager.value(same.contract, 1.0, "none")
    total = {"equity": equity, "initial": 0.0, "maintenance": 0.0, "worst": 0.0, "basis": 0.0, "oracle": 0.0}
    for manager in managers.values():
        for name, value in manager.margin().items():
            if name in total:
                total[name] += value
    return total


def pmrm2(market: Snapshot, held: Account, p: Parameters) -> dict[str, float]:
    """PMRM_2 of one account."""
    return portfolio_margin(market, held, p, Manager2)


def pmrm1(market: Snapshot, held: Account, p: Parameters) -> dict[str, float]:
    """PMRM v1 of one account."""
    return portfolio_margin(market, held, p, Manager1)
