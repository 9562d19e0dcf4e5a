"""What a run keeps: each date as one line of a journal, numbers as they are; what is read back has every bit."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from loadline.backtest.null import Curve
from loadline.foundation.errors import InputError

FORMAT = 2
"""Of the journal: 2 keeps the notes of every answer, and from when its parameters are."""


@dataclass(frozen=True)
class Answer:
    """What one model asked of each book at one date, USD, None where it has no answer; ``hit``: see ``null``.

    ``notes``: of its results, each once; ``ahead``: epoch ms from which its parameters are, where that is later than
    the date: it looks ahead.
    """

    initial: tuple[float | None, ...]
    hit: Curve | None = None
    notes: tuple[str, ...] = ()
    ahead: int | None = None

    def as_json(self) -> dict[str, Any]:
        """Return plain data, without what is not there."""
        more = {"hit": None if self.hit is None else self.hit.as_json(), "notes": self.notes, "ahead": self.ahead}
        return {"initial": self.initial} | {k: v for k, v in more.items() if v not in (None, ())}

    @classmethod
    def read(cls, x: Mapping[str, Any]) -> Answer:
        """Return the answer of plain data."""
        hit = Curve.read(x["hit"]) if "hit" in x else None
        return cls(tuple(x["initial"]), hit, tuple(x.get("notes", ())), x.get("ahead"))


@dataclass(frozen=True)
class Day:
    """One date: books in order of name, their notional, losses at the end point and on the worst path, all in USD.

    ``gaps``: (account, model) -> why there is no number; a book without a loss has its reason under the model ``""``.
    """

    at: int
    end: int
    accounts: tuple[str, ...]
    notional: tuple[float, ...]
    loss: tuple[float | None, ...]
    worst: tuple[float | None, ...]
    models: Mapping[str, Answer]
    gaps: Mapping[str, str] = field(default_factory=dict)

    def as_json(self) -> str:
        """Return the date as one line; floats keep every bit."""
        told = {"at": self.at, "end": self.end, "accounts": self.accounts, "notional": self.notional}
        told |= {"loss": self.loss, "worst": self.worst, "gaps": self.gaps}
        told["models"] = {n: a.as_json() for n, a in self.models.items()}
        return json.dumps(told, allow_nan=False, separators=(",", ":"))

    @classmethod
    def read(cls, line: str) -> Day:
        """Return the date of a line."""
        x: dict[str, Any] = json.loads(line)
        listed = {k: tuple(x[k]) for k in ("accounts", "notional", "loss", "worst")}
        models = {n: Answer.read(a) for n, a in x["models"].items()}
        return cls(x["at"], x["end"], models=models, gaps=x["gaps"], **listed)


@dataclass(frozen=True)
class Journal:
    """A file of finished dates: a first line that says what was asked, then one line per date.

    A line that was being written when the run was killed is cut off when it is opened again.
    """

    path: Path
    identity: str

    def open(self) -> dict[int, Day]:
        """Return the dates that are done; raises ``InputError`` for another run's journal or a line that is no date."""
        head = json.dumps({"loadline": "backtest", "format": FORMAT, "identity": self.identity})
        if not self.path.exists() or not self.path.stat().st_size:
            self.path.write_text(head + "\n", encoding="utf-8")
            return {}
        text = self.path.read_text(encoding="utf-8")
        whole = text[: text.rfind("\n") + 1]
        lines = whole.splitlines()
        if not lines or lines[0] != head:
            raise InputError(
                "the journal belongs to another run",
                where=str(self.path),
                causes="other families, models, sizes, seeds or data, or another version of Loadline",
                remedy="ask as before, or name a new file",
            )
        if len(whole) < len(text):
            self.path.write_text(whole, encoding="utf-8")
        return {day.at: day for day in (self._read(n, line) for n, line in enumerate(lines[1:], 2))}

    def _read(self, number: int, line: str) -> Day:
        try:
            return Day.read(line)
        except (ValueError, KeyError, TypeError) as error:
            what, causes = f"line {number} of the journal is no date of a run", "two runs wrote to it, or it was edited"
            raise InputError(what, where=str(self.path), causes=causes, remedy="name a new file") from error

    def add(self, day: Day) -> None:
        """Write one date down."""
        with self.path.open("a", encoding="utf-8") as file:
            file.write(day.as_json() + "\n")
            file.flush()
