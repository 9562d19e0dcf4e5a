"""``loadline stress``: accounts after crashes that happened, synthetic ones, and the nearest one that is fatal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from loadline.cli.choosing import asked_for
from loadline.cli.environment import Environment, ExitCode
from loadline.cli.faults import at_word, refuse
from loadline.cli.inputs import Inputs, insist, read_inputs, refused
from loadline.cli.json_out import answers_as_json, envelope
from loadline.cli.parser import Request
from loadline.cli.progress import working
from loadline.cli.render import Outcome, Screen
from loadline.cli.stress_view import draw_aftermaths, draw_decided, draw_reverse
from loadline.cli.tables import draw_gaps, draw_market, draw_warnings
from loadline.foundation.errors import Unavailable

if TYPE_CHECKING:
    from loadline.engine.engine import Chosen
    from loadline.engine.reverse import Factors, Reverse
    from loadline.engine.stress import Aftermath
    from loadline.model.history import History
    from loadline.scenarios.stress import Trial


@dataclass(frozen=True)
class Fatal:
    """What a reverse stress found for one wallet: the nearest liquidation and ruin, and the share of each trial."""

    liquidation: Reverse
    ruin: Reverse
    shares: Mapping[str, float | None]

    def as_json(self) -> dict[str, Any]:
        """Return the findings as plain data."""
        found = {"liquidation": self.liquidation.as_json(), "ruin": self.ruin.as_json()}
        return found | {"shares": [{"stress": name, "share": share} for name, share in self.shares.items()]}


def stress(request: Request, env: Environment) -> Outcome:
    """Answer ``loadline stress``."""
    if request.get("history") and not request.get("reverse"):
        with at_word(str(request["history"]), "--history"):
            refuse("--history without --reverse", "add --reverse, which measures by it, or leave it out")
    inputs = read_inputs(request, env)
    trials = asked_trials(request, inputs)
    found: list[Aftermath] = []
    fatal: list[Fatal] = []
    gaps: list[Unavailable] = []
    for chosen, accounts in asked_for(request, inputs.portfolio, inputs.market.as_of):
        gaps += [refused(a, chosen.rule.name, inputs.lost[a]) for a in accounts if a in inputs.lost]
        mine = inputs.only([a for a in accounts if a not in inputs.lost])
        if not mine.accounts:
            continue
        made, lacking = stressed(mine, chosen, trials, env)
        found += made
        gaps += [*lacking, *(a.after for a in made if isinstance(a.after, Unavailable))]
        if request.get("reverse"):
            fatal += nearest_of(mine, chosen, trials, request, env, [a.account for a in made])
    gaps = list({(g.account, g.rulebook, g.missing): g for g in gaps}.values())
    insist(request, gaps)
    written = []
    if request.get("plot"):
        from loadline.cli.stress_plot import write_stress

        written.append(write_stress(request["plot"], found, inputs.market.as_of))

    def document() -> Mapping[str, Any]:
        results = [*(a.as_json() for a in found), *answers_as_json(gaps)]
        more: dict[str, Any] = {"stresses": [trial_as_json(t) for t in trials]}
        more |= {"reverse": [f.as_json() for f in fatal]} if request.get("reverse") else {}
        return envelope(inputs.market, results, inputs.warnings, **more, **({"written": written} if written else {}))

    def draw(screen: Screen) -> None:
        draw_market(screen, inputs.market)
        draw_aftermaths(screen, found)
        for f in fatal:
            draw_reverse(screen, f.liquidation, f.ruin, f.shares)
        draw_gaps(screen, gaps)
        draw_decided(screen, trials)
        for text in written:
            screen.paragraph(text, "dim")
        draw_warnings(screen, inputs.warnings)

    return Outcome(ExitCode.MISSING_DATA if gaps else ExitCode.OK, document, draw)


def asked_trials(request: Request, inputs: Inputs) -> list[Trial]:
    """Return the stresses of a request, made for what the book touches; raises ``AtWord`` for an unknown one."""
    from loadline.engine.stress import names_of
    from loadline.scenarios.stress import named, stresses, trial
    from loadline.scenarios.synthetic import every

    asked = []
    for word in request.get("named", ()):
        with at_word(word, "--named"):
            asked.append(named(word))
    names = names_of(inputs.portfolio, inputs.market)
    how = {"span": request.get("window", "low"), "unlisted": request.get("unlisted", "beta")}
    made = [trial(s, names, **how) for s in dict.fromkeys(asked) or stresses()]
    prices = {n: inputs.market.price(n) for n in names if inputs.market.price(n) > 0}
    return made + (every(names, prices) if request.get("synthetic") else [])


def stressed(
    inputs: Inputs, chosen: Chosen, trials: Sequence[Trial], env: Environment
) -> tuple[list[Aftermath], list[Unavailable]]:
    """Return the aftermaths of all accounts under one rulebook, and who cannot be answered today."""
    from loadline.engine.stress import stress as run

    with working(env, f"{len(trials)} stresses under {chosen.rule.name}"):
        return run(inputs.portfolio, inputs.market, chosen, trials)


def nearest_of(
    inputs: Inputs,
    chosen: Chosen,
    trials: Sequence[Trial],
    request: Request,
    env: Environment,
    accounts: Sequence[str],
) -> list[Fatal]:
    """Return the nearest fatal scenarios of every wallet that a price or vol can move."""
    from loadline.engine.factor_covariance import given_factors
    from loadline.engine.reverse import Seen, factor_names, reverse, share_of
    from loadline.engine.surface import wallets

    history = read_bars(request, env)
    out = []
    for account in dict.fromkeys(accounts):
        for wallet in wallets(inputs.portfolio, inputs.market, chosen, account):
            coins, vols = factor_names(wallet)
            if not coins:
                continue
            with working(env, f"looking for what liquidates {account} under {chosen.rule.name}"):
                given = given_factors(coins, vols, inputs.market.as_of, chosen=chosen)
                factors = with_history(given, history, inputs.market.as_of)
                seen = Seen(wallet)
                liquidation, ruin = (
                    reverse(seen, factors, target=target, also=trials) for target in ("maintenance", "equity")
                )
                out.append(Fatal(liquidation, ruin, {t.name: share_of(seen, t) for t in trials}))
    return out


def read_bars(request: Request, env: Environment) -> History | None:
    """Return the history of ``--history``, if it was given."""
    if not request.get("history"):
        return None
    with working(env, "reading bars"), at_word(str(request["history"]), "--history"):
        from loadline.io.history import read_history

        return read_history([request["history"]])


def with_history(given: Factors, history: History | None, as_of: int) -> Factors:
    """Return factors whose prices move as the history says, where there is one that knows any of them."""
    from loadline.engine.factor_covariance import history_factors

    if history is None:
        return given
    with at_word("--history"):
        return history_factors(given, history, as_of)


def trial_as_json(trial: Trial) -> dict[str, Any]:
    """Return a stress as plain data: its moves, what was decided by rule, and who says so."""
    shift = trial.shift
    moves = [
        {
            "name": name,
            "spot": shift.spot.get(name, 0.0),
            "vol": shift.vol.get(name, 0.0),
            "perpetual_basis": shift.perpetual.get(name, 0.0),
            "dated_basis": shift.future.get(name, 0.0),
        }
        for name in sorted(shift.names)
    ]
    return {
        "name": trial.name,
        "title": trial.title,
        "family": trial.family,
        "moves": moves,
        "vol_by_tenor": shift.by_tenor,
        "notes": list(trial.notes),
        "sources": list(trial.sources),
    }
