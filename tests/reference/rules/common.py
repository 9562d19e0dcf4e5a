"""What every twin needs: the contracts of a snapshot, the parameters of a file, a normal distribution, an option."""

import math
import tomllib
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

YEAR = 365 * 86_400.0
STABLE = ("USD", "USDC", "USDT")
CASH = ("USD", "USDC")
NEVER = math.inf


def instant(text: str) -> float:
    """Seconds since 1970 of an ISO time."""
    moment = datetime.fromisoformat(text)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


@dataclass
class Contract:
    """One instrument of a snapshot with its quotes; ``seconds`` left to expiry, infinite without one."""

    id: str
    underlying: str
    kind: str
    form: str
    settle: str
    forward: float
    seconds: float = NEVER
    strike: float = 0.0
    right: int = 0
    multiplier: float = 1.0
    vol: float = 0.0
    mark: float = math.nan
    rate: float | None = None
    fixed: float | None = None
    confidence: float = 1.0
    funding: float | None = None
    delta: float | None = None

    @property
    def dated(self) -> bool:
        return self.seconds != NEVER

    @property
    def years(self) -> float:
        return self.seconds / YEAR if self.dated else 0.0

    @property
    def days(self) -> float:
        return self.seconds / 86_400 if self.dated else 0.0

    @property
    def option(self) -> bool:
        return self.kind == "option"

    @property
    def delta_one(self) -> bool:
        return self.kind in ("perpetual", "future")

    @property
    def coins(self) -> float:
        """Coins of the underlying in one unit of quantity."""
        return self.multiplier / self.forward if self.form == "inverse" else self.multiplier


@dataclass
class Snapshot:
    """Prices at one instant."""

    contracts: dict[str, Contract]
    index: dict[str, float]
    fx: dict[str, float]
    confidence: dict[str, float] = field(default_factory=dict)

    def price(self, currency: str) -> float:
        """USD per unit of a currency."""
        if currency == "USD":
            return 1.0
        return self.fx.get(currency, self.index.get(currency, math.nan))

    def sure(self, underlying: str) -> float:
        return self.confidence.get(underlying, 1.0)

    def wallet(self, currency: str) -> Contract:
        """A balance as a contract: the spot row that the snapshot lists, or one at the currency's price."""
        if currency in self.contracts:
            return self.contracts[currency]
        price = self.price(currency)
        return Contract(currency, currency, "spot", "spot", "USD", price, confidence=self.sure(currency))


def snapshot(raw: dict[str, Any]) -> Snapshot:
    """A snapshot file's content, read without the package."""
    now, contracts = instant(raw["as_of"]), {}
    for row in raw["instruments"]:
        known = {k: row[k] for k in ("id", "underlying", "kind", "form", "settle", "forward")}
        optional = ("strike", "multiplier", "vol", "mark", "rate", "fixed", "confidence", "funding", "delta")
        known |= {k: row[k] for k in optional if k in row}
        known["seconds"] = max(instant(row["expiry"]) - now, 0.0) if "expiry" in row else NEVER
        known["right"] = {"call": 1, "put": -1}.get(row.get("right", ""), 0)
        contracts[row["id"]] = Contract(**known)
    index = {u: x if isinstance(x, int | float) else x["price"] for u, x in raw["index"].items()}
    sure = {u: x["confidence"] for u, x in raw["index"].items() if isinstance(x, dict) and "confidence" in x}
    return Snapshot(contracts, index, dict(raw.get("fx", {})), sure)


@dataclass
class Holding:
    """A position or a balance: ``quantity`` contracts, ``unsettled`` in its settlement currency."""

    contract: Contract
    quantity: float
    unsettled: float = 0.0


@dataclass
class Order:
    """An open order."""

    contract: Contract
    quantity: float
    limit: float


@dataclass
class Account:
    """What one account holds."""

    positions: list[Holding]
    wallet: list[Holding]
    orders: list[Order]


def account(raw: dict[str, Any], market: Snapshot) -> Account:
    """A case's input, read without the package."""
    held = [
        Holding(market.contracts[row["instrument"]], row["quantity"], row.get("unsettled", 0.0))
        for row in raw.get("positions", [])
    ]
    wallet = [Holding(market.wallet(c), amount) for c, amount in raw.get("balances", {}).items()]
    orders = [
        Order(market.contracts[row["instrument"]], row["quantity"], row["limit"]) for row in raw.get("orders", [])
    ]
    return Account(held, wallet, orders)


