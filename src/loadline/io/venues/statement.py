"""What readers of venue responses share: fields that may be empty, rows held against a model, holdings put together."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from typing import Annotated, Any, TypeVar

import numpy as np
from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError
from pydantic.alias_generators import to_camel

from loadline.foundation.errors import Defect, Reason
from loadline.io.codec import refusal
from loadline.io.holdings import Part
from loadline.io.numbers import exact_sum, is_blank, moment, number
from loadline.io.venues.deribit_names import Contract
from loadline.io.venues.shapes import has as has
from loadline.io.venues.shapes import rows_of as rows_of
from loadline.model.instruments import NO_EXPIRY, Kind, PayoffForm
from loadline.model.positions import Balances, Orders, Positions

Number = Annotated[float, BeforeValidator(number)]
"""A finite number, also where the venue writes it as text."""
Given = Annotated[float | None, BeforeValidator(lambda x: None if is_blank(x) else number(x))]
"""A finite number, or an empty text where the venue has none."""
Instant = Annotated[int | None, BeforeValidator(lambda x: None if is_blank(x) else moment(x))]
"""Epoch milliseconds, or none."""
ASK_AGAIN = "ask the venue again, or mend the row"
SIDES = {"buy": 1.0, "sell": -1.0}


class Row(BaseModel):
    """One row of a response: venues write ``avgPx`` for ``avg_px``; fields that no reader asks for are let be."""

    model_config = ConfigDict(extra="ignore", alias_generator=to_camel)


R = TypeVar("R", bound=Row)


def contract_of(
    name: str,
    underlying: str,
    kind: Kind,
    form: PayoffForm,
    *,
    multiplier: float,
    quote: str,
    settle: str,
    expiry: int | None = None,
    strike: float = np.nan,
    right: int = 0,
) -> Contract:
    """Return one row of ``Instruments``; ``multiplier``: underlying (USD for inverse contracts) per 1 of quantity."""
    return Contract(
        id=name,
        underlying=underlying,
        kind=int(kind),
        form=int(form),
        expiry=NO_EXPIRY if expiry is None else expiry,
        strike=strike,
        right=right,
        multiplier=multiplier,
        quote=quote,
        settle=settle,
        upfront=kind in (Kind.OPTION, Kind.SPOT),
    )


def product(*factors: str) -> float:
    """Return the product of decimals as people multiply them.

    >>> product("0.1", "0.1")
    0.01
    """
    out = Decimal(1)
    for factor in factors:
        out *= Decimal(repr(number(factor)))
    return float(out)


class Statement:
    """What one response says an account holds, put together row by row.

    A row that cannot be read stays, NaN, with a defect of its account. Rows of one contract are added up: a venue that
    keeps long and short apart lists two.
    """

    def __init__(self, venue: str, file: str, account: str) -> None:
        self.venue, self.file, self.account = venue, file, account
        self.defects: list[Defect] = []
        self._held: dict[tuple[str, str], list[tuple[float, float, float, int]]] = {}
        self._cash: dict[tuple[str, str], list[tuple[float, int]]] = {}
        self._orders: list[tuple[str, str, float, float, int]] = []

    def flag(self, reason: Reason, what: str, row: int, column: str = "", account: str = "") -> None:
        """Note a defect of the account that a row belongs to."""
        self.defects.append(Defect(reason, what, ASK_AGAIN, self.file, row, column, account or self.account))

    def parsed(self, model: type[R], rows: list[Any], name: str) -> Iterator[tuple[int, R | None, str]]:
        """Yield each row from 1 as a model with its name (a field of it), or None with its defects noted."""
        for i, row in enumerate(rows, 1):
            called = str(row.get(name, "")) if isinstance(row, dict) else ""
            try:
                yield i, model.model_validate(row), called
            except ValidationError as error:
                for problem in error.errors(include_url=False, include_context=False):
                    column = str(problem["loc"][0]) if problem["loc"] else ""
                    why = problem["msg"].removeprefix("Value error, ")
                    said = ": ".join(part for part in (called, column or "the row", why) if part)
                    self.flag(Reason.UNPARSABLE, said, i, column)
                yield i, None, called

    def of_instruments(self) -> list[Defect]:
        """Return the defects of public rows as those of the instruments that they name."""
        return [
            Defect(d.reason, d.what, d.remedy, d.file, d.row, d.column, d.what.partition(":")[0]) for d in self.defects
        ]

    def hold(self, instrument: str, quantity: float, unsettled: float, entry: float, row: int, own: str = "") -> None:
        """Add a position; ``own`` names a ring-fenced account of its own."""
        self._held.setdefault((own or self.account, instrument), []).append((quantity, unsettled, entry, row))

    def own(self, currency: str, amount: float, row: int, own: str = "") -> None:
        """Add cash."""
        self._cash.setdefault((own or self.account, currency), []).append((amount, row))

    def order(self, instrument: str, quantity: float, limit: float, row: int) -> None:
        """Add an open order."""
        self._orders.append((self.account, instrument, quantity, limit, row))

    def parts(self, *sections: str) -> list[Part]:
        """Return the tables of the sections that the response speaks of, even where they are empty."""
        found = []
        if "positions" in sections:
            table = Positions.from_rows(
                {
                    "account": account,
                    "instrument": name,
                    "quantity": exact_sum([q for q, _, _, _ in rows]),
                    "unsettled": exact_sum([u for _, u, _, _ in rows]),
                    "entry": rows[0][2] if len(rows) == 1 else np.nan,
                }
                for (account, name), rows in self._held.items()
            )
            places = tuple((self.file, rows[0][-1]) for rows in self._held.values())
            found.append(self._part(table, places))
        if "balances" in sections or self._cash:
            cash = Balances.from_rows(
                {"account": account, "currency": currency, "amount": exact_sum([x for x, _ in rows])}
                for (account, currency), rows in self._cash.items()
            )
            found.append(self._part(cash, tuple((self.file, rows[0][-1]) for rows in self._cash.values())))
        if "orders" in sections:
            listed = Orders.from_rows(
                {"account": a, "instrument": name, "quantity": q, "limit": limit}
                for a, name, q, limit, _ in self._orders
            )
            found.append(self._part(listed, tuple((self.file, row) for *_, row in self._orders)))
        return found

    def _part(self, table: Positions | Balances | Orders, places: tuple[tuple[str, int], ...]) -> Part:
        defects, self.defects = tuple(self.defects), []  # said once
        accounts: Mapping[str, str] = dict.fromkeys(dict.fromkeys(table.account.tolist()), self.venue)
        return Part(table, places, defects, accounts)


def unknown(
    file: str, remedy: str, what: str = "the response holds neither positions, balances nor orders"
) -> Exception:
    """Return the error for a response that no reader of its venue takes."""
    return refusal(Defect(Reason.UNSUPPORTED, what, remedy, file))


def refused(file: str, code: Any, said: Any) -> Exception:
    """Return the error for a response in which the venue says no."""
    what = f"the venue answered with an error: {f'{code} {said}'.strip()[:100]}"
    return refusal(Defect(Reason.MISSING_DATA, what, "ask the venue again", file))


Reader = Callable[[Any, str, str], list[Part]]
"""(payload, file, account) -> the parts of a book."""
