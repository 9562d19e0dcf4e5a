"""The copula: what went in comes out again, and large moves come together more than a Gaussian lets them."""

import sys

import numpy as np
import pytest
from scipy import stats

from loadline.forecast.volatility import Garch
from loadline.foundation.errors import InputError
from loadline.foundation.units import MS_PER_DAY
from loadline.kernels.parametric import student_t_cdf, student_t_quantile
from loadline.model.history import History
from loadline.scenarios.copula import Copula, Margin, fit_copula, simulate
from loadline.scenarios.copula_moves import copula_moves, drawn_by, garch_of
from loadline.scenarios.history_moves import measured
from loadline.scenarios.moves import filtered_scenarios
from loadline.scenarios.student import fit_degrees, student

TRUE = np.array([[1.0, 0.8, 0.5], [0.8, 1.0, 0.6], [0.5, 0.6, 1.0]])
CONSTANT = Garch(1.0, 0.0, 0.0)


def draws(nu: float, rows: int, seed: int = 1, r=TRUE) -> np.ndarray:
    draw = np.random.default_rng(seed)
    x = draw.standard_normal((rows, len(r))) @ np.linalg.cholesky(r).T
    return x / np.sqrt(draw.chisquare(nu, rows) / nu)[:, None] if np.isfinite(nu) else x


def margins(kind="empirical", seed=3, rows=4000):
    draw = np.random.default_rng(seed)
    returns = [draw.standard_t(5, rows), draw.standard_normal(rows), draw.gamma(4.0, size=rows) - 4.0]
    return [Margin.of(r, np.full(rows, r.var()), CONSTANT, kind) for r in returns]


@pytest.mark.parametrize("nu", [2.5, 4.0, 10.0, 1000.0])
def test_the_table_of_students_t_is_the_exact_function(nu):
    x = np.array([-200.0, -20.0, -3.0, -0.7, 0.0, 0.3, 2.0, 40.0])
    p = np.array([1e-9, 1e-4, 0.01, 0.3, 0.5, 0.9, 0.9999])
    t = student(nu)
    np.testing.assert_allclose(t.cdf(x[1:]), [student_t_cdf(float(a), nu) for a in x[1:]], rtol=5e-6, atol=1e-15)
    np.testing.assert_allclose(t.quantile(p), [student_t_quantile(float(a), nu) for a in p], rtol=5e-6, atol=1e-9)
    np.testing.assert_allclose(t.log_density(x), stats.t.logpdf(x, nu), atol=1e-10)
    np.testing.assert_allclose(t.cdf(t.quantile(p)), p, rtol=1e-6)


def test_degrees_of_a_margin_are_found():
    assert fit_degrees(np.random.default_rng(1).standard_t(4, 20000) / np.sqrt(2.0)) in (3.5, 4.0, 5.0)
    assert fit_degrees(np.random.default_rng(1).standard_normal(20000)) >= 30.0


@pytest.mark.parametrize("nu", [4.0, 10.0, np.inf])
def test_degrees_and_correlation_of_the_copula_are_found(nu):
    # Monotone margins of any shape change nothing: ranks alone matter.
    x = draws(nu, 3000)
    z = np.column_stack([np.exp(x[:, 0] / 3), x[:, 1] ** 3, np.arctan(x[:, 2])])
    found = fit_copula(z, decay=1.0)
    near = {4.0: (3.5, 4.0, 5.0), 10.0: (8.0, 10.0, 15.0), np.inf: (30.0, 50.0, 1000.0)}
    assert found.degrees in near[nu]
    np.testing.assert_allclose(found.correlation, TRUE, atol=0.04)
    assert found.likelihood[found.degrees] == max(found.likelihood.values())


def test_likelihood_is_that_of_the_closed_form():
    x = draws(5.0, 300)
    u = (np.argsort(np.argsort(x, axis=0), axis=0) + 0.5) / len(x)
    found = fit_copula(x, decay=1.0, grid=(5.0,))
    t = stats.t.ppf(u, 5.0)
    joint = stats.multivariate_t(shape=found.correlation, df=5.0).logpdf(t).sum() - stats.t.logpdf(t, 5.0).sum()
    assert found.likelihood[5.0] == pytest.approx(joint, abs=1e-3)


def test_recent_rows_count_more_for_the_correlation():
    calm, late = draws(6.0, 2000, 2, np.eye(3)), draws(6.0, 300, 3)
    found = fit_copula(np.vstack([calm, late]), decay=0.97)
    assert found.correlation[0, 1] > 0.65