class Parameters:
    """The version of a TOML file in force at a date, with overrides; ``p("group.name", key)``."""

    def __init__(self, file: Path, date: str, overrides: dict[str, Any] | None = None) -> None:
        versions = sorted(tomllib.loads(file.read_text())["version"], key=lambda v: v["effective"])
        at = datetime.fromtimestamp(instant(date), UTC)
        past = [v for v in versions if v["effective"] <= at]
        self.tree = (past or versions[:1])[-1]
        self.overrides = {path.partition(".")[2]: value for path, value in (overrides or {}).items()}
        self.scenarios: dict[str, Any] | None = None

    def entry(self, path: str) -> dict[str, Any]:
        node: Any = self.tree
        for part in path.split("."):
            node = node[part]
        return dict(node)

    def find(self, path: str, key: str = "") -> Any:
        """The value for a key, or the general one, or ``None``."""
        if f"{path}.{key}" in self.overrides:
            return self.overrides[f"{path}.{key}"]
        if path in self.overrides:
            return self.overrides[path]
        entry = self.entry(path)
        return entry.get(key, entry.get("value")) if key else entry.get("value")

    def keys(self, path: str) -> list[str]:
        """Whom a parameter has an entry of its own for, in the file's order."""
        spoken = ("unit", "value", "min", "max", "note", "source", "choices")
        named = [] if path in self.overrides else [k for k in self.entry(path) if k not in spoken]
        more = [p.removeprefix(path + ".") for p in self.overrides if p.startswith(path + ".")]
        return list(dict.fromkeys(named + more))

    def __call__(self, path: str, key: str = "") -> Any:
        value = self.find(path, key)
        if value is None:
            raise KeyError(f"{path} {key}")
        return value


def pair(underlying: str) -> str:
    """Stablecoins share their parameters under USD."""
    return "USD" if underlying in STABLE else underlying


def normal(x: float) -> float:
    """The normal distribution function."""
    return 0.5 * math.erfc(-x / math.sqrt(2.0))


def density(x: float) -> float:
    """The normal density."""
    return math.exp(-0.5 * x * x) / math.sqrt(2.0 * math.pi)


def black(forward: float, strike: float, vol: float, years: float, right: int) -> float:
    """The undiscounted value of an option on one coin, in cash."""
    total = vol * math.sqrt(max(years, 0.0))
    if total >= 24.0:
        return forward if right > 0 else strike
    if total <= 0.0:
        return max(right * (forward - strike), 0.0)
    d1 = math.log(forward / strike) / total + 0.5 * total
    d2 = d1 - total
    value = right * (forward * normal(right * d1) - strike * normal(right * d2))
    return min(max(value, right * (forward - strike), 0.0), forward if right > 0 else strike)


def black_delta(forward: float, strike: float, vol: float, years: float, right: int) -> float:
    """The option's forward delta."""
    total = vol * math.sqrt(max(years, 0.0))
    if total <= 0.0:
        inside = right * (forward - strike)
        return right * (1.0 if inside > 0 else 0.5 if inside == 0 else 0.0)
    return right * normal(right * (math.log(forward / strike) / total + 0.5 * total))


def norm_inverse(p: float) -> float:
    """The quantile of the normal distribution, by bisection."""
    low, high = -40.0, 40.0
    for _ in range(200):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if normal(middle) < p else (low, middle)
    return 0.5 * (low + high)


def vol_factors(days: float, p: Parameters, key: str, floor: float, *, boundary_is_short: bool) -> tuple[float, float]:
    """Factors on vol by the 30-day power rule, up and down; ``floor``: least days."""
    short = days <= 30.0 if boundary_is_short else days < 30.0
    power = p("vol_shock.short_power", key) if short else p("vol_shock.long_power", key)
    ratio = (30.0 / max(days, floor, 1e-9)) ** power
    return 1.0 + p("vol_shock.up", key) * ratio, max(0.0, 1.0 - p("vol_shock.down", key) * ratio)
