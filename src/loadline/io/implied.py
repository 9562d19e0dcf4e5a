"""Futures that a chain implies but does not list: dated ones at their expiry's forward, perpetuals at the index."""

from __future__ import annotations

import numpy as np

from loadline.io.venues.deribit_names import Contract, future_name, parse_name
from loadline.model.instruments import Instruments, Kind, PayoffForm
from loadline.model.market import Market, Quotes

CASH = "USDC"
"""The currency of the linear perpetual that is added beside the inverse one."""


def imply_futures(market: Market) -> Market:
    """Return the snapshot with the futures that its coin options imply, each only where it is not listed.

    Per underlying: an inverse future at the median forward of every expiry (``BTC-27MAR26``), and, where the index is
    known, the inverse and the USDC perpetual at the index (``BTC-PERPETUAL``, ``BTC_USDC-PERPETUAL``). A note says what
    was added; there are no bids, asks or funding.
    """
    i = market.instruments
    coin = i.is_kind(Kind.OPTION) & (i.form == PayoffForm.COIN_OPTION)
    usable = coin & (market.quotes.forward > 0)
    made: list[Contract] = []
    prices: list[float] = []
    notes: list[str] = []
    for underlying in dict.fromkeys(i.underlying[coin].tolist()):
        mine = usable & (i.underlying == underlying)
        offers = {
            future_name(underlying, int(expiry)): float(np.median(market.quotes.forward[mine & (i.expiry == expiry)]))
            for expiry in np.unique(i.expiry[mine])
            if expiry > market.as_of
        }
        dated = len([name for name in offers if name not in i])
        if underlying in market.index:
            offers[f"{underlying}-PERPETUAL"] = market.index[underlying]
            offers[f"{underlying}_{CASH}-PERPETUAL"] = market.index[underlying] / market.price(CASH)
        new = {name: price for name, price in offers.items() if name not in i and np.isfinite(price)}
        for name, price in new.items():
            contract = parse_name(name)
            if contract is not None:
                made.append(contract)
                prices.append(price)
        perpetuals = [name for name in new if name.endswith("-PERPETUAL")]
        said = [f"{dated} dated futures at their expiry's forward"] if dated else []
        said += [f"{' and '.join(perpetuals)} at the index"] if perpetuals else []
        if said:
            notes.append(f"implied, not quoted: {underlying} " + ", ".join(said))
    if not made:
        return market
    at = np.array(prices)
    return market.replace(
        instruments=Instruments.concat([i, Instruments.from_rows(made)]),
        quotes=Quotes.concat([market.quotes, Quotes.of(at, mark=at)]),
        notes=(*market.notes, *notes),
    )
