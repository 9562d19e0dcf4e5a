"""What one rulebook makes of some instruments at one moment, before anybody's quantities enter: kept with the snapshot.

The first book on the same instruments runs the rule as it is written. The next ones run what was recorded of it: the
same operations on the same constants, without working these out again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from loadline.foundation.errors import InputError, RuleError
from loadline.foundation.table import Texts
from loadline.model.book import Book, blank
from loadline.model.cube import build_cube
from loadline.model.market import Market
from loadline.model.universe import build_universe
from loadline.rulebooks.rulebook import Requirement
from loadline.tape.rebound import Recorded
from loadline.tape.term import NotPlannable

if TYPE_CHECKING:
    from loadline.engine.engine import Chosen

LARGEST = 1 << 18
"""Cells of a cube that stays beside its snapshot: 2 MB, and several times that for a rule's constants."""


class Priced:
    """Universe, scenarios and cube of some instruments of a market under one rulebook, and the rule as recorded.

    ``names``: the instruments, rows of ``market``. Raises ``MissingData`` for those it does not know.
    """

    def __init__(self, chosen: Chosen, market: Market, names: Texts) -> None:
        rule, version = chosen.rule, chosen.version
        self.chosen = chosen
        self.universe = build_universe(market, market.rows(names), lambda i: rule.unit(i, version), cash=rule.cash)
        scenarios = rule.scenarios(self.universe, version)
        self.cube = build_cube(self.universe, scenarios, rule.shock(self.universe, scenarios, version))
        self._alone = rule.alone(market, version)
        self._asked = False
        self._recorded: dict[bool, tuple[Requirement, Recorded] | None] = {}

    def is_small(self) -> bool:
        """Whether it may stay in memory beside the snapshot."""
        return self.cube.value.size <= LARGEST

    def requirement(self, book: Book) -> Requirement:
        """Return what the rule gives for a book on this universe."""
        found = self._record(orders=book.has_orders) if self._asked and not self._alone else None
        self._asked = True
        if found is None:
            return self.chosen.rule.margin(book, self.cube, self.chosen.version)
        noted, recorded = found
        initial, maintenance, equity, *parts = recorded.on(book.frame)
        return Requirement(initial, maintenance, equity, dict(zip(noted.parts, parts, strict=True)), noted.notes)

    def _record(self, *, orders: bool) -> tuple[Requirement, Recorded] | None:
        """The rule recorded for books with or without open orders; None where it must see a book's numbers."""
        if orders not in self._recorded:
            try:
                noted = self.chosen.rule.margin(blank(self.universe, orders=orders), self.cube, self.chosen.version)
                roots = [noted.initial, noted.maintenance, noted.equity, *noted.parts.values()]
                self._recorded[orders] = noted, Recorded(roots)
            except (NotPlannable, InputError, RuleError):
                self._recorded[orders] = None
        return self._recorded[orders]
