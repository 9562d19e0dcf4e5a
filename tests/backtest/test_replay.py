"""Replays: the snapshots of chain files as a user would read them, and bars of a history."""

import numpy as np
import pytest

import loadline as ll
from loadline.backtest.replay import Chains, Prices, Window, windows
from loadline.foundation.units import MS_PER_DAY
from loadline.io.market import read_market
from loadline.model.instruments import PayoffForm
from tests.backtest import made


def test_times_are_those_of_the_file_and_can_be_cut(chains: Chains) -> None:
    assert chains.times == tuple(made.START + k * made.SIX_HOURS for k in range(20))
    cut = Chains.of(list(chains.files), made.START + MS_PER_DAY, made.START + 2 * MS_PER_DAY)
    assert cut.times == chains.times[4:8]
    with pytest.raises(ll.InputError, match="no snapshot"):
        Chains.of(list(chains.files), 0, 1)


def test_a_snapshot_is_what_the_reader_gives_but_for_the_price_of_the_coin(chains: Chains) -> None:
    at = chains.times[3]
    market, plain = chains.market(at), read_market(chains.files, at=at, imply_futures=True)
    option = market.instruments.form == PayoffForm.COIN_OPTION
    assert market.instruments.id.tolist() == plain.instruments.id.tolist()
    for column in ("forward", "mark", "vol"):
        assert np.array_equal(getattr(market.quotes, column)[option], getattr(plain.quotes, column)[option])
    nearest = market.quotes.forward[market.instruments.index["BTC-4MAR26-80000-C"]]
    assert market.price("BTC") == nearest != plain.price("BTC")
    assert market.quotes.mark[market.instruments.index["BTC_USDC-PERPETUAL"]] == nearest


def test_the_coin_is_not_priced_by_an_expiry_in_its_last_hours(chains: Chains) -> None:
    at = next(t for t in chains.times if made.EXPIRIES[0] - t < 2 * 3_600_000 * 3)
    market = chains.market(at)
    assert made.EXPIRIES[0] - at >= 2 * 3_600_000
    later = chains.market(chains.times[chains.times.index(at) + 1])
    forward = later.quotes.forward[later.instruments.index["BTC-13MAR26-80000-C"]]
    assert later.price("BTC") == forward and market.price("BTC") != forward


def test_the_replay_of_files_knows_their_content(chains: Chains, tmp_path) -> None:
    other = Chains.of(made.chain(tmp_path, 5))
    assert other.identity != chains.identity == Chains.of(list(chains.files)).identity


def test_bars_become_perpetuals_of_the_coins_that_have_a_close() -> None:
    bars = made.history(5)
    close = bars.close.copy()
    close[2, 1] = np.nan
    gappy = ll_history(bars, close)
    markets = list(Prices(gappy))
    assert [len(m.instruments) for m in markets] == [3, 3, 2, 3, 3]
    assert markets[0].price("BTC") == close[0, 0]
    with pytest.raises(ll.InputError, match="no bar"):
        Prices(bars).market(1)


def ll_history(bars, close):
    from loadline.model.history import History

    return History.of(bars.time, bars.names, close, step=bars.step)


def test_windows_end_at_the_nearest_snapshot_and_never_far_from_the_horizon() -> None:
    day = MS_PER_DAY
    times = [0, day, 2 * day - 1000, 2 * day + 5_000_000, 5 * day]
    assert windows(times, 2) == [Window(0, (day, 2 * day - 1000))]
    assert windows(times, 2, slack=1.0)[0].end == 2 * day - 1000
    assert windows([0, 1000], 2) == []


def test_a_thinned_window_keeps_its_end() -> None:
    whole = Window(0, tuple(range(1, 100)))
    for moments in (1, 2, 7):
        thin = whole.thinned(moments)
        assert len(thin.later) == moments and thin.end == 99
    assert whole.thinned(1000) is whole
