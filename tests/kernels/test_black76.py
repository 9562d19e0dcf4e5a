"""Black-76 against its twin, against its own theory, and at its edges."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadline.kernels import black76
from loadline.kernels import black76_loops as loops
from loadline.kernels.arrays import plain
from tests.reference import black76 as twin

price = st.floats(-3, 6).map(lambda x: 10.0**x)  # forward
moneyness = st.floats(-3, 3)  # ln(K/F)
total_vol = st.floats(-3, 1.3).map(lambda x: 10.0**x)
year = st.floats(-5, 1.5).map(lambda x: 10.0**x)
side = st.sampled_from([1.0, -1.0])


@st.composite
def option(draw: st.DrawFn) -> tuple[np.ndarray, ...]:
    """One option as five arrays of length one: forward, strike, vol, tau, right."""
    F, y, v, tau, w = draw(price), draw(moneyness), draw(total_vol), draw(year), draw(side)
    return tuple(np.array([x]) for x in (F, F * math.exp(y), v / math.sqrt(tau), tau, w))


def bundle(n: int, scenarios: int, seed: int = 7) -> tuple[np.ndarray, ...]:
    """Many options with every kind of edge among them."""
    rng = np.random.default_rng(seed)
    K = 10.0 ** rng.uniform(-2, 5, n)
    F = K[:, None] * np.exp(rng.normal(0, 1, (n, scenarios)))
    vol = 10.0 ** rng.uniform(-2, 1.5, (n, scenarios))
    tau = 10.0 ** rng.uniform(-5, 1, n)
    w = rng.choice([-1.0, 1.0], n)
    K[0], tau[1], vol[2], F[3], vol[4], vol[5] = 0.0, 0.0, 0.0, 0.0, 1e4, -0.1
    F[6] = K[6]
    return F, K, vol, tau, w


def test_equals_its_twin() -> None:
    F, K, vol, tau, w = bundle(60, 17)
    got = black76.value(F, K, vol, tau, w)
    for i, s in np.ndindex(*F.shape):
        expected = twin.value(F[i, s], K[i], vol[i, s], tau[i], w[i])
        assert got[i, s] == pytest.approx(expected, rel=0, abs=1e-14 * max(F[i, s], K[i])), (i, s)


def test_greeks_equal_their_twin() -> None:
    F, K, vol, tau, w = bundle(60, 17)
    for s in range(F.shape[1]):
        got = np.array(black76.greeks(F[:, s], K, vol[:, s], tau, w))
        expected = np.array([twin.greeks(*x) for x in zip(F[:, s], K, vol[:, s], tau, w, strict=True)]).T
        np.testing.assert_allclose(got, expected, rtol=1e-10, atol=1e-13)


@pytest.mark.parametrize(
    ("F", "K", "vol", "tau", "call", "put"),
    [
        (100.0, 90.0, 0.0, 1.0, 10.0, 0.0),  # no vol
        (100.0, 90.0, 0.5, 0.0, 10.0, 0.0),  # expired
        (100.0, 90.0, 0.5, -1.0, 10.0, 0.0),  # long expired
        (100.0, 90.0, -0.5, 1.0, 10.0, 0.0),  # a shock that took vol below zero
        (100.0, 100.0, 0.0, 1.0, 0.0, 0.0),
        (100.0, 0.0, 0.5, 1.0, 100.0, 0.0),  # strike 0 is the forward itself
        (100.0, 0.0, 0.0, 0.0, 100.0, 0.0),
        (0.0, 90.0, 0.5, 1.0, 0.0, 90.0),  # worthless forward
        (0.0, 0.0, 0.5, 1.0, 0.0, 0.0),
        (100.0, 90.0, 24.0, 1.0, 100.0, 90.0),  # total vol at the cap
        (100.0, 90.0, 1e9, 1.0, 100.0, 90.0),
        (100.0, 90.0, math.inf, 1.0, 100.0, 90.0),
        (1e300, 1e-300, 0.5, 1.0, 1e300, 0.0),
    ],
)
def test_edges(F: float, K: float, vol: float, tau: float, call: float, put: float) -> None:
    got = black76.value([[F], [F]], [K, K], [[vol], [vol]], [tau, tau], [1, -1])
    assert got[:, 0].tolist() == [call, put]


@pytest.mark.parametrize("where", range(4))
def test_nan_in_is_nan_out(where: int) -> None:
    inputs = [np.array([x]) for x in (100.0, 90.0, 0.5, 1.0)]
    inputs[where][0] = math.nan
    right = np.array([1.0])
    assert np.isnan(black76.value1(*inputs, right)).all()
    assert np.isnan(black76.greeks(*inputs, right)).all()


@pytest.mark.parametrize("scenarios", [1, 3, 31, 256, 257, 600])
def test_a_value_does_not_depend_on_its_neighbours(scenarios: int) -> None:
    """Blocks, row ends and vector widths leave no trace: bit for bit the value computed alone."""
    F, K, vol, tau, w = bundle(9, scenarios)
    got = black76.value(F, K, vol, tau, w)
    for s in {0, scenarios // 2, scenarios - 1}:
        np.testing.assert_array_equal(got[:, s], black76.value1(F[:, s], K, vol[:, s], tau, w))
    for i in range(9):
        row = slice(i, i + 1)
        np.testing.assert_array_equal(got[row], black76.value(F[row], K[row], vol[row], tau[row], w[row]))


def test_one_column_is_repeated_and_out_is_filled() -> None:
    F, K, vol, tau, w = bundle(8, 5)
    full = black76.value(F, K, np.repeat(vol[:, :1], 5, axis=1), tau, w)
    out = np.empty((8, 5))
    assert black76.value(F, K, vol[:, :1], tau, w, out=out) is out
    np.testing.assert_array_equal(out, full)
    full = black76.value(np.repeat(F[:, :1], 5, axis=1), K, vol, tau, w)
    np.testing.assert_array_equal(black76.value(F[:, :1], K, vol, tau, w.astype(np.int8)), full)
    np.testing.assert_array_equal(
        black76.value(F[:, ::2], K, vol[:, ::2], tau, w), black76.value(F, K, vol, tau, w)[:, ::2]
    )
    assert black76.value(F[:0], K[:0], vol[:0], tau[:0], w[:0]).shape == (0, 5)


def test_shapes_that_do_not_agree_are_refused() -> None:
    F, K, vol, tau, w = bundle(8, 5)
    for bad in (
        lambda: black76.value(F[:7], K, vol, tau, w),
        lambda: black76.value(F[:, :3], K, vol, tau, w),
        lambda: black76.value(F, K, vol, tau[:5], w),
        lambda: black76.value(F, K, vol, tau, w, out=np.empty((5, 8))),
        lambda: black76.greeks(F[:7, 0], K, vol[:, 0], tau, w),
    ):
        with pytest.raises(ValueError, match=r"shape|agree|broadcast"):
            bad()


@pytest.mark.parametrize("scenarios", [1, 3, 31, 256, 257])
def test_numpy_and_compiled_loops_give_the_same_bits(scenarios: int) -> None:
    F, K, vol, tau, w = (plain(x) for x in bundle(40, scenarios))
    for sigma in {1: vol[:, :1], 2: vol}.values():
        with_numpy, compiled = np.empty(F.shape), np.empty(F.shape)
        black76._with_numpy(F, K, sigma, tau, w, with_numpy)
        loops.fill(F, K, plain(sigma), tau, w, *loops.room(), compiled)
        assert with_numpy.tobytes() == compiled.tobytes()
    f, v = plain(F[:, 0]), plain(vol[:, 0])
    one, slopes, many = np.empty(len(K)), np.empty((4, len(K))), np.empty((len(K), 1))
    black76._with_numpy(f[:, None], K, v[:, None], tau, w, many)
    loops.fill1(f, K, v, tau, w, *loops.room(), one)
    assert one.tobytes() == many.tobytes()
    loops.fill_greeks(f, K, v, tau, w, slopes)
    with np.errstate(all="ignore"):
        again = np.array(black76.slopes(f, K, v, black76._root(tau), w))
    np.testing.assert_array_equal(slopes, again)  # the sign of a NaN is nobody's


def test_what_is_not_a_number_stays_so_by_either_way() -> None:
    F, K, vol, tau, w = (plain(x) for x in bundle(40, 5))
    F = F.copy()
    F[7, 2] = F[9, 4] = math.nan
    with_numpy, compiled = np.empty(F.shape), np.empty(F.shape)
    black76._with_numpy(F, K, vol, tau, w, with_numpy)
    loops.fill(plain(F), K, vol, tau, w, *loops.room(), compiled)
    np.testing.assert_array_equal(with_numpy, compiled)
    assert np.isnan(compiled).sum() == 2


def test_one_compilation_serves_every_layout() -> None:
    black76.LOOPS.left = 0
    F, K, vol, tau, w = bundle(8, 5)
    frozen = [x.copy() for x in (F, K, vol, tau, w)]
    for x in frozen:
        x.flags.writeable = False
    black76.value(F, K, vol, tau, w)
    black76.value(*frozen)
    black76.value(np.asfortranarray(F), K.tolist(), vol[:, :1], tau.astype(np.float32), w.astype(np.int8))
    assert len(loops.fill.signatures) == 1


@given(option())
def test_put_call_parity(x: tuple[np.ndarray, ...]) -> None:
    F, K, vol, tau, _ = x
    call, put = (black76.value1(F, K, vol, tau, np.array([w])) for w in (1.0, -1.0))
    assert abs((call - put) - (F - K))[0] <= 1e-15 * max(F[0], K[0]) * 2


@given(option())
def test_between_intrinsic_and_bound(x: tuple[np.ndarray, ...]) -> None:
    F, K, _, _, w = x
    got = black76.value1(*x)
    assert np.maximum(w * (F - K), 0.0) <= got <= (F if w[0] > 0 else K)


@given(option(), st.floats(0.0, 1.0))
def test_rises_with_vol_and_time(x: tuple[np.ndarray, ...], more: float) -> None:
    F, K, vol, tau, w = x
    rounding = 1e-15 * max(F[0], K[0])
    assert black76.value1(F, K, vol * (1 + more), tau, w) >= black76.value1(*x) - rounding
    assert black76.value1(F, K, vol, tau * (1 + more), w) >= black76.value1(*x) - rounding


@given(option(), st.integers(-20, 20))
def test_is_homogeneous_in_forward_and_strike(x: tuple[np.ndarray, ...], power: int) -> None:
    F, K, vol, tau, w = x
    unit = 2.0**power  # a power of two is exact, so the bits must be the same
    assert black76.value1(F * unit, K * unit, vol, tau, w) == unit * black76.value1(*x)


@given(price, st.floats(-1, 1), st.floats(0.05, 2.0), st.floats(0.05, 2.0), side)
def test_greeks_are_the_slopes_of_the_value(F: float, y: float, vol: float, tau: float, w: float) -> None:
    x = [np.array([v]) for v in (F, F * math.exp(y), vol, tau, w)]
    delta, gamma, vega, theta = (g[0] for g in black76.greeks(*x))

    def slope(which: int, f: int | None = None) -> float:
        step = 1e-5 * x[which]
        up, down = ([v + sign * step if i == which else v for i, v in enumerate(x)] for sign in (1, -1))
        g = black76.value1 if f is None else lambda *a: black76.greeks(*a)[f]
        return float((g(*up) - g(*down))[0] / (2 * step[0]))

    scale = max(F, x[1][0])
    assert delta == pytest.approx(slope(0), abs=1e-8)
    assert gamma * F == pytest.approx(slope(0, 0) * F, rel=1e-6, abs=1e-6)
    assert vega == pytest.approx(slope(2), abs=1e-7 * scale)
    assert theta == pytest.approx(-slope(3), abs=1e-7 * scale / tau)


@given(st.lists(st.floats(-37, 37), min_size=1, max_size=40))
def test_normal_cdf_and_pdf(xs: list[float]) -> None:
    x = np.array(xs)
    rounding = 1e-15 * (1 + x * x)  # exp turns the rounding of x² into a relative error
    assert (abs(black76.norm_cdf(x) / [twin.cdf(v) for v in xs] - 1) < rounding).all()
    assert (abs(black76.norm_pdf(x) / [twin.pdf(v) for v in xs] - 1) < rounding).all()


def test_normal_functions_keep_shape_and_limits() -> None:
    x = np.array([[-math.inf, -40.0], [40.0, math.inf], [0.0, math.nan]])
    np.testing.assert_array_equal(black76.norm_cdf(x[:2]), [[0, 0], [1, 1]])
    np.testing.assert_array_equal(black76.norm_pdf(x[:2]), np.zeros((2, 2)))
    assert np.isnan(black76.norm_cdf(x)[2, 1])
    assert np.isnan(black76.norm_pdf(x)[2, 1])
    assert black76.norm_cdf(x)[2, 0] == pytest.approx(0.5, abs=2e-16)
