"""Synthetic crashes: moves that nobody has seen, of a size that is chosen.

Each is a plain function of its sizes and of the names that a market has; ``every`` is the set that is shown.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping

from loadline.foundation.errors import InputError
from loadline.model.shift import Shift
from loadline.model.universe import STABLE
from loadline.scenarios.stress import STABLECOINS, Trial, beta, same_as

FAMILY = "synthetic"


def coins_of(names: Collection[str]) -> list[str]:
    """Return the names that are no stablecoins, sorted.

    >>> coins_of(["USDC", "ETH", "BTC"])
    ['BTC', 'ETH']
    """
    return sorted(set(names) - STABLECOINS)


def crash(names: Collection[str], *, spot: float = -0.6, vol: float = 1.5) -> Trial:
    """Return a crash in which every coin falls by one fraction and every vol rises by one.

    ``spot``, ``vol``: fractions; all tenors alike, since no tenor was ever seen in such a move.

    >>> crash(["BTC", "USDC"]).shift.spot
    {'BTC': -0.6}
    """
    mine = coins_of(names)
    title = f"every coin {spot:+.0%}, every vol {vol:+.0%}"
    return Trial("crash", title, Shift(dict.fromkeys(mine, spot), dict.fromkeys(mine, vol)), family=FAMILY)


def squeeze(names: Collection[str], *, spot: float = 0.6, vol: float = 1.5) -> Trial:
    """Return the mirror of a crash: every coin rises, and every vol with it."""
    made = crash(names, spot=spot, vol=vol)
    return Trial("squeeze", made.title, made.shift, family=FAMILY)


def vol_spike(names: Collection[str], *, vol: float = 1.5) -> Trial:
    """Return a rise of every vol at prices that stand still."""
    title = f"every vol {vol:+.0%}, prices stand"
    return Trial("vol spike", title, Shift(vol=dict.fromkeys(coins_of(names), vol)), family=FAMILY)


def vol_crush(names: Collection[str], *, vol: float = -0.5) -> Trial:
    """Return a fall of every vol at prices that stand still: what buyers of options fear."""
    return Trial("vol crush", f"every vol {vol:+.0%}, prices stand", vol_spike(names, vol=vol).shift, family=FAMILY)


def correlation_one(names: Collection[str], *, btc: float = -0.4, vol: float = 1.0) -> Trial:
    """Return a fall in which all coins go the same way, each by its own beta to BTC and nothing of its own.

    ``btc``: fraction; betas are the medians of the named stresses, 1 for a coin that is in none (told).
    ``ln(1 + move) = beta ln(1 + btc)``.

    >>> made = correlation_one(["BTC", "ETH"])
    >>> made.shift.spot["BTC"], made.shift.spot["ETH"] < -0.4
    (-0.4, True)
    """
    mine = coins_of(names)
    steep = {c: 1.0 if same_as(c) == "BTC" else beta(same_as(c)) for c in mine}
    strangers = [c for c, b in steep.items() if b != b]
    spot = {c: (1.0 + btc) ** (b if b == b else 1.0) - 1.0 for c, b in steep.items()}
    title = f"correlation to one: BTC {btc:+.0%}, others by their betas, vol {vol:+.0%}"
    notes = (f"in no stress: {', '.join(strangers)}, moved as BTC",) if strangers else ()
    return Trial("correlation one", title, Shift(spot, dict.fromkeys(mine, vol)), notes, FAMILY)


def decoupled(names: Collection[str], *, others: float = -0.4, vol: float = 1.0) -> Trial:
    """Return the opposite: BTC stands and every other coin falls, so that hedges in BTC hedge nothing."""
    mine = coins_of(names)
    moving = [c for c in mine if same_as(c) != "BTC"]
    title = f"correlation to nil: BTC stands, others {others:+.0%}, their vol {vol:+.0%}"
    return Trial("decoupled", title, Shift(dict.fromkeys(moving, others), dict.fromkeys(moving, vol)), family=FAMILY)


def basis(names: Collection[str], *, perpetual: float = -0.05, future: float = -0.10) -> Trial:
    """Return a basis blown out: perpetuals and dated contracts below spot (or above), which stands still.

    ``perpetual``: fraction beyond spot; ``future``: the same of dated contracts at 90 days and beyond, less in
    proportion below, and of the forwards of options with them.
    """
    mine = coins_of(names)
    title = f"basis: perpetuals {perpetual:+.0%}, dated contracts {future:+.0%}, spot stands"
    name = "basis down" if perpetual < 0 else "basis up"
    shift = Shift(perpetual=dict.fromkeys(mine, perpetual), future=dict.fromkeys(mine, future))
    return Trial(name, title, shift, family=FAMILY)


def depeg(currency: str, *, price: float = 0.65, now: float = 1.0) -> Trial:
    """Return a stablecoin at a price, coins standing in dollars.

    ``price``, ``now``: USD per unit, then and today. Raises ``InputError`` for a price that is not positive.

    >>> round(depeg("USDC", now=0.9998).shift.spot["USDC"], 4)
    -0.3499
    """
    if not (price > 0 and now > 0):
        raise InputError(f"{currency} at {price:g} USD, from {now:g}", remedy="give prices above 0")
    return Trial(f"{currency} depeg", f"{currency} at {price:g} USD", Shift({currency: price / now - 1.0}), (), FAMILY)


def together(names: Collection[str], *, spot: float = -0.6, vol: float = 1.5, perpetual: float = -0.05) -> Trial:
    """Return a crash and a basis blown out at once; the dated basis moves twice as far as that of perpetuals."""
    a, b = crash(names, spot=spot, vol=vol).shift, basis(names, perpetual=perpetual, future=2 * perpetual).shift
    title = f"every coin {spot:+.0%}, every vol {vol:+.0%}, perpetuals {perpetual:+.0%} beyond"
    return Trial("crash and basis", title, Shift(a.spot, a.vol, b.perpetual, b.future), family=FAMILY)


SHAPES: Mapping[str, Callable[[Collection[str]], Trial]] = {
    "crash": crash,
    "squeeze": squeeze,
    "vol spike": vol_spike,
    "vol crush": vol_crush,
    "correlation one": correlation_one,
    "decoupled": decoupled,
    "basis down": basis,
    "basis up": lambda names: basis(names, perpetual=0.05, future=0.10),
    "crash and basis": together,
}
"""The shapes with their sizes as they stand, by name."""


def every(names: Collection[str], prices: Mapping[str, float], *, stable: float = 0.65) -> list[Trial]:
    """Return all shapes, and one depeg for each stablecoin among the names.

    ``prices``: USD per unit of each stablecoin today, 1 where it is not given; ``stable``: USD it falls to.

    >>> [t.name for t in every(["BTC", "USDC"], {})][-2:]
    ['crash and basis', 'USDC depeg']
    """
    pegged = [n for n in sorted(set(names) & STABLECOINS) if n != "USD" and not n.startswith("EUR")]
    made = [shape(names) for shape in SHAPES.values()]
    return made + [depeg(c, price=stable, now=prices.get(c, 1.0)) for c in sorted(pegged, key=_order)]


def _order(currency: str) -> tuple[int, str]:
    return (STABLE.index(currency) if currency in STABLE else len(STABLE), currency)
