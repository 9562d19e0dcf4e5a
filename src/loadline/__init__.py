"""Loadline: how much a portfolio may carry under a given rulebook.

>>> import loadline as ll
>>> ll.rulebook_names()[:3]
['isolated', 'static', 'tail']
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from loadline.foundation.version import __version__ as __version__

if TYPE_CHECKING:
    from loadline.engine.diff import diff
    from loadline.engine.engine import compare, margin, margins, what_if
    from loadline.engine.result import MarginResult, Status
    from loadline.foundation.errors import InputError, LoadlineError, MissingData, Reason, RuleError, Unavailable
    from loadline.model.instruments import Instruments, Kind, PayoffForm
    from loadline.model.market import Market, Quotes
    from loadline.model.positions import Accounts, Balances, Orders, Portfolio, Positions
    from loadline.optimize.verb import plan
    from loadline.rulebooks.rulebook import rulebook_names

# Where each public name lives: imported when it is first used, so that the command line can print its help without
# waiting for numpy. The optimizer's verb is ``plan``: ``optimize`` is the name of its package.
_HOMES = {
    "loadline.engine.diff": ("diff",),
    "loadline.engine.engine": ("compare", "margin", "margins", "what_if"),
    "loadline.engine.result": ("MarginResult", "Status"),
    "loadline.foundation.errors": (
        "InputError",
        "LoadlineError",
        "MissingData",
        "Reason",
        "RuleError",
        "Unavailable",
    ),
    "loadline.model.instruments": ("Instruments", "Kind", "PayoffForm"),
    "loadline.model.market": ("Market", "Quotes"),
    "loadline.model.positions": ("Accounts", "Balances", "Orders", "Portfolio", "Positions"),
    "loadline.optimize.verb": ("plan",),
    "loadline.rulebooks.rulebook": ("rulebook_names",),
}
_HOME = {name: module for module, names in _HOMES.items() for name in names}

__all__ = [
    "Accounts",
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
    "compare",
    "diff",
    "margin",
    "margins",
    "plan",
    "rulebook_names",
    "what_if",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'loadline' has no attribute {name!r}")
    return getattr(import_module(_HOME[name]), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
