"""Write the golden cases: ``cases/RULEBOOK/FAMILY_WHAT.json``, the same bytes from the same inputs and machine.

``python -m tools.golden`` writes them; with ``--check`` it only says which files would change, and fails if any does.
Totals are those of the independent twins (tests/reference/rules); components are the engine's, taken only after engine
and twin agree. When a rule or a parameter changes, write them anew and list in the changelog which totals moved.
"""

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

from loadline.engine.cases import golden
from loadline.engine.engine import choose_rulebook, margins
from loadline.engine.result import MarginResult
from tests.reference.rules.twins import parts_of, twin_of
from tools import golden_market
from tools.golden_case import Case
from tools.golden_plans import BOOKS, families
from tools.golden_scenarios import SETS

FOLDER = Path(__file__).resolve().parent.parent / "cases"
AGREE = 1e-9
DIGITS = 12  # of numbers as written
SAME = 1e-9  # what another machine's last digits may move: such a file is left as it is
NOISE = 1e-7
WHOLE = {name: golden_market.market(name) for name in ("calm", "doubt", "depeg", "odd")}
UNITS = {
    "quantity": "coins of the underlying for options and linear contracts, USD for inverse ones",
    "balances": "units of the currency",
    "expected": "in `currency`; requirements positive, `parts` PnL-signed",
    "vol": "1/sqrt(year)",
    "mark": "as quoted: coin options in coin",
}


def input_of(case: Case) -> dict[str, Any]:
    """A case's input as the file holds it."""
    book = case.book
    pending = book.get("unsettled", {})
    positions = [
        {"instrument": i, "quantity": q} | ({"unsettled": pending[i]} if i in pending else {})
        for i, q in book["legs"].items()
    ]
    given: dict[str, Any] = {"rulebook": case.rulebook, "market": case.market, "positions": positions}
    given |= {"scenarios": case.scenarios} if case.scenarios else {}
    given |= {"balances": book.get("balances", {})} | ({"orders": book["orders"]} if book.get("orders") else {})
    return given | ({"overrides": case.overrides} if case.overrides else {})


def short(x: Any) -> Any:
    """Numbers to so many digits that they mean something."""
    if isinstance(x, list):
        return [short(v) for v in x]
    if isinstance(x, dict):
        return {k: short(v) for k, v in x.items()}
    return float(f"{x:.{DIGITS}g}") + 0.0 if isinstance(x, float) else x


def components_of(answer: MarginResult, depth: int) -> dict[str, float]:
    """The rows of the explanations down to a depth, without what is only rounding noise."""
    scale = max(abs(answer.initial), abs(answer.equity), 1e-6)
    rows = golden.rows_of(answer)
    return {path: v for path, v in rows.items() if path.count("/") < depth and abs(v) > NOISE * scale}


def vector_of(case: Case, family: str) -> dict[str, Any]:
    """A case with its answer: the twin's totals, the engine's components."""
    given = input_of(case)
    market = golden.market_of(case.market, {"markets": WHOLE})
    chosen = choose_rulebook(case.rulebook, market.as_of, case.overrides)
    if case.scenarios:
        brought = golden.scenarios_of(SETS[case.scenarios])
        chosen = replace(chosen, version=replace(chosen.version, scenarios=brought))
    found = margins(golden.portfolio_of(given), market, chosen)
    answers = [a for a in found if isinstance(a, MarginResult) and a.currency == case.currency]
    if len(answers) != 1:
        raise SystemExit(f"{case.rulebook} {case.name}: {found}")
    answer = answers[0]
    written = given | ({"scenarios": SETS[case.scenarios]} if case.scenarios else {})
    twin, engine = twin_of(case.rulebook, written, WHOLE[case.market], case.currency), parts_of(answer)
    scale = max(abs(twin[side]) for side in golden.SIDES)
    for part in set(twin) & set(engine):
        if abs(twin[part] - engine[part]) > AGREE * max(abs(twin[part]), min(scale, 1e6), 1e-3):
            raise SystemExit(f"{case.rulebook} {case.name} {part}: engine {engine[part]!r}, twin {twin[part]!r}")
    expected: dict[str, Any] = {"currency": case.currency} | {side: twin[side] for side in golden.SIDES}
    expected["components"] = components_of(answer, case.depth)
    parts = golden.parts_of(answer)
    expected["parts"] = {k: v for k, v in parts.items() if case.vectors or not isinstance(v, list)}
    if case.notes:
        expected["notes"] = list(answer.notes)
    covers = {"covers": case.covers} if case.covers else {}
    return {
        "id": f"{case.rulebook.partition('@')[0]}/{family}/{case.name}",
        **covers,
        "input": given,
        "expected": short(expected),
    }


