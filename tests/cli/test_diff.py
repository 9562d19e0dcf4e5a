"""``loadline diff``: saved results, two books, two markets, two times; what cannot be compared is refused."""

import json
from pathlib import Path

from loadline.cli.environment import ExitCode
from tests.cli.running import FILES, Ran, run

BOOK = ["book.json", "--market", "market.json"]


def save(path: Path, *more: str) -> str:
    ran = run(["margin", *BOOK, "--json", *more], terminal=False)
    path.write_text(ran.out, "utf-8")
    return str(path)


def compared(*args: str) -> dict[str, object]:
    ran = run(["diff", *args, "--json"], terminal=False)
    assert ran.code in (ExitCode.OK, ExitCode.MISSING_DATA), ran.err
    found: dict[str, object] = json.loads(ran.out)
    return found


def refused(*args: str) -> Ran:
    ran = run(["diff", *args])
    assert ran.code is ExitCode.ERROR and not ran.out
    return ran


def test_saved_results_say_what_the_book_says(tmp_path: Path) -> None:
    a = save(tmp_path / "a.json", "--rulebook", "derive", "--explain")
    b = save(tmp_path / "b.json", "--rulebook", "deribit-xpm", "--explain")
    assert compared(a, b)["results"] == compared(*BOOK, "--rulebook", "derive", "--against", "deribit-xpm")["results"]


def test_saved_without_explanation(tmp_path: Path) -> None:
    a = save(tmp_path / "a.json", "--rulebook", "derive")
    assert "--explain" in refused(a, a).err


def test_what_saved_results_do_not_go_with(tmp_path: Path) -> None:
    a = save(tmp_path / "a.json", "--rulebook", "derive", "--explain")
    assert "another saved result" in refused(a, "book.json").err
    assert "stand by themselves" in refused(a, a, "--market", "market.json").err
    wrong = tmp_path / "wrong.json"
    wrong.write_text('{"ok": false, "error": {}, "results": []}', "utf-8")
    assert "holds an error" in refused(a, str(wrong)).err
    wrong.write_text('{"ok": true, "results": [{"file": "x"}]}', "utf-8")
    assert "holds no margins" in refused(a, str(wrong)).err
    assert "calls" in refused(a, a, "--account", "cals").err


def test_two_books(tmp_path: Path) -> None:
    """Before and after a trade: the account, its position and nothing else."""
    book = json.loads((FILES / "book.json").read_text("utf-8"))
    mine = next(p for p in book["positions"] if p["account"] == "calls")
    mine["quantity"] *= 2
    after = tmp_path / "after.json"
    after.write_text(json.dumps(book), "utf-8")
    found = compared("book.json", str(after), "--market", "market.json", "--rulebook", "isolated")
    moved = {r["account"] for r in found["results"] if r["change"]["initial"]}  # type: ignore[index, union-attr, attr-defined]
    assert moved == {"calls"}


def test_two_markets(tmp_path: Path) -> None:
    market = json.loads((FILES / "market.json").read_text("utf-8"))
    del market["identity"]
    market["index"] = {k: v * 1.1 for k, v in market["index"].items()}
    later = tmp_path / "later.json"
    later.write_text(json.dumps(market), "utf-8")
    found = compared(*BOOK, "--rulebook", "isolated", "--against-market", str(later))
    assert any(r["change"]["initial"] for r in found["results"] if "change" in r)  # type: ignore[attr-defined]


def test_two_times() -> None:
    early = refused(*BOOK, "--against-at", "2020-01-01")
    assert "2020" in early.err


def test_accounts_of_one_side_alone(tmp_path: Path) -> None:
    a = save(tmp_path / "a.json", "--rulebook", "derive", "--explain", "--account", "calls")
    b = save(tmp_path / "b.json", "--rulebook", "derive", "--explain")
    only = compared(a, b)["only"]
    assert isinstance(only, list) and only and all("right alone" in text for text in only)


def test_sides_that_cannot_differ() -> None:
    assert "both sides are the same" in refused(*BOOK).err
    assert "one --rulebook" in refused(*BOOK, "--against", "derive").err
    assert "a book needs a market" in refused("book.json", "--rulebook", "derive", "--against", "okx").err
    assert "3 files" in refused("book.json", "book.json", "book.json").err


def test_what_is_unavailable_stands_with_its_reason() -> None:
    ran = run(["diff", *BOOK, "--rulebook", "derive", "--against", "binance"])
    assert ran.code is ExitCode.MISSING_DATA and "option margin" in ran.out
