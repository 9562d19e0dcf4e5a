"""When to load compiled loops: not before a process has asked for enough to be worth waiting for them.

A kernel's text runs in two ways, with numpy on whole arrays or compiled, and gives the same bits; numpy begins at once
and takes several times as long per number, compiled code takes half a second to load (and seconds to compile the very
first time). A process that asks for little never pays for that; one that goes on asking pays once, after it has spent
about as much, and one that runs compiled code already has paid.
"""

from __future__ import annotations

import sys
from importlib import import_module
from typing import Any

__all__ = ["OPTIONS", "Compiled"]

OPTIONS: dict[str, Any] = {"nogil": True, "error_model": "numpy"}
"""No fast-math flag: the order of operations is part of the answer. Division may not raise, so loops stay simple."""


class Compiled:
    """The compiled loops of a module, loaded once ``enough`` numbers have been asked for in all.

    >>> loops = Compiled("math", 100)
    >>> loops.left > 0, loops.asked(100).__name__
    (True, 'math')
    """

    def __init__(self, module: str, enough: int) -> None:
        self.module, self.left = module, enough
        self.loaded: Any = None

    def asked(self, numbers: int) -> Any:
        """Return the module, or None as long as numpy does."""
        if self.loaded is None:
            self.left -= numbers
            if self.left > 0 and "numba" not in sys.modules:
                return None
            self.loaded = import_module(self.module)
        return self.loaded