def file_of(name: str, family: str, cases: list[Case]) -> dict[str, Any]:
    """The content of one case file."""
    used: dict[str, set[str]] = {}
    coins: dict[str, set[str]] = {}
    for case in cases:
        orders = {o["instrument"] for o in case.book.get("orders", [])}
        held = used.setdefault(case.market, set())
        held |= set(case.book["legs"]) | orders | set(case.book.get("balances", {}))
        if case.scenarios or "moneyness" in case.overrides.values():  # a smile is that of all strikes
            held |= golden_market.chains(WHOLE[case.market], held)
        coins.setdefault(case.market, set()).update(case.book.get("balances", {}))
    vectors = [vector_of(case, family) for case in cases]
    sets = {case.scenarios: SETS[case.scenarios] for case in cases if case.scenarios}
    return {
        "schema": "margin-vectors/1",
        "model": "golden",
        "title": f"{name}: {family.replace('_', ', ')}",
        "source": {"name": "Loadline (our own)", "made_by": "python -m tools.golden", "licence": "Apache-2.0"},
        "units": UNITS,
        "verification": {
            "vectors": len(vectors),
            "totals": "from a second, independent implementation of the rule in plain loops (tests/reference/rules)",
            "components": f"from the engine, after its totals and main parts agreed with that one to {AGREE:g}",
        },
        "markets": {m: golden_market.pruned(WHOLE[m], used[m], coins[m]) for m in used},
        **({"scenarios": sets} if sets else {}),
        "vectors": vectors,
    }


def same(old: Any, new: Any) -> bool:
    """Whether two files say the same, to the last digits that machines differ in."""
    if isinstance(old, dict) and isinstance(new, dict):
        return list(old) == list(new) and all(same(old[k], new[k]) for k in old)
    if isinstance(old, list) and isinstance(new, list):
        return len(old) == len(new) and all(map(same, old, new))
    if isinstance(old, float) and isinstance(new, float):
        return abs(old - new) <= SAME * max(1.0, abs(old))
    return type(old) is type(new) and bool(old == new)


def text_of(content: dict[str, Any]) -> str:
    """The JSON text: a line for each instrument and each case."""
    lines = []
    for key, value in content.items():
        if key == "vectors":
            body = ",\n".join(f"  {dumped(v)}" for v in value)
            lines.append(f' "vectors": [\n{body}\n ]')
        elif key == "markets":
            lines.append(' "markets": {\n' + ",\n".join(market_text(n, m) for n, m in value.items()) + "\n }")
        else:
            lines.append(f' "{key}": {dumped(value)}')
    return "{\n" + ",\n".join(lines) + "\n}\n"


def market_text(name: str, market: dict[str, Any]) -> str:
    """A market with a line for each instrument."""
    head = ",\n".join(f'   "{k}": {dumped(v)}' for k, v in market.items() if k != "instruments")
    rows = ",\n".join(f"    {dumped(row)}" for row in market["instruments"])
    return f'  "{name}": {{\n{head},\n   "instruments": [\n{rows}\n   ]\n  }}'


def dumped(value: Any) -> str:
    """Compact JSON without NaN."""
    return json.dumps(value, separators=(",", ":"), allow_nan=False, ensure_ascii=False)


def main(words: list[str]) -> int:
    """Write or check every file; returns the exit code."""
    check = "--check" in words
    names = [w for w in words if not w.startswith("--")] or list(BOOKS)
    stale = 0
    for name in names:
        folder = FOLDER / name
        wanted = {f"{family}.json": (family, cases) for family, cases in families(name).items()}
        there = {p.name for p in folder.glob("*.json")}
        for file, (family, cases) in wanted.items():
            new, path = text_of(file_of(name, family, cases)), folder / file
            old = path.read_text("utf-8") if path.exists() else "{}"
            if new == old or same(json.loads(old), json.loads(new)):
                continue
            stale += 1
            print(f"{name}/{file}: {len(cases)} cases, {len(new) // 1024} kB")
            if not check:
                folder.mkdir(parents=True, exist_ok=True)
                path.write_text(new, "utf-8")
        for file in sorted(there - set(wanted)):
            stale += 1
            print(f"{name}/{file}: nothing makes it")
            if not check:
                (folder / file).unlink()
    return 1 if check and stale else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
