"""What is asked of the optimizer: a frozen description in contracts and USD, without a word about how it is solved."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from loadline.engine.engine import Chosen
from loadline.foundation.errors import InputError
from loadline.foundation.table import Bools, Floats, Table, Texts
from loadline.model.market import Market
from loadline.model.positions import Portfolio


@dataclass(frozen=True, eq=False)
class Candidates(Table):
    """What may be traded, one row per instrument and account.

    ``buy``, ``sell``: USD per contract above, below the mark: half spread and fee, floored (``floored_*`` says where).
    ``max_buy``, ``max_sell``: contracts, finite. ``lot``: contracts; ``least``: contracts, if traded at all.
    ``price_buy``, ``price_sell``: what is paid and got per contract, quote currency, for the report. ``impact``: USD
    per contract^1.5 that a trade moves the price against itself, either side; 0 where none is counted.
    """

    account: Texts
    instrument: Texts
    buy: Floats
    sell: Floats
    max_buy: Floats
    max_sell: Floats
    lot: Floats
    least: Floats
    price_buy: Floats
    price_sell: Floats
    floored_buy: Bools
    floored_sell: Bools
    impact: Floats


@dataclass(frozen=True, slots=True)
class Limit:
    """``low <= sum_i weight_i change_i <= high``: a bound on what trades change, over all accounts or one.

    ``weights``: instrument -> per contract, in ``unit``. ``gross``: a bound on ``sum_i |weight_i| |position_i|`` after
    the trades instead, of which only ``high`` is read.
    """

    name: str
    weights: Mapping[str, float]
    low: float
    high: float
    unit: str = ""
    account: str = ""
    gross: bool = False


@dataclass(frozen=True, slots=True)
class PostedCap:
    """A cap on what lies in one currency in an account's wallet after the plan, USD without haircuts.

    ``high``: USD; ``share``: of all that lies in that wallet, instead (``high`` is then 0, on the excess over it).
    """

    name: str
    account: str
    currency: str
    high: float = 0.0
    share: float | None = None
    low: float = -np.inf
    unit: str = "USD"


@dataclass(frozen=True, slots=True)
class ExposureCap:
    """A cap on what own accounts would lose if those who hold them failed: ``sum_a weight_a exposure_a <= high``, USD.

    The exposure to an account is what lies in its wallet plus what its positions are worth, where that is positive.
    ``weights``: account -> 1, a credit weight, or default probability x loss given default.
    """

    name: str
    weights: Mapping[str, float]
    high: float
    low: float = -np.inf
    unit: str = "USD"


@dataclass(frozen=True, slots=True)
class StressCap:
    """A cap on what all accounts together lose in a stress, positions and wallets, USD.

    ``losses``: instrument or currency -> USD per contract or coin held after the trades; ``pending``: USD lost on what
    is unsettled already. Collateral that is posted or taken away is lost or kept elsewhere: it is left aside.
    """

    name: str
    losses: Mapping[str, float]
    pending: float
    high: float
    low: float = -np.inf
    unit: str = "USD"


Bound = Limit | PostedCap | ExposureCap | StressCap


@dataclass(frozen=True, eq=False)
class Moved:
    """A market that is not here yet: ``underlying`` (empty: all) moved by ``move``, a fraction of price."""

    name: str
    market: Market
    move: float = 0.0
    underlying: str = ""


@dataclass(frozen=True, slots=True)
class Ask:
    """A requirement that counts: that of an account under a rulebook, at a cost of capital for the whole horizon.

    ``rate``: USD per USD of initial requirement over the horizon; ``cap``: USD the initial requirement may reach.
    ``solvent``: whether equity after the trades must cover ``side`` (a margin call is answered so). ``moved``: in
    another market than today's; trades are paid at today's prices all the same.
    """

    account: str
    rulebook: Chosen
    rate: float
    cap: float = np.inf
    solvent: bool = False
    side: str = "initial"
    moved: Moved | None = None

    @property
    def called(self) -> str:
        """The rulebook's name, and the market where it is not today's."""
        return self.rulebook.rule.name + (f" at {self.moved.name}" if self.moved else "")

    @property
    def cover(self) -> str:
        """What the condition is called that equity covers the requirement."""
        if self.moved is not None:
            return f"liquidation of {self.account} at {self.moved.name}"
        return f"{self.side} requirement of {self.account} covered"


@dataclass(frozen=True, slots=True)
class Posting:
    """One asset that may be posted to an account, or taken away from it.

    ``add``, ``take``: units that may come and go; ``cost_add``, ``cost_take``: USD per unit moved over the horizon:
    the transfer, and the yield forgone (or regained: negative) while it is there. ``source``: the stock it comes from.
    """

    account: str
    currency: str
    add: float
    take: float
    cost_add: float
    cost_take: float
    source: str = ""


@dataclass(frozen=True, eq=False)
class Problem:
    """Minimise ``sum rate_a requirement_a + cost of trades and postings`` over trades and postings, within limits.

    ``most_trades``: instruments traded at most (by account); ``lots``: whole lots only. ``held``: units of each
    posting's ``source`` that there are. ``transfers``: USD per contract (fee, each side) to move a position between two
    own accounts at mark, by instrument. ``days``: the horizon that rates are over. ``guards``: requirements that equity
    must cover in other markets. ``notes``: what was left out, for the report.
    """

    portfolio: Portfolio
    market: Market
    candidates: Candidates
    asks: tuple[Ask, ...]
    limits: tuple[Bound, ...] = ()
    most_trades: int | None = None
    lots: bool = False
    postings: tuple[Posting, ...] = ()
    held: Mapping[str, float] = field(default_factory=dict)
    transfers: Mapping[str, float] = field(default_factory=dict)
    days: float = 30.0
    guards: tuple[Ask, ...] = ()
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Refuse what would have no least cost, or no meaning."""
        c = self.candidates
        wrong = []
        for name in ("max_buy", "max_sell", "buy", "sell", "impact"):
            values = getattr(c, name)
            bad = ~np.isfinite(values) | (values < 0)
            wrong += [f"{name} of {i} is {v}" for i, v in zip(c.instrument[bad], values[bad], strict=True)]
        bad = ((c.buy <= 0) & (c.max_buy > 0)) | ((c.sell <= 0) & (c.max_sell > 0))
        wrong += [f"{i} trades at mark or better" for i in c.instrument[bad].tolist()]
        wrong += [f"lot of {i} is {v}" for i, v in zip(c.instrument, c.lot, strict=True) if not v > 0]
        if wrong:
            more = f" and {len(wrong) - 10} more" if len(wrong) > 10 else ""
            raise InputError(
                f"candidates that cannot be traded so: {'; '.join(map(str, wrong[:10]))}{more}",
                causes="a quote beyond the mark, or no displayed size",
                remedy="floor the cost at half a tick and a fee, give sizes, or leave them out",
            )
        if not self.asks:
            raise InputError("nothing is asked: no account with a rulebook", remedy="give at least one")
        if self.most_trades is not None and self.most_trades < 1:
            raise InputError("at most 0 trades leaves nothing to find", remedy="give 1 or more")
