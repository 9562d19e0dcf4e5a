"""The sample that travels with the package: one market of about 800 instruments and five accounts.

Everything in it was made by ``tools/sample.py`` from stated parameters; none of it was ever quoted.
"""

from __future__ import annotations

from importlib import resources
from pathlib import Path

from loadline.foundation.errors import InputError
from loadline.io.book import read_portfolio
from loadline.io.market import read_market
from loadline.model.market import Market
from loadline.model.positions import Portfolio

FILES = ("market.json", "positions.csv", "balances.csv", "orders.csv", "accounts.csv")


def sample_folder() -> Path:
    """Return the folder of the sample's files, to be given to commands by name: ``FILES`` lists them."""
    return Path(str(resources.files("loadline"))) / "data" / "sample"


def sample() -> tuple[Portfolio, Market]:
    """Return the embedded book and market: what the demonstration and the documentation use.

    Accounts: ``covered-call``, ``strangle``, ``calendar``, ``maker`` (200 legs) and ``basis``. Raises ``InputError``
    if the files of an installation have been changed.

    >>> portfolio, market = sample()
    >>> portfolio.names()
    ['basis', 'calendar', 'covered-call', 'maker', 'strangle']
    """
    folder = sample_folder()
    market = read_market(folder / "market.json")
    portfolio, defects = read_portfolio(
        folder / "positions.csv",
        balances=folder / "balances.csv",
        orders=folder / "orders.csv",
        accounts=folder / "accounts.csv",
    )
    found = (*market.defects, *defects)
    if found:
        raise InputError("the embedded sample is not as it was made", defects=found, remedy="install Loadline again")
    return portfolio, market