@pytest.mark.parametrize("kind", ["empirical", "student"])
def test_margins_and_rank_correlation_come_out_again(kind):
    own = margins(kind)
    copula = Copula(TRUE, 5.0, {})
    got = simulate(copula, own, np.array([4.0, 1.0, 1.0]), np.ones(3, int), count=40000, seed=1)
    for i, scale in enumerate((2.0, 1.0, 1.0)):
        for p in (0.01, 0.1, 0.5, 0.9, 0.99):
            assert (got[:, i] <= scale * own[i].quantile(np.array([p]))[0]).mean() == pytest.approx(p, abs=0.004)
    for i, j in ((0, 1), (0, 2), (1, 2)):
        tau = stats.kendalltau(got[:, i], got[:, j])[0]
        assert tau == pytest.approx(2 / np.pi * np.arcsin(TRUE[i, j]), abs=0.012)
    assert got[:, 0].std() == pytest.approx(2.0, rel=0.05)


def test_large_moves_come_together_more_than_a_gaussian_lets_them():
    own = margins()
    fat, thin = (
        simulate(Copula(TRUE, nu, {}), own, np.ones(3), np.ones(3, int), count=100000, seed=1) for nu in (3.0, 1000.0)
    )

    def together(x, p):
        a, b = x[:, 0] <= np.quantile(x[:, 0], p), x[:, 1] <= np.quantile(x[:, 1], p)
        return (a & b).mean() / p

    assert together(fat, 0.005) > together(thin, 0.005) + 0.08
    limit = Copula(TRUE, 3.0, {}).tail_dependence[0, 1]
    assert together(fat, 0.001) == pytest.approx(limit, abs=0.08)
    assert Copula(TRUE, 1000.0, {}).tail_dependence[0, 1] < 1e-6


def test_variance_goes_on_over_the_steps():
    g = Garch(0.02, 0.1, 0.88)
    own = [Margin(g, m.residuals) for m in margins()]
    got = simulate(Copula(TRUE, 6.0, {}), own, np.array([4.0, 1.0, 0.5]), np.array([5, 5, 1]), count=60000, seed=2)
    want = [g.ahead(4.0, 5), g.ahead(1.0, 5), 0.5]
    np.testing.assert_allclose((got**2).mean(0), want, rtol=0.05)


def test_pairs_are_antithetic_and_the_seed_decides():
    symmetric = [Margin(CONSTANT, np.linspace(-1.7, 1.7, 400))] * 2
    copula = Copula(np.array([[1.0, 0.5], [0.5, 1.0]]), 5.0, {})
    steps = np.array([2, 1])
    a, b, c = (simulate(copula, symmetric, np.ones(2), steps, count=100, seed=s) for s in (1, 1, 2))
    np.testing.assert_array_equal(a, b)
    assert (a != c).any()
    np.testing.assert_allclose(a[:50], -a[50:], atol=1e-6)
    plain = simulate(copula, symmetric, np.ones(2), steps, count=101, seed=1, antithetic=False)
    assert plain.shape == (101, 2)
    with pytest.raises(InputError, match="even"):
        simulate(copula, symmetric, np.ones(2), steps, count=101, seed=1)


def test_refusals():
    with pytest.raises(InputError, match="250"):
        fit_copula(draws(4.0, 100))
    with pytest.raises(InputError, match="250"):
        Margin.of(np.ones(20), np.ones(20), CONSTANT)
    with pytest.raises(InputError, match="kind"):
        Margin.of(np.ones(300), np.ones(300), CONSTANT, "uniform")


def history(n=900):
    x = draws(4.0, n, 5, TRUE) * np.array([0.015, 0.02, 0.03])
    return History.of(
        np.arange(1, n + 1) * MS_PER_DAY, ["BTC", "ETH", "SOL"], 100 * np.exp(np.cumsum(x, 0)), step=MS_PER_DAY
    )


def test_drawn_moves_of_a_history():
    h = history()
    as_of = int(h.time[-1])
    found = measured(h, as_of=as_of, days={"BTC": 1, "ETH": 1, "SOL": 3})
    drawn = copula_moves(h, found, count=4000)
    m = drawn.moves
    np.testing.assert_allclose(m.sigma, np.tile(found.sigma_now, (4000, 1)))
    np.testing.assert_allclose(np.sqrt((m.spot**2).mean(0)), found.sigma_now, rtol=0.1)
    assert drawn.copula.degrees <= 8 and np.isfinite(m.level).all() and drawn.degrees == (None,) * 3
    scenarios = filtered_scenarios(m, found.sigma_now, stress=0)
    np.testing.assert_allclose(np.log1p(scenarios.spot), m.spot, atol=1e-12)
    assert np.corrcoef(m.spot[:, 0], m.spot[:, 1])[0, 1] == pytest.approx(drawn.copula.correlation[0, 1], abs=0.05)
    student_tails = copula_moves(h, found, count=400, kind="student")
    assert all(d is not None and d < 10 for d in student_tails.degrees)


