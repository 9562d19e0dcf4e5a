"""Values of options: the compiled kernel beside numpy with scipy, JAX and QuantLib, and a rulebook's whole cube."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from scipy.special import ndtr

from benchmarks import operations
from benchmarks.venue_data import market
from benchmarks.work import Need, Rival, Work, beats, installed, under
from loadline.engine.bulk import Snapshot
from loadline.engine.engine import choose_rulebook
from loadline.kernels import black76
from loadline.model.cube import build_cube

OPTIONS, SCENARIOS = 2_000, 512
ALONE = 4
"""Options that a loop of single calls prices, for the 2,000."""


def prices() -> list[Work]:
    """Every row of this file."""
    return [repricing(), implied(), *(cube(name) for name in ("derive", "deribit-xpm"))]


def chain() -> tuple[np.ndarray, ...]:
    """Forward (N, S), strike (N,), vol (N, S), years (N,), right (N,): spot 30 % either way, vol up to half more."""
    rng = np.random.default_rng(0)
    F = rng.uniform(90, 110, OPTIONS)[:, None] * (1 + rng.uniform(-0.3, 0.3, SCENARIOS))
    vol = rng.uniform(0.3, 1, OPTIONS)[:, None] * (1 + rng.uniform(-0.3, 0.5, SCENARIOS))
    K, tau, w = rng.uniform(60, 150, OPTIONS), rng.uniform(0.01, 1, OPTIONS), rng.choice([-1.0, 1.0], OPTIONS)
    return F, K, vol, tau, w


def with_scipy(F: np.ndarray, K: np.ndarray, vol: np.ndarray, tau: np.ndarray, w: np.ndarray) -> np.ndarray:
    """What a user would write; it has no edges (expired, no vol, strike 0)."""
    K, w = K[:, None], w[:, None]
    v = vol * np.sqrt(tau)[:, None]
    d1 = np.log(F / K) / v + 0.5 * v
    return w * (F * ndtr(w * d1) - K * ndtr(w * (d1 - v)))


def with_jax(given: tuple[np.ndarray, ...]) -> Callable[[], np.ndarray]:
    """The same in JAX, compiled once, in doubles, on the processor."""
    import jax

    jax.config.update("jax_enable_x64", True)
    jax.config.update("jax_platforms", "cpu")
    import jax.numpy as jnp
    from jax.scipy.special import ndtr as normal

    @jax.jit
    def value(F: Any, K: Any, vol: Any, tau: Any, w: Any) -> Any:
        K, w = K[:, None], w[:, None]
        v = vol * jnp.sqrt(tau)[:, None]
        d1 = jnp.log(F / K) / v + 0.5 * v
        return w * (F * normal(w * d1) - K * normal(w * (d1 - v)))

    there = [jnp.asarray(x) for x in given]
    value(*there).block_until_ready()
    return lambda: value(*there).block_until_ready()


def with_quantlib(given: tuple[np.ndarray, ...], options: int = ALONE) -> dict[str, Callable[[], np.ndarray]]:
    """A loop over scenarios of a few options: its formula, and an instrument with an engine whose quotes are moved."""
    import QuantLib as ql  # noqa: N813 - the name that its users know

    F, K, vol, tau, w = given
    total = vol * np.sqrt(tau)[:, None]
    kinds = [ql.Option.Call if x > 0 else ql.Option.Put for x in w]
    out = np.empty((options, F.shape[1]))

    def formula() -> np.ndarray:
        for i in range(options):
            strike, forward, deviation = float(K[i]), F[i].tolist(), total[i].tolist()
            out[i] = [ql.blackFormula(kinds[i], strike, f, d) for f, d in zip(forward, deviation, strict=True)]
        return out

    today, days = ql.Date(1, 6, 2026), ql.Actual365Fixed()
    ql.Settings.instance().evaluationDate = today
    spot, sigma = ql.SimpleQuote(100.0), ql.SimpleQuote(0.5)
    rate = ql.YieldTermStructureHandle(ql.FlatForward(today, 0.0, days))
    constant = ql.BlackConstantVol(today, ql.NullCalendar(), ql.QuoteHandle(sigma), days)
    process = ql.BlackProcess(ql.QuoteHandle(spot), rate, ql.BlackVolTermStructureHandle(constant))
    engine = ql.AnalyticEuropeanEngine(process)

    def instrument() -> np.ndarray:
        """Whole days to expiry, so not the same options; it is the time that counts."""
        for i in range(options):
            exercise = ql.EuropeanExercise(today + max(1, round(float(tau[i]) * 365)))
            option = ql.VanillaOption(ql.PlainVanillaPayoff(kinds[i], float(K[i])), exercise)
            option.setPricingEngine(engine)
            for s, (f, v) in enumerate(zip(F[i].tolist(), vol[i].tolist(), strict=True)):
                spot.setValue(f)
                sigma.setValue(v)
                out[i, s] = option.NPV()
        return out

    return {"blackFormula": formula, "instrument and engine": instrument}


def repricing() -> Work:
    """2,000 options in 512 scenarios."""
    given = chain()
    F, K, vol, tau, w = given
    out, size = np.empty(F.shape), F.size
    half = OPTIONS // 2
    parts = [[x[a:b] for x in given] for a, b in ((0, half), (half, OPTIONS))]
    pool = ThreadPoolExecutor(2)

    def ours(workers: int) -> None:
        if workers == 1:
            black76.value(F, K, vol, tau, w, out=out)
        else:
            list(pool.map(lambda n: black76.value(*parts[n], out=out[n * half : (n + 1) * half]), range(2)))

    ours(1)
    expected = with_scipy(*given)
    assert np.abs(out - expected).max() < 1e-12 * 150
    rivals, missing = [Rival("numpy + scipy ndtr", lambda: with_scipy(*given), size)], []
    if installed("jax"):
        jitted = with_jax(given)
        assert np.abs(np.asarray(jitted()) - expected).max() < 1e-9
        rivals.append(Rival("JAX on CPU", jitted, size, "jit, doubles; processor time of both cores"))
    else:
        missing.append("JAX on CPU")
    if installed("QuantLib"):
        alone = with_quantlib(given)
        assert np.abs(alone["blackFormula"]() - expected[:ALONE]).max() < 1e-9
        said = f"{ALONE} options measured"
        rivals += [Rival(f"QuantLib in a loop, {n}", run, ALONE * SCENARIOS, said) for n, run in alone.items()]
    else:
        missing.append("QuantLib in a loop")
    done = operations.of_black76()
    need = Need(done.arithmetic, done.divisions, 24.0, 24.0 * size, 8.0 * done.touched)
    aims = (
        beats("numpy + scipy ndtr", 40.0),
        beats("JAX", 8.0, "8× less than JAX on CPU"),
        beats("QuantLib in a loop, instrument", 500.0, "500× less than QuantLib in a loop"),
        under(11e-9, text="about 10 ns per value and core (11 at most)"),
    )
    title = f"reprice {OPTIONS:,} options × {SCENARIOS} scenarios"
    return Work("price", title, "value", size, ours, tuple(rivals), aims, need, tuple(missing))


def implied(options: int = 20_000) -> Work:
    """Implied vols, each its own iteration."""
    F, K, vol, tau, w = (np.resize(x[:, 0] if x.ndim == 2 else x, options) for x in chain())
    price = black76.value1(F, K, vol, tau, w)
    assert np.nanmax(np.abs(black76.value1(F, K, black76.implied_vol(price, F, K, tau, w)[0], tau, w) - price)) < 1e-9
    rivals, missing, some = [], [], 1000
    if installed("QuantLib"):
        import QuantLib as ql  # noqa: N813

        usable = np.flatnonzero(price > np.maximum(w * (F - K), 0.0) + 1e-8)[:some]
        kinds = [ql.Option.Call if x > 0 else ql.Option.Put for x in w[usable]]
        rows = list(zip(kinds, *(x[usable].tolist() for x in (K, F, price)), strict=True))

        def loop() -> None:
            for kind, strike, forward, paid in rows:
                ql.blackFormulaImpliedStdDev(kind, strike, forward, paid)

        rivals.append(
            Rival("QuantLib in a loop, blackFormulaImpliedStdDev", loop, len(rows), f"{len(rows):,} measured")
        )
    else:
        missing.append("QuantLib in a loop")

    def ours(_: int) -> None:
        black76.implied_vol(price, F, K, tau, w)

    return Work("implied", "implied vol", "option", options, ours, tuple(rivals), missing=tuple(missing), spreads=False)


def cube(name: str) -> Work:
    """A rulebook's cube of 2,000 instruments: shocked forwards and vols, and every value under them."""
    chosen = choose_rulebook(name, market().as_of)
    snapshot = Snapshot(chosen, market(), np.arange(len(market().instruments)))
    rule, version, universe = chosen.rule, chosen.version, snapshot.universe
    scenarios = rule.scenarios(universe, version)

    def ours(_: int) -> None:
        build_cube(universe, scenarios, rule.shock(universe, scenarios, version))

    shocked = rule.shock(universe, scenarios, version)
    option = universe.option
    i = universe.instruments
    given = (shocked.forward[option], i.strike[option], shocked.vol[option], universe.tau[option], i.right[option])

    def rival() -> np.ndarray:
        with np.errstate(divide="ignore", invalid="ignore"):
            return with_scipy(*given)

    states = len(scenarios)
    title = f"{name}: price the cube, {len(universe):,} instruments × {states} scenarios"
    rivals = (Rival("numpy + scipy ndtr, values alone", rival, 1),)
    aims = (under(20e-3),) if name == "derive" else ()
    done = operations.of_black76()
    values = int(option.sum()) * states
    need = Need(done.arithmetic * values, done.divisions * values, 24.0 * values, 24.0 * values, 0.0)
    return Work(f"cube {name}", title, "cube", 1, ours, rivals, aims, need, facts={"values": values}, spreads=False)
