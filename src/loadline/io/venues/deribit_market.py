"""Deribit's public market responses: ``get_book_summary_by_currency`` beside ``get_instruments``.

A summary has no strikes and, for options, may have no vol: reference data come from ``get_instruments`` where it is
given and from the name otherwise, vols from ``mark_iv`` (percent) where it is given and from the mark otherwise.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated, Any, Literal, TypeVar

import numpy as np
from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError

from loadline.foundation.errors import Defect, Reason
from loadline.foundation.table import Floats
from loadline.io.chain import index_of, quoted
from loadline.io.codec import refusal
from loadline.io.limits import Limits
from loadline.io.numbers import EARLIEST_MS, LATEST_MS, BadCell, moment, number
from loadline.io.piece import Piece, groups, vols_of_marks
from loadline.io.snapshot_writer import iso
from loadline.io.venues.deribit_names import Contract, contract, parse_name
from loadline.model.instruments import NO_EXPIRY, Instruments, Kind
from loadline.model.market import Quotes

Number = Annotated[float, BeforeValidator(number)]
"""A finite number, also where the venue writes it as text."""
Instant = Annotated[int, BeforeValidator(moment)]
"""Epoch milliseconds between 2000 and 2200."""


class Summary(BaseModel):
    """One row of ``get_book_summary_by_currency``."""

    model_config = ConfigDict(extra="ignore")

    instrument_name: str
    mark_price: Number
    underlying_price: Number | None = None
    mark_iv: Number | None = None
    bid_price: Number | None = None
    ask_price: Number | None = None
    funding_8h: Number | None = None
    interest_rate: Number | None = None
    estimated_delivery_price: Number | None = None
    creation_timestamp: Instant | None = None


class Reference(BaseModel):
    """One row of ``get_instruments``."""

    model_config = ConfigDict(extra="ignore")

    instrument_name: str
    kind: Literal["option", "future", "spot", "future_combo", "option_combo"]
    base_currency: str
    quote_currency: str
    settlement_currency: str | None = None
    expiration_timestamp: Number | None = None
    settlement_period: str | None = None
    strike: Number | None = None
    option_type: Literal["call", "put", "not_applicable"] | None = None


M = TypeVar("M", bound=BaseModel)


def unwrapped(payload: Any, file: str) -> tuple[Any, int | None]:
    """Return the result of a response and the time it was sent, epoch ms; raises ``InputError`` for an error response.

    Accepts a bare result, a JSON-RPC response, and a request and response saved together.
    """
    body = payload["response"] if isinstance(payload, dict) and "response" in payload else payload
    if not isinstance(body, dict) or not any(k in body for k in ("jsonrpc", "result", "error")):
        return body, None
    if body.get("error") is not None:
        what = f"the venue answered with an error: {str(body['error'])[:100]}"
        raise refusal(Defect(Reason.MISSING_DATA, what, "ask the venue again", file))
    if "result" not in body:
        raise refusal(Defect(Reason.MISSING_DATA, "the response has no result", "save the whole response", file))
    sent = body.get("usOut")
    try:
        return body["result"], None if sent is None else moment(int(number(sent)) // 1000)
    except BadCell:
        return body["result"], None


def kind_of(payload: Any) -> str:
    """Return ``"summary"``, ``"instruments"`` or ``""`` by the shape of the rows."""
    body = payload.get("response", payload) if isinstance(payload, dict) else payload
    rows = body.get("result") if isinstance(body, dict) else body
    first = next((r for r in rows if isinstance(r, dict)), {}) if isinstance(rows, list) else {}
    if "instrument_name" not in first:
        return ""
    if "kind" in first and "base_currency" in first and "average_price" not in first:
        return "instruments"
    return "summary" if "mark_price" in first and "direction" not in first else ""


def parsed(model: type[M], rows: Any, file: str, found: list[Defect], rename: Callable[[str], str]) -> dict[int, M]:
    """Return the rows that fit a model by their number from 1; every field that does not fit is a defect."""
    if not isinstance(rows, list):
        what = f"a list of rows was expected, not {type(rows).__name__}"
        raise refusal(Defect(Reason.UNPARSABLE, what, "save the whole response", file))
    out = {}
    for i, row in enumerate(rows, 1):
        try:
            out[i] = model.model_validate(row)
        except ValidationError as error:
            name = str(row.get("instrument_name", "")) if isinstance(row, dict) else ""
            for problem in error.errors(include_url=False, include_context=False):
                column = str(problem["loc"][0]) if problem["loc"] else ""
                what = f"{column or 'the row'}: {problem['msg'].removeprefix('Value error, ')}"
                remedy = "ask the venue again, or mend the row"
                found.append(Defect(Reason.UNPARSABLE, what, remedy, file, i, rename(column), name))
    return out


def read_references(payload: Any, file: str) -> tuple[dict[str, Contract], list[Defect]]:
    """Return the contracts of ``get_instruments`` by name; combos are left out."""
    found: list[Defect] = []
    rows, _ = unwrapped(payload, file)
    out: dict[str, Contract] = {}
    for i, row in parsed(Reference, rows, file, found, str).items():
        if row.kind.endswith("combo"):
            continue
        made = referred(row)
        if made is None:
            what, remedy = "no expiry, or an option without strike or type", "ask the venue again"
            found.append(Defect(Reason.MISSING_DATA, what, remedy, file, i, "strike", row.instrument_name))
        else:
            out[row.instrument_name] = made
    return out, found


def referred(row: Reference) -> Contract | None:
    """Return the contract of one reference row; older responses name no settlement currency."""
    base, quote = row.base_currency, row.quote_currency
    kinds = {"spot": Kind.SPOT, "option": Kind.OPTION, "future": Kind.FUTURE}
    kind = Kind.PERPETUAL if row.settlement_period == "perpetual" else kinds[row.kind]
    settle = row.settlement_currency or (base if kind is not Kind.SPOT and quote in (base, "USD") else quote)
    dated = kind in (Kind.OPTION, Kind.FUTURE)
    expiry = int(row.expiration_timestamp or 0)
    right = {"call": 1, "put": -1}.get(row.option_type or "", 0)
    if dated and (not EARLIEST_MS <= expiry < LATEST_MS or (kind is Kind.OPTION and (row.strike is None or not right))):
        return None
    return contract(
        row.instrument_name,
        base,
        kind,
        expiry=expiry if dated else NO_EXPIRY,
        strike=row.strike if kind is Kind.OPTION and row.strike is not None else np.nan,
        right=right if kind is Kind.OPTION else 0,
        cash=None if settle == base else settle,
    )


def read_summary(payload: Any, file: str, references: Mapping[str, Contract], at: int | None, limits: Limits) -> Piece:
    """Return the piece of a book summary; ``references`` may be empty, then names say what the contracts are."""
    found: list[Defect] = []
    result, sent = unwrapped(payload, file)
    renamed = {"mark_price": "mark", "underlying_price": "forward", "mark_iv": "vol"}
    rows = parsed(Summary, result, file, found, lambda column: renamed.get(column, column))
    contracts: dict[int, Contract] = {}
    for i, row in rows.items():
        made = references.get(row.instrument_name) or parse_name(row.instrument_name)
        if made is None:
            what, remedy = f"{row.instrument_name!r} is not known", "give the response of get_instruments beside it"
            found.append(Defect(Reason.UNSUPPORTED, what, remedy, file, i, "instrument_name", row.instrument_name))
        else:
            contracts[i] = made
    if not contracts:
        raise refusal(*found or [Defect(Reason.MISSING_DATA, "the response has no rows", "ask again", file)])
    stamped = np.array([rows[i].creation_timestamp or sent or 0 for i in contracts], np.int64)
    as_of = groups(stamped, limits.snapshot_gap_ms)[-1][1]
    if as_of == 0:
        what, remedy = "neither rows nor envelope say the time", "save the whole response, with usOut"
        raise refusal(Defect(Reason.MISSING_DATA, what, remedy, file, 0, "creation_timestamp"))
    if at is not None and as_of // 1000 > at // 1000:
        what, remedy = f"the snapshot is of {iso(as_of)}, after the time asked for", "ask for a later time"
        raise refusal(Defect(Reason.MISSING_DATA, what, remedy, file))

    def column(read: Callable[[Summary], float | None]) -> Floats:
        return np.array([np.nan if (v := read(rows[i])) is None else v for i in contracts], np.float64)

    instruments = Instruments.from_rows(contracts.values())
    option, mark = instruments.is_kind(Kind.OPTION), column(lambda r: r.mark_price)
    forward = np.where(option, column(lambda r: r.underlying_price), mark)
    vol = np.where(option, column(lambda r: r.mark_iv) / 100, np.nan)
    notes = [f"{file}: snapshot of {iso(as_of)}"]
    unsolved = option & np.isnan(vol) & (mark > 0) & (forward > 0)
    if unsolved.any():
        vol = np.where(unsolved, vols_of_marks(as_of, instruments, forward, mark, unsolved), vol)
        notes.append(f"{file}: vols of {unsolved.sum()} options solved from their marks, the response has none")
    index, said = index_of(instruments, column(lambda r: r.estimated_delivery_price), file)
    notes += [f"{note} (estimated_delivery_price)" for note in said]
    return Piece(
        file=file,
        as_of=as_of,
        instruments=instruments,
        quotes=Quotes.of(
            forward,
            vol=vol,
            mark=mark,
            bid=quoted(column(lambda r: r.bid_price)),
            ask=quoted(column(lambda r: r.ask_price)),
            rate=np.where(option, column(lambda r: r.interest_rate), np.nan),
            funding=np.where(instruments.is_kind(Kind.PERPETUAL), column(lambda r: r.funding_8h), np.nan),
        ),
        times=stamped,
        rows=np.array(list(contracts), np.int64),
        index=index,
        defects=tuple(found),
        notes=tuple(notes),
    )
