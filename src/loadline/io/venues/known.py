"""Which venue a JSON response comes from, by its envelope; each venue's own reader is imported when it is needed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from typing import Any

from loadline.io.holdings import Part
from loadline.io.piece import Piece
from loadline.io.venues.shapes import has, rows_of


def _first(payload: Any) -> Any:
    """The first row of a bare list, or the object itself."""
    return next((row for row in payload if isinstance(row, dict)), {}) if isinstance(payload, list) else payload


def _ccxt(payload: Any) -> bool:
    """``ccxt`` beside unified structures."""
    return isinstance(payload, dict) and isinstance(payload.get("ccxt"), str)


def _okx(payload: Any) -> bool:
    """``code`` or ``arg`` beside a list ``data``."""
    listed = isinstance(payload, dict) and isinstance(payload.get("data"), list)
    return listed and ("code" in payload or "arg" in payload)


def _bybit(payload: Any) -> bool:
    """``retCode``, or the ``topic`` of a private stream."""
    return isinstance(payload, dict) and ("retCode" in payload or ("topic" in payload and "creationTime" in payload))


def _binance(payload: Any) -> bool:
    """No envelope: a futures account, an error, or rows with a field of the venue's own."""
    if isinstance(payload, dict) and ("totalMaintMargin" in payload or payload.keys() == {"code", "msg"}):
        return True
    row = _first(payload)
    if not isinstance(row, dict):
        return False
    shapes = (["positionAmt"], ["origQty"], ["markPrice", "indexPrice"])
    traded = any({"symbol", *fields} <= row.keys() for fields in shapes)
    return traded or {"asset", "totalWalletBalance"} <= row.keys()


def _hyperliquid(payload: Any) -> bool:
    """No envelope: the state of a clearing house, orders with ``limitPx``, or a universe beside its contexts."""
    row = _first(payload)
    if isinstance(payload, list):
        return "limitPx" in row or ("universe" in row and len(payload) == 2)
    return "assetPositions" in row or has(rows_of(payload, "balances"), "entryNtl")


def _derive(payload: Any) -> bool:
    """``subaccount_id``, tickers by name, or rows with ``instrument_type``, in a ``result`` or bare."""
    result = payload.get("result", payload) if isinstance(payload, dict) else payload
    if isinstance(result, dict) and ("subaccount_id" in result or isinstance(result.get("tickers"), dict)):
        return True
    row = _first(rows_of(result, "instruments") or result)
    if not isinstance(row, dict):
        return False
    shapes = (["subaccount_id"], ["currency", "spot_price"], ["t", "I", "M"])
    listed = "instrument_name" in row and row.get("instrument_type") in ("perp", "option", "erc20")
    return listed or any(row.keys() >= set(fields) for fields in shapes)


def _paradex(payload: Any) -> bool:
    """A list ``results``."""
    return isinstance(payload, dict) and isinstance(payload.get("results"), list)


ENVELOPES: Mapping[str, Callable[[Any], bool]] = {
    "ccxt": _ccxt,
    "okx": _okx,
    "bybit": _bybit,
    "derive": _derive,
    "paradex": _paradex,
    "hyperliquid": _hyperliquid,
    "binance": _binance,
}
"""The venues beside Deribit, and ccxt, and how to tell their objects: each has modules ``NAME``, ``NAME_market``."""

Payloads = Sequence[tuple[Any, str]]
Account = Callable[[Any, str, str], list[Part]]
Market = Callable[[Payloads, int | None], Piece]


def venue_of(payload: Any) -> str:
    """Return the venue whose envelope a response has, empty where it is none of these.

    >>> venue_of({"code": "0", "data": [], "msg": ""}), venue_of({"retCode": 0, "result": {}}), venue_of([])
    ('okx', 'bybit', '')
    """
    if not isinstance(payload, dict | list):
        return ""
    return next((name for name, belongs in ENVELOPES.items() if belongs(payload)), "")


def account_reader(payload: Any) -> Account | None:
    """Return the reader of a private response, ``None`` where it is of no venue of these."""
    name = venue_of(payload)
    found: Account | None = import_module(f"loadline.io.venues.{name}").read_account if name else None
    return found


def market_readers(payloads: Payloads) -> tuple[list[tuple[str, Payloads, Market]], list[tuple[Any, str]]]:
    """Return each venue with its public responses and their reader, and the responses of none of them."""
    groups: dict[str, list[tuple[Any, str]]] = {}
    for payload, file in payloads:
        groups.setdefault(venue_of(payload), []).append((payload, file))
    rest = groups.pop("", [])
    return [(v, g, import_module(f"loadline.io.venues.{v}_market").read_market) for v, g in groups.items()], rest
