"""``loadline surface``: what an account gains and has left over a spot × vol matrix, and how far liquidation is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from rich.text import Text

from loadline.cli.amounts import amount
from loadline.cli.choosing import asked_for
from loadline.cli.environment import Environment, ExitCode
from loadline.cli.inputs import Inputs, insist, read_inputs, refused
from loadline.cli.json_out import answers_as_json, envelope
from loadline.cli.parser import Request
from loadline.cli.progress import working
from loadline.cli.render import GAP, Cell, Column, Outcome, Screen
from loadline.cli.tables import draw_gaps, draw_market, draw_warnings
from loadline.foundation.errors import Unavailable
from loadline.foundation.table import Floats

if TYPE_CHECKING:
    from loadline.engine.engine import Chosen
    from loadline.engine.liquidation import Distance, LiquidationPrice, Reach
    from loadline.engine.surface import Surface

MARKS = {"ok": " ", "below_initial": "*", "below_maintenance": "!", "unavailable": " "}
GROUNDS = {"ok": "", "below_initial": "black on yellow", "below_maintenance": "bold white on red", "unavailable": "dim"}
LEGEND = "* below the initial requirement, ! below the maintenance requirement: liquidation"
NEAR = 0.1
"""A move smaller than this is shown in red."""
SCALES = ((1.0, "USD"), (1e3, "thousands of USD"), (1e6, "millions of USD"), (1e9, "billions of USD"))


@dataclass(frozen=True, slots=True)
class View:
    """What is shown of one wallet: its surface, its distances to liquidation, its liquidation price.

    ``name``: the account, with the wallet where the rulebook keeps them apart.
    """

    name: str

    surface: Surface
    distances: tuple[Distance, ...]
    price: LiquidationPrice

    def as_json(self) -> dict[str, Any]:
        """Return the view as plain data."""
        found = [d.as_json() for d in self.distances]
        return self.surface.as_json() | {"distances": found, "liquidation_price": asdict(self.price)}


def surface(request: Request, env: Environment) -> Outcome:
    """Answer ``loadline surface``."""
    inputs = read_inputs(request, env)
    found: list[View] = []
    gaps: list[Unavailable] = []
    for chosen, accounts in asked_for(request, inputs.portfolio, inputs.market.as_of):
        for account in accounts:
            if account in inputs.lost:
                gaps.append(refused(account, chosen.rule.name, inputs.lost[account]))
                continue
            with working(env, f"shifting the market of {account} under {chosen.rule.name}"):
                found += answered(inputs, chosen, account)
    gaps += [gap for v in found for gap in v.surface.gaps]
    insist(request, gaps)
    written = []
    if request.get("plot"):
        from loadline.cli.plot import write_plot

        written.append(write_plot(request["plot"], [v.surface for v in found]))

    def document() -> Mapping[str, Any]:
        results = [*(v.as_json() for v in found), *answers_as_json(gaps)]
        return envelope(inputs.market, results, inputs.warnings, **({"written": written} if written else {}))

    def draw(screen: Screen) -> None:
        draw_market(screen, inputs.market)
        for v in found:
            draw_surface(screen, v.surface, v.name)
            draw_distances(screen, v)
        draw_gaps(screen, gaps)
        screen.dim_list("Notes", [n for v in found for n in v.surface.notes])
        for text in written:
            screen.paragraph(text, "dim")
        draw_warnings(screen, inputs.warnings)

    return Outcome(ExitCode.MISSING_DATA if gaps else ExitCode.OK, document, draw)


def answered(inputs: Inputs, chosen: Chosen, account: str) -> list[View]:
    """Return the views of one account: one, or one per wallet where they are kept apart."""
    from loadline.engine.liquidation import distances, liquidation_price
    from loadline.engine.surface import surfaces

    what = (inputs.portfolio, inputs.market, chosen, account)
    found, far, prices = surfaces(*what), distances(*what), liquidation_price(*what)
    return [
        View(
            f"{account}, {s.currency} wallet" if chosen.rule.segregated else account,
            s,
            tuple(d for d in far if d.currency == s.currency),
            price,
        )
        for s, price in zip(found, prices, strict=True)
    ]


def draw_surface(screen: Screen, s: Surface, name: str) -> None:
    """Draw two grids, PnL and excess, spot down and vol across."""
    if not (s.status != "unavailable").any():
        return
    for title, values in (("PnL", s.pnl), ("excess over the initial requirement", s.excess)):
        scale, unit = scale_of(screen, s, values)
        screen.heading(f"{name}: {title}", f"in {unit}, under {s.version}; spot down, vol across")
        columns = [Column("", right=True), *(Column(f"vol {v:+.0%}", right=True) for v in s.vol_moves.tolist())]
        rows = [
            (Text(f"{spot:+.0%}", "bold" if spot == 0 else ""), *cells(s, values, n, scale))
            for n, spot in enumerate(s.spot_moves.tolist())
        ]
        screen.table(columns, rows)
        screen.say()
    if (s.status != "ok").any():
        screen.paragraph(LEGEND, "dim")
        screen.say()


def scale_of(screen: Screen, s: Surface, values: Floats) -> tuple[float, str]:
    """Return the unit in which a grid fits the screen."""
    room = screen.width - 5 - (GAP + 1) * len(s.vol_moves)
    for scale, unit in SCALES:
        if max(len(f"{x:,.0f}") for x in (values / scale).ravel().tolist()) * len(s.vol_moves) <= room:
            return scale, unit
    return SCALES[-1]


def cells(s: Surface, values: Floats, row: int, scale: float) -> Sequence[Cell]:
    """Return the cells of one row, marked and coloured by where the account stands."""
    out = []
    for value, status in zip(values[row].tolist(), s.status[row].tolist(), strict=True):
        text = f"{value / scale:,.0f}" if value == value else "n/a"
        out.append(Text(f"{'0' if text == '-0' else text}{MARKS[status]}", GROUNDS[status]))
    return out


def draw_distances(screen: Screen, view: View) -> None:
    """Draw how far each factor is from liquidating the wallet, and the liquidation price where there is one."""
    if not view.distances:
        return
    screen.heading(f"{view.name}: distance to liquidation", f"under {view.surface.version}")
    rows = [(moving(d), far(d, d.down), far(d, d.up)) for d in view.distances]
    screen.table((Column("what moves"), Column("down", right=True), Column("up", right=True)), rows)
    p = view.price
    if p.price is not None:
        of = p.instrument or f"{p.underlying} index"
        screen.paragraph(f"liquidation price: {of} at {amount(p.price, 'USD')}, {p.move or 0.0:+.2%} from here")
    else:
        screen.paragraph(f"no single liquidation price: {p.note}", "dim")
    screen.say()


def moving(d: Distance) -> str:
    """Return what moves."""
    what = {"spot": "price", "vol": "vol"}[d.along]
    return f"{d.underlying} {what}" if d.underlying else f"all {what}s"


def far(d: Distance, reach: Reach) -> Cell:
    """Return the nearest move that liquidates, with the index it means; or why there is none."""
    if reach.move is None:
        return Text(reach.note, "dim")
    if reach.move == 0.0:
        return Text(reach.note, "bold red")
    style = "red" if abs(reach.move) < NEAR else ""
    at = f" (index {amount(d.index * (1 + reach.move), 'USD')})" if d.along == "spot" and d.underlying else ""
    return Text(f"{reach.move:+.1%}{at}", style)