def test_drawn_moves_know_nothing_of_what_comes_later():
    h = history()
    cut = int(h.time[700])
    close = h.close.copy()
    close[701:] *= np.exp(draws(4.0, 199, 9))
    late = History.of(h.time, h.names, close, step=MS_PER_DAY)
    a, b = (copula_moves(x, measured(x, as_of=cut), count=200) for x in (h, late))
    np.testing.assert_array_equal(a.moves.spot, b.moves.spot)
    np.testing.assert_array_equal(a.moves.level, b.moves.level)


def test_a_fitted_variance_takes_its_own_course():
    h = history()
    found = measured(h, as_of=int(h.time[-1]), days=2)
    still = {n: Garch(4e-4, 0.0, 0.0) for n in h.names}
    drawn = copula_moves(h, found, count=4000, garch=still)
    np.testing.assert_allclose(drawn.moves.sigma, np.sqrt(8e-4))
    np.testing.assert_allclose(drawn.moves.spot.std(0), np.sqrt(8e-4), rtol=0.08)


def test_garch_is_fitted_to_what_was_known():
    pytest.importorskip("arch", reason='needs the extra: pip install "loadline[forecast]"')
    true, draw, n = Garch(8e-6, 0.1, 0.87), np.random.default_rng(4), 3000
    r, v = np.empty((n, 2)), np.full(2, true.long_run)
    for t in range(n):
        r[t] = np.sqrt(v) * draw.standard_t(6, 2) * np.sqrt(4 / 6)
        v = true.omega + true.alpha * r[t] ** 2 + true.beta * v
    time, close = np.arange(1, n + 1) * MS_PER_DAY, 100 * np.exp(np.cumsum(r, 0))
    h = History.of(time, ["BTC", "ETH"], close, step=MS_PER_DAY)
    found = measured(h, as_of=int(time[-1]), days=2)
    fits = garch_of(h, found)
    for g in fits.values():
        assert g.persistence == pytest.approx(0.97, abs=0.02) and g.alpha == pytest.approx(0.1, abs=0.04)
    drawn = copula_moves(h, found, count=4000, garch=fits, kind="student")
    ahead = [fits[c].ahead(float(drawn.moves.sigma[0, k] ** 2) / 2, 2) for k, c in enumerate(h.names)]
    np.testing.assert_allclose((drawn.moves.spot**2).mean(0), ahead, rtol=0.12)
    later = History.of(time, ["BTC", "ETH"], np.vstack([close[:2000], close[2000:] * 2]), step=MS_PER_DAY)
    a, b = (garch_of(x, measured(x, as_of=int(time[1999]), days=2)) for x in (h, later))
    assert a == b


def test_margins_go_by_the_word_that_names_them():
    h = history()
    found = measured(h, as_of=int(h.time[-1]), days=2)
    own, drawn = drawn_by(h, found, count=200)
    assert own is found
    np.testing.assert_allclose(drawn.path, found.path, rtol=1e-12)
    assert (drawn.path_time == found.path_time).all()
    np.testing.assert_array_equal(drawn.moves.spot, copula_moves(h, found, count=200).moves.spot)
    with pytest.raises(InputError, match="'ARCH'"):
        drawn_by(h, found, margins="ARCH")


def test_without_the_package_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "arch.univariate", None)
    h = history()
    with pytest.raises(InputError, match=r"loadline\[forecast\]"):
        drawn_by(h, measured(h, as_of=int(h.time[-1])), margins="GARCH", count=200)


@pytest.mark.parametrize("margins", ["GARCH", "GJR"])
def test_draws_of_garch_come_at_its_volatility_of_today(margins):
    pytest.importorskip("arch", reason='needs the extra: pip install "loadline[forecast]"')
    h = history()
    found = measured(h, as_of=int(h.time[-1]), days=2)
    by, drawn = drawn_by(h, found, margins=margins, count=400, kind="student")
    assert (by.path[-1] != found.path[-1]).all() and by.path_time[-1] == h.time[-1]
    np.testing.assert_allclose(drawn.moves.sigma[0], by.path[-1] * np.sqrt(2))
    assert sum(f"variance by {margins}, alpha" in n for n in by.notes) == 3
    assert all("gamma" in n for n in by.notes[-3:]) == (margins == "GJR") and None not in drawn.degrees
