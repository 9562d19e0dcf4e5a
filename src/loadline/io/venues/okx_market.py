"""OKX's public responses together: ``instruments``, ``mark-price``, ``opt-summary``, ``index-tickers``, ``tickers``.

A contract is what its reference row says: ``ctVal x ctMult`` of ``ctValCcy`` per contract, paid in ``settleCcy``. That
is coins for linear contracts and options, USD for inverse ones; an option that pays in its coin is a coin option,
whatever ``ctType`` says. A contract measured in anything else (a quanto) is refused.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from pydantic import Field

from loadline.foundation.errors import Defect, Reason
from loadline.foundation.units import MS_PER_DAY
from loadline.io.chain import index_of, quoted
from loadline.io.codec import refusal
from loadline.io.numbers import BadCell
from loadline.io.piece import Piece, marks_of_vols, over_eight_hours, vols_of_marks
from loadline.io.snapshot_writer import iso
from loadline.io.venues.deribit_names import Contract
from loadline.io.venues.statement import Given, Instant, Row, Statement, contract_of, has, product, rows_of, unknown
from loadline.model.instruments import Instruments, Kind, PayoffForm
from loadline.model.market import Quotes

KINDS = {"SWAP": Kind.PERPETUAL, "FUTURES": Kind.FUTURE, "OPTION": Kind.OPTION}
ALONE = "save account/instruments (public/instruments) of the same instrument type beside it"


class Reference(Row):
    """One row of ``public/instruments``."""

    inst_id: str
    inst_type: Literal["SWAP", "FUTURES", "OPTION", "SPOT", "MARGIN"]
    uly: str = ""
    ct_type: str = ""
    ct_val: str = ""
    ct_mult: str = ""
    ct_val_ccy: str = ""
    settle_ccy: str = ""
    exp_time: Instant = None
    stk: Given = None
    opt_type: Literal["C", "P", ""] = ""


class Price(Row):
    """One row of any price response; each gives some of the fields."""

    inst_id: str
    mark_px: Given = None
    mark_vol: Given = None
    fwd_px: Given = None
    bid_px: Given = None
    ask_px: Given = None
    idx_px: Given = None
    delta_b_s: Given = Field(None, alias="deltaBS")
    funding_rate: Given = None
    funding_time: Given = None
    next_funding_time: Given = None
    ts: Instant = None


def kind_of(payload: Any) -> str:
    """Return ``"instruments"``, ``"prices"`` or ``""`` by the shape of the rows."""
    rows = rows_of(payload, "data")
    if has(rows, "ctVal", "settleCcy"):
        return "instruments"
    prices = ("markPx", "fwdPx", "idxPx", "bidPx", "fundingRate")
    return "prices" if has(rows, "instId") and not has(rows, "pos") and any(has(rows, f) for f in prices) else ""


def referred(row: Reference) -> Contract | None:
    """Return the contract of one reference row, ``None`` where it is measured in a currency of neither side.

    >>> row = {"instId": "BTC-USD-SWAP", "instType": "SWAP", "uly": "BTC-USD", "ctType": "inverse", "ctVal": "100"}
    >>> made = referred(Reference.model_validate(row | {"ctMult": "1", "ctValCcy": "USD", "settleCcy": "BTC"}))
    >>> made["multiplier"], made["settle"]
    (100.0, 'BTC')
    """
    try:
        size = product(row.ct_val, row.ct_mult or "1")
    except BadCell:
        return None
    base, _, quote = row.uly.partition("-")
    kind, coin = KINDS[row.inst_type], row.settle_ccy == base
    inverse = coin and kind is not Kind.OPTION
    dated = kind is not Kind.PERPETUAL
    if row.ct_val_ccy != ("USD" if inverse else base) or (row.ct_type == "linear" and coin):
        return None
    if (dated and row.exp_time is None) or (kind is Kind.OPTION and (row.stk is None or not row.opt_type)):
        return None
    form = PayoffForm.INVERSE if inverse else PayoffForm.LINEAR
    if kind is Kind.OPTION:
        form = PayoffForm.COIN_OPTION if coin else PayoffForm.CASH_OPTION
    return contract_of(
        row.inst_id,
        base,
        kind,
        form,
        multiplier=size,
        quote=base if kind is Kind.OPTION and coin else row.settle_ccy if not coin else quote,
        settle=row.settle_ccy,
        expiry=row.exp_time if dated else None,
        strike=np.nan if row.stk is None else row.stk,
        right={"C": 1, "P": -1, "": 0}[row.opt_type],
    )


def read_market(payloads: Sequence[tuple[Any, str]], at: int | None = None) -> Piece:
    """Return the piece that OKX responses give together; raises ``InputError`` where none has prices of a contract."""
    contracts: dict[str, Contract] = {}
    found: list[Defect] = []
    quotes: dict[str, dict[str, float]] = {}
    place: dict[str, tuple[str, int]] = {}
    stamps: dict[str, int] = {}
    for payload, file in payloads:
        s, references = Statement("okx", file, ""), kind_of(payload) == "instruments"
        if not kind_of(payload):
            raise unknown(file, "save public/instruments, public/mark-price, public/opt-summary", "no prices in it")
        rows = rows_of(payload, "data")
        if references:
            for i, ref, name in s.parsed(Reference, rows, "instId"):
                made = referred(ref) if ref is not None and ref.inst_type in KINDS else None
                if made is not None:
                    contracts[name] = made
                elif ref is not None and ref.inst_type in KINDS:
                    what = f"{name}: {ref.ct_val} {ref.ct_val_ccy} that pays {ref.settle_ccy} is no contract known here"
                    found.append(Defect(Reason.UNSUPPORTED, what, "leave it out", file, i, "ctVal", name))
        else:
            for i, price, name in s.parsed(Price, rows, "instId"):
                if price is not None:
                    given = price.model_dump(exclude={"inst_id", "ts"}, exclude_none=True)
                    quotes.setdefault(name, {}).update(given)
                    place[name], stamps[name] = (file, i), max(stamps.get(name, 0), price.ts or 0)
        found += s.of_instruments()
    files = ", ".join(file for _, file in payloads)
    listed = [name for name in quotes if name in contracts]
    for name in quotes.keys() - contracts.keys():
        if "idx_px" not in quotes[name]:
            file, i = place[name]
            found.append(Defect(Reason.MISSING_DATA, f"no reference data of {name}", ALONE, file, i, "instId", name))
    if not listed:
        remedy = "save public/instruments, public/mark-price, public/opt-summary and market/index-tickers together"
        raise refusal(
            *found or [Defect(Reason.MISSING_DATA, "no contract has both reference and price", remedy, files)]
        )
    stamped = np.array([stamps[name] for name in listed], np.int64)
    as_of = int(stamped.max())
    if as_of == 0 or (at is not None and as_of // 1000 > at // 1000):
        what = "no row says its time" if as_of == 0 else f"the snapshot is of {iso(as_of)}, after the time asked for"
        raise refusal(Defect(Reason.MISSING_DATA, what, "save the whole response", files, 0, "ts"))

    def column(field: str) -> np.ndarray:
        return np.array([quotes[name].get(field, np.nan) for name in listed], np.float64)

    instruments = Instruments.from_rows(contracts[name] for name in listed)
    option, mark, vol = instruments.is_kind(Kind.OPTION), column("mark_px"), column("mark_vol")
    forward = np.where(option, column("fwd_px"), mark)
    notes = [f"{files}: snapshot of {iso(as_of)}"]
    vol = np.where(
        option & np.isnan(vol), vols_of_marks(as_of, instruments, forward, mark, option & np.isnan(vol)), vol
    )
    unmarked = option & np.isnan(mark)
    if unmarked.any():
        mark = np.where(unmarked, marks_of_vols(as_of, instruments, forward, vol), mark)
        notes.append(f"{files}: marks of {unmarked.sum()} options computed from their vols, the response has none")
    with np.errstate(all="ignore"):
        period = (column("next_funding_time") - column("funding_time")) / (MS_PER_DAY / 24)
    index, fx, said = _indices(quotes, instruments, forward, files)
    return Piece(
        file=files,
        as_of=as_of,
        instruments=instruments,
        quotes=Quotes.of(
            forward,
            vol=vol,
            mark=mark,
            bid=quoted(column("bid_px")),
            ask=quoted(column("ask_px")),
            funding=over_eight_hours(column("funding_rate"), period),
            delta=np.where(option, column("delta_b_s"), np.nan),
        ),
        times=stamped,
        rows=np.array([place[name][1] for name in listed], np.int64),
        index=index,
        fx=fx,
        defects=tuple(found),
        notes=(*notes, *said),
    )


def _indices(
    quotes: dict[str, dict[str, float]], instruments: Instruments, forward: np.ndarray, files: str
) -> tuple[dict[str, float], dict[str, float], list[str]]:
    """USD prices: of a coin by its USD index, else its stablecoin index; else by a perpetual's mark, and said so."""
    index: dict[str, float] = {}
    fx = {c: quotes[f"{c}-USD"]["idx_px"] for c in ("USDT", "USDC") if "idx_px" in quotes.get(f"{c}-USD", {})}
    notes: list[str] = []
    for coin in dict.fromkeys(instruments.underlying.tolist()):
        for quote in ("USD", "USDT", "USDC"):
            if coin not in index and "idx_px" in quotes.get(f"{coin}-{quote}", {}):
                index[coin] = quotes[f"{coin}-{quote}"]["idx_px"] * (1.0 if quote == "USD" else fx.get(quote, 1.0))
    rest = instruments.is_kind(Kind.PERPETUAL) & ~np.isin(instruments.underlying, list(index))
    if rest.any():
        found, said = index_of(instruments.take(rest), forward[rest], files)
        index |= {coin: price for coin, price in found.items() if coin not in index}
        notes += [f"{note} (a perpetual's mark: no index-tickers)" for note in said]
    return index, fx, notes
