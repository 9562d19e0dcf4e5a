"""One golden case before it is answered, and ways to make several at once."""

from dataclasses import dataclass, field
from typing import Any

from loadline.rulebooks.rulebook import load
from tools.golden_books import Book


@dataclass(frozen=True)
class Case:
    """One golden case before it is answered."""

    name: str
    rulebook: str
    book: Book
    market: str = "calm"
    currency: str = "USD"
    overrides: dict[str, Any] = field(default_factory=dict)
    covers: dict[str, str] = field(default_factory=dict)
    depth: int = 3
    vectors: bool = False
    notes: bool = False
    scenarios: str = ""


def version_dates(name: str) -> list[str]:
    """The dates of a rulebook's versions, newest last."""
    return [v.label.rpartition("@")[2] for v in load(name).versions]


def newest(name: str) -> str:
    """``NAME@DATE`` of the newest version."""
    return f"{name}@{version_dates(name)[-1]}"


def of_books(name: str, found: dict[str, Book], *, date: str = "", **more: Any) -> list[Case]:
    """A case for each book under one version."""
    rulebook = f"{name}@{date}" if date else newest(name)
    return [Case(book, rulebook, legs, **more) for book, legs in found.items()]


def dated(name: str, books: dict[str, Book], **more: Any) -> list[Case]:
    """A case for each book under every older version."""
    return [
        Case(f"{book}_{date}", f"{name}@{date}", legs, **more)
        for date in version_dates(name)[:-1]
        for book, legs in books.items()
    ]


def some(books: dict[str, Book], *names: str) -> dict[str, Book]:
    """A few books by name."""
    return {name: books[name] for name in names}


def merged(*books: Book) -> Book:
    """All books in one account."""
    whole: Book = {"legs": {}, "balances": {}, "unsettled": {}, "orders": []}
    for book in books:
        whole["orders"] += book.get("orders", [])
        for part in ("legs", "balances", "unsettled"):
            for key, amount in book.get(part, {}).items():
                whole[part][key] = whole[part].get(key, 0.0) + amount
    return whole
