"""The formats page: its examples are read, its Python runs, and every limit stands on it with its value."""

import re
from dataclasses import fields

import pytest

from loadline.foundation.errors import Reason
from loadline.io.book import read_accounts, read_balances, read_book, read_orders
from loadline.io.limits import Limits
from loadline.io.market import read_market

READERS = {
    "book.csv": read_book,
    "book.json": read_book,
    "balances.csv": read_balances,
    "orders.csv": read_orders,
    "accounts.csv": read_accounts,
    "deribit_positions.json": read_book,
    "derive_subaccount.json": read_book,
    "ccxt.json": read_book,
}
MARKETS = ("chain.csv", "market.json", "summary.json", "derive_tickers.json", "ccxt.json")


@pytest.fixture(scope="module")
def page(root):
    return (root / "docs/formats.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def examples(page, tmp_path_factory):
    folder = tmp_path_factory.mktemp("formats")
    for name, content in re.findall(r"^```(?:csv|json) (\S+)\n(.*?)^```$", page, re.M | re.S):
        (folder / name).write_text(content)
    return folder


def test_every_example_has_a_test(examples):
    assert {p.name for p in examples.iterdir()} == {*READERS, *MARKETS, "prices.csv"}


@pytest.mark.parametrize("name", READERS)
def test_book_examples_are_read_without_a_defect(examples, name):
    table, defects = READERS[name](examples / name)
    assert defects == ()
    assert len(getattr(table, "positions", table)) > 0


@pytest.mark.parametrize("name", MARKETS)
def test_market_examples_are_read_without_a_defect(examples, name):
    assert read_market(examples / name).defects == ()
    beside = read_market([examples / name, examples / "prices.csv"])
    assert beside.fx["USDC"] == 0.9997


def test_the_python_runs(page, examples, monkeypatch):
    monkeypatch.chdir(examples)
    names: dict = {}
    for code in re.findall(r"^```python\n(.*?)^```$", page, re.M | re.S):
        exec(code, names)
    assert set(names["found"].stopped) == {"fund"}  # its ETH perpetual is in no file of the example
    assert names["found"].warnings == ()


def test_every_limit_and_reason_stands_on_the_page(page):
    for field in fields(Limits):
        value = f"{field.default:,}".replace(",", " ") if isinstance(field.default, int) else f"{field.default:g}"
        assert f"`{field.name}` {value.replace('e+0', 'e').replace('e+', 'e')}" in page, field.name
    for reason in set(Reason) - {Reason.NO_PARAMETERS}:
        assert f"`{reason}`" in page
