"""A venue cut into shards gives the bits of the venue as one, whoever works on them and in whatever order."""

import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadline.engine.bulk import Venue, venue
from loadline.engine.cluster import Threads, ray_cluster
from loadline.engine.columns import Columns
from loadline.engine.shards import Shard
from loadline.foundation.errors import InputError, LoadlineError
from tests.engine.books import MARKET
from tests.engine.test_bulk import accounts, columns

groups = st.lists(st.integers(0, 12), max_size=80)


@given(groups, st.integers(1, 30), st.booleans())
def test_shards_are_the_rows_in_order(listed: list[int], most: int, in_order: bool) -> None:
    group = np.array(sorted(listed) if in_order else listed, np.int32)
    row, amount = np.arange(len(group), dtype=np.int32), np.arange(len(group)) + 0.5
    whole = Shard(0, 13, group, row, {"quantity": amount})
    shards = list(whole.cut(most))
    assert [s.first for s in shards] == [0, *np.cumsum([s.groups for s in shards]).tolist()[:-1]]
    assert sum(s.groups for s in shards) == 13
    for s in shards:
        mine = (group >= s.first) & (group < s.first + s.groups)
        back = np.argsort(s.row, kind="stable")  # rows of one group keep their order; groups may be told apart first
        assert (s.row[back] == row[mine]).all() and (s.group[back] + s.first == group[mine]).all()
        assert (s.amounts["quantity"] == s.row + 0.5).all()
        for one in range(s.groups):
            assert (np.diff(s.row[s.group == one]) > 0).all()
        assert len(s) <= most or len(s) - most < np.bincount(s.group).max()


def as_bits(found: Venue) -> bytes:
    return np.stack([found.equity, found.initial, found.maintenance]).tobytes()


def shuffled(held: Columns, seed: int) -> Columns:
    """The same with accounts in another order, in numbers of 32 bits; the rows of one never change places."""
    mixed = np.argsort(np.random.default_rng(seed).permutation(30)[held.account], kind="stable")
    narrow = {c: getattr(held, c)[mixed].astype(np.int32) for c in ("account", "row")}
    others = {c: getattr(held, c)[mixed] for c in ("kind", "quantity", "unsettled", "order", "limit")}
    return Columns(held.market, **narrow, **others)


@pytest.mark.parametrize("rulebook", ["isolated", "derive", "deribit-spm", "derive-srm"])
def test_any_cut_and_any_number_of_threads_give_the_same_bits(rulebook: str, plans: Path) -> None:
    book, names = accounts(3, 25)
    held = columns(book, names)
    want = venue(rulebook, MARKET, held, len(names), cache=plans)
    assert np.isfinite(want.initial).all()
    for rows, workers in ((7, 1), (1, 2), (40, 3)):
        got = venue(rulebook, MARKET, held, len(names), pool=Threads(workers, rows), cache=plans)
        assert as_bits(got) == as_bits(want) and got.identity == want.identity
    got = venue(rulebook, MARKET, shuffled(held, 1), len(names), pool=Threads(2, 9), cache=plans)
    assert as_bits(got) == as_bits(want)


def test_numbers_of_32_bits_have_the_same_identity(plans: Path) -> None:
    account, row, quantity = np.array([0, 1]), np.array([3, 4]), np.ones(2)
    small = Columns.of(MARKET, account.astype(np.int32), row.astype(np.int32), quantity)
    assert small.account.dtype == small.row.dtype == np.int32
    found = [
        venue("isolated", MARKET, held, 2, cache=plans) for held in (small, Columns.of(MARKET, account, row, quantity))
    ]
    assert found[0].identity == found[1].identity


def test_progress_ends_with_everything(plans: Path) -> None:
    book, names = accounts(4, 20)
    seen: list[tuple[int, int]] = []
    venue("isolated", MARKET, columns(book, names), 20, pool=Threads(2, 5), cache=plans, told=lambda *x: seen.append(x))
    assert len(seen) > 5 and seen[-1] == (20, 20) and [done for done, _ in seen] == sorted({done for done, _ in seen})


@pytest.mark.parametrize("workers", [1, 3])
def test_threads_pass_errors_on_and_stop(workers: int) -> None:
    taken = []

    def parts() -> Iterator[int]:
        for n in range(1000):
            taken.append(n)
            yield n

    def work(limit: int, part: int) -> int:
        if part >= limit:
            raise LoadlineError(f"no {part}")
        return part

    with pytest.raises(LoadlineError, match="no "):
        list(Threads(workers).spread(work, 5, parts()))
    assert len(taken) < 20


def test_nobody_cannot_work() -> None:
    with pytest.raises(InputError, match="0 workers"):
        Threads(0)


def test_an_address_where_nothing_answers_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def init(**given: object) -> None:
        raise ConnectionError(f"cannot reach {given['address']}\nand more")

    ray = SimpleNamespace(is_initialized=lambda: False, init=init)
    monkeypatch.setitem(sys.modules, "ray", ray)
    with pytest.raises(LoadlineError, match="no Ray cluster at host:1: cannot reach host:1"), ray_cluster(1, "host:1"):
        pass


def test_without_ray_the_way_out_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(LoadlineError, match=r"loadline\[ray\]"), ray_cluster(2):
        pass
