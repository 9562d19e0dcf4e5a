"""Tables of brackets as parameters: a list of bounds and one entry more of rates, by underlying or currency."""

from __future__ import annotations

import numpy as np

from loadline.foundation.errors import RuleError
from loadline.foundation.table import Labels
from loadline.model.book import Book
from loadline.rulebooks import blocks
from loadline.rulebooks.parameters import Version
from loadline.tape.term import Term


def table(p: Version, name: str, key: str = "") -> list[float]:
    """Return a list-valued parameter as numbers."""
    return [float(x) for x in p.get(name, key)]


def charged(x: Term, book: Book, p: Version, group: str, keys: Labels) -> Term:
    """Return what parameters ``GROUP.bounds`` and ``GROUP.rates`` ask for each position of a size, PnL-signed.

    ``x``: sizes at level position, in the unit of the bounds; ``keys``: (N,) whose table each instrument takes. A
    shorter table ends in brackets that begin at infinity.
    """
    tables = [(table(p, f"{group}.bounds", k), table(p, f"{group}.rates", k)) for k in keys.names]
    longest = max((len(rates) for _, rates in tables), default=1)

    def column(n: int, which: int) -> Term:
        rest = np.inf if which == 0 else None
        entries = [t[which][n] if n < len(t[which]) else (rest or t[1][-1]) for t in tables]
        return book.each(np.array(entries, np.float64)[keys.place])

    return x.bracketed([column(n, 0) for n in range(longest - 1)], [column(n, 1) for n in range(longest)])


def tiered_haircuts(book: Book, p: Version) -> Term:
    """Return what tiers of collateral value (``collateral.bounds``, ``.rates``) take off what is owned, per account.

    A debt counts in full.
    """
    u = book.universe
    lost = charged(blocks.owned(book), book, p, "collateral", Labels.of(np.where(u.spot, u.instruments.id, "USD")))
    worth = book.each(np.where(u.spot, u.quotes.forward, 0.0))
    return (lost * worth).net("account").named("haircuts")


def check_tables(p: Version, *pairs: tuple[str, str]) -> None:
    """Refuse tables whose bounds do not rise, or that have not one rate more than bounds."""
    for bounds, rates in pairs:
        for key in ("", *p.parameter(bounds).by_key, *p.parameter(rates).by_key):
            if p.parameter(rates).of(key) is None and p.parameter(bounds).of(key) is None:
                continue
            b, r = table(p, bounds, key), table(p, rates, key)
            if len(r) != len(b) + 1 or sorted(set(b)) != b:
                raise RuleError(f"{p.label}: {rates} {key} needs one entry more than {bounds}, which must rise")
