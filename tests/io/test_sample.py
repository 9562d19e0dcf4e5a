"""The embedded sample: its files are what its script makes, its market free of arbitrage, its accounts in character."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from loadline.engine.engine import margins
from loadline.engine.greeks import greeks
from loadline.engine.result import MarginResult
from loadline.foundation.units import format_time
from loadline.io.sample import FILES, sample, sample_folder
from loadline.kernels.black76 import value1
from loadline.model.instruments import Kind, PayoffForm
from tools.sample import AS_OF, COINS, main

PORTFOLIO, MARKET = sample()
TABLE, Q = MARKET.instruments, MARKET.quotes
OPTION = TABLE.is_kind(Kind.OPTION)
SMILES = sorted(
    {(u, s, e) for u, s, e in zip(TABLE.underlying[OPTION], TABLE.settle[OPTION], TABLE.expiry[OPTION], strict=True)}
)


def test_the_same_parameters_give_the_same_bytes(tmp_path: Path) -> None:
    main(tmp_path)
    assert (
        sorted(p.name for p in tmp_path.iterdir()) == sorted(FILES) == sorted(p.name for p in sample_folder().iterdir())
    )
    for name in FILES:
        assert (tmp_path / name).read_bytes() == (sample_folder() / name).read_bytes(), f"make sample: {name} differs"
    assert sum((sample_folder() / name).stat().st_size for name in FILES) < 300_000


def test_it_is_made_by_a_command(tmp_path: Path, root: Path) -> None:
    command = [sys.executable, "-m", "tools.sample", str(tmp_path)]
    run = subprocess.run(command, cwd=root, env={"PYTHONPATH": "src:."}, capture_output=True, text=True, check=True)
    assert "options" in run.stdout and len(list(tmp_path.iterdir())) == len(FILES)


def test_it_holds_what_it_promises() -> None:
    assert format_time(MARKET.as_of) == AS_OF and set(MARKET.index) == {"BTC", "ETH"}
    assert 700 <= len(TABLE) <= 900
    assert {int(k) for k in TABLE.kind} == {int(k) for k in Kind}
    assert {int(f) for f in TABLE.form} == {int(f) for f in PayoffForm}
    assert all(MARKET.price(c) > 0 for c in ("USD", "USDC", "USDT", "BTC", "ETH"))
    assert PORTFOLIO.names() == ["basis", "calendar", "covered-call", "maker", "strangle"]
    assert (PORTFOLIO.positions.account == "maker").sum() == 200
    assert set(PORTFOLIO.orders.account.tolist()) == {"maker", "strangle"}
    assert PORTFOLIO.accounts["basis"]["owner"] == PORTFOLIO.accounts["calendar"]["owner"]


def test_quotes_lie_around_marks() -> None:
    quoted = np.isfinite(Q.bid)
    assert (Q.bid[quoted] <= Q.mark[quoted]).all() and (Q.mark <= Q.ask).all() and (Q.ask > Q.mark)[OPTION].all()
    assert quoted[~OPTION].all() and quoted[OPTION].mean() > 0.9
    assert (Q.mark > 0).all() and (Q.vol[OPTION] > 0.3).all() and (Q.vol[OPTION] < 1.6).all()


def test_marks_are_black_76_of_their_vols() -> None:
    tau = (TABLE.expiry[OPTION] - MARKET.as_of) / (365 * 86_400_000)
    worth = value1(Q.forward[OPTION], TABLE.strike[OPTION], Q.vol[OPTION], tau, TABLE.right[OPTION].astype(float))
    coin = TABLE.form[OPTION] == PayoffForm.COIN_OPTION
    worth = np.where(coin, worth / Q.forward[OPTION], worth)
    assert np.abs(worth - Q.mark[OPTION])[coin].max() < 5.1e-9
    assert np.abs(worth - Q.mark[OPTION])[~coin].max() < 5.1e-5


def calls(smile: tuple[str, str, int]) -> tuple[np.ndarray, np.ndarray, np.ndarray, float]:
    """Strikes, cash marks of calls and of puts, and the forward of one smile."""
    underlying, settle, expiry = smile
    mine = OPTION & (TABLE.underlying == underlying) & (TABLE.settle == settle) & (TABLE.expiry == expiry)
    forward = Q.forward[mine]
    assert len(set(forward.tolist())) == 1
    cash = Q.mark[mine] * np.where(TABLE.form[mine] == PayoffForm.COIN_OPTION, forward, 1.0)
    call, put = TABLE.right[mine] == 1, TABLE.right[mine] == -1
    assert (
        TABLE.strike[mine][call].tolist()
        == TABLE.strike[mine][put].tolist()
        == sorted(TABLE.strike[mine][call].tolist())
    )
    return TABLE.strike[mine][call], cash[call], cash[put], float(forward[0])


@pytest.mark.parametrize("smile", SMILES, ids=lambda s: f"{s[0]}-{s[1]}-{format_time(int(s[2]))[:10]}")
def test_no_arbitrage_within_an_expiry(smile: tuple[str, str, int]) -> None:
    strike, call, put, forward = calls(smile)
    rounding = 2e-8 * forward + 2e-4
    np.testing.assert_allclose(call - put, forward - strike, atol=rounding)  # put-call parity
    slope = np.diff(call) / np.diff(strike)
    assert (slope < 0).all() and (slope > -1).all()  # call spreads
    assert (np.diff(slope) > -rounding / np.diff(strike)[1:]).all()  # butterflies


@pytest.mark.parametrize("coin", COINS, ids=lambda c: c.name)
def test_no_arbitrage_between_expiries(coin: object) -> None:
    """Total variance at the same log-moneyness rises with time: checked where ladders overlap, by interpolation."""
    before: tuple[np.ndarray, np.ndarray] | None = None
    for expiry in sorted({int(e) for u, s, e in SMILES if u == coin.name and s == coin.name}):  # type: ignore[attr-defined]
        mine = OPTION & (TABLE.settle == coin.name) & (TABLE.expiry == expiry) & (TABLE.right == 1)  # type: ignore[attr-defined]
        k = np.log(TABLE.strike[mine] / Q.forward[mine])
        w = Q.vol[mine] ** 2 * (expiry - MARKET.as_of)
        if before is not None:
            inside = (before[0] > k.min()) & (before[0] < k.max())
            assert (np.interp(before[0][inside], k, w) > before[1][inside]).all()
        before = (k, w)


def test_forwards_and_currencies_agree() -> None:
    dated = TABLE.kind == Kind.FUTURE
    where = {(u, e): f for u, e, f in zip(TABLE.underlying[dated], TABLE.expiry[dated], Q.forward[dated], strict=True)}
    for u, e, f, s in zip(
        TABLE.underlying[OPTION], TABLE.expiry[OPTION], Q.forward[OPTION], TABLE.settle[OPTION], strict=True
    ):
        if (u, e) in where:
            assert f * (MARKET.price("USDC") if s == "USDC" else 1.0) == pytest.approx(where[u, e], abs=0.01)


def test_characters() -> None:
    """Who is short what, who is flat, and who is near maintenance."""
    held = PORTFOLIO.positions
    right = TABLE.right[MARKET.rows(held.instrument)]
    coins = {a: PORTFOLIO.balances.amount[PORTFOLIO.balances.account == a] for a in PORTFOLIO.names()}
    covered = held.account == "covered-call"
    assert (right[covered] == 1).all() and -held.quantity[covered].sum() <= coins["covered-call"].sum()
    strangle = held.account == "strangle"
    assert (held.quantity[strangle] < 0).all() and right[strangle].sum() == 0
    sums = greeks(PORTFOLIO, MARKET).total("account", "underlying")
    for row in (sums.row(n) for n in range(len(sums))):
        if row["account"] == "maker":
            assert abs(row["delta"]) < 0.01 and abs(row["delta_usd"]) < 5_000
        if row["account"] == "calendar":
            assert row["vega"] > 0 > row["gamma"] and row["theta"] > 0
        if row["account"] == "basis":
            assert row["gamma"] == row["vega"] == 0
    for rulebook, worst in (("derive", "below_initial"), ("deribit-xpm", "ok"), ("isolated", "below_maintenance")):
        for answer in margins(PORTFOLIO, MARKET, rulebook):
            assert isinstance(answer, MarginResult), answer
            assert answer.status.value == (worst if answer.account == "strangle" else "ok"), (rulebook, answer)
