"""Loadline: how much a portfolio may carry under a given rulebook.

>>> import loadline as ll
>>> ll.rulebook_names()[:3]
['isolated', 'static', 'tail']
"""

from loadline.engine.engine import WhatIf, compare, margin, margins, what_if
from loadline.engine.result import MarginResult, Status
from loadline.foundation.errors import InputError, LoadlineError, MissingData, Reason, RuleError, Unavailable
from loadline.foundation.units import Amount
from loadline.model.instruments import Instruments, Kind, PayoffForm
from loadline.model.market import Market, Quotes
from loadline.model.positions import Accounts, Balances, Orders, Portfolio, Positions
from loadline.rulebooks.rulebook import names as rulebook_names

__version__ = "0.1.0"

__all__ = [
    "Accounts",
    "Amount",
    "Balances",
    "InputError",
    "Instruments",
    "Kind",
    "LoadlineError",
    "MarginResult",
    "Market",
    "MissingData",
    "Orders",
    "PayoffForm",
    "Portfolio",
    "Positions",
    "Quotes",
    "Reason",
    "RuleError",
    "Status",
    "Unavailable",
    "WhatIf",
    "compare",
    "margin",
    "margins",
    "rulebook_names",
    "what_if",
]
