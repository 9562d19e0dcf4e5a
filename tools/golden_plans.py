"""The golden cases of every rulebook: its books, and its parameters at their least and most."""

from collections.abc import Callable
from functools import partial

from tools.golden_case import Case
from tools.golden_extremes import extremes
from tools.golden_held import PROTOCOLS, RC
from tools.golden_market import COINS
from tools.golden_models import derive, derive_srm, derive_v1, isolated, spm, static, tail, xpm
from tools.golden_venues import bybit, bybit_regular, okx, paradex, protocol

BOOKS: dict[str, Callable[[], dict[str, list[Case]]]] = {
    "isolated": isolated,
    "static": static,
    "tail": tail,
    "derive": derive,
    "derive-v1": derive_v1,
    "derive-srm": derive_srm,
    "deribit-spm": spm,
    "deribit-xpm": xpm,
    "paradex-pm": lambda: paradex("paradex-pm"),
    "paradex-xm": lambda: paradex("paradex-xm"),
    "bybit": bybit,
    "bybit-regular": bybit_regular,
    "okx": okx,
    **{name: partial(protocol, name) for name in PROTOCOLS},
}
assert set(COINS) >= set(RC) - {"BTC", "ETH", "HYPE"}


def families(name: str) -> dict[str, list[Case]]:
    """The files of one rulebook: ``family_what`` -> cases."""
    found = BOOKS[name]()
    return found | {"parameters_extremes": extremes(name)}
