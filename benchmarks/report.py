"""Write what ``make bench`` measured into docs/performance.md and the table of the README.

``python -m benchmarks.report RESULTS.json``. Only benchmarks that name a rival and ran beside it in turns are listed;
a ratio says more than a time, since the times are this machine's.
"""

import json
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
BEGIN, END = "<!-- begin benchmarks -->", "<!-- end benchmarks -->"


def seconds(x: float) -> str:
    """A time in the unit that a person would say it in."""
    for unit, size in (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6)):
        if x >= size:
            return f"{x / size:.3g} {unit}"
    return f"{x / 1e-9:.3g} ns"


def rows(results: dict[str, Any]) -> list[str]:
    """The lines of the table: work, our best time, the rival, how many times faster."""
    lines = ["| work | Loadline | beside | times faster |", "|---|---|---|---|"]
    for one in sorted(results["benchmarks"], key=lambda b: str(b.get("group") or b["name"])):
        info = one["extra_info"]
        if "rival" in info:
            best, ratio = one["stats"]["min"], info["times faster than rival"]
            lines.append(f"| {one['group'] or one['name']} | {seconds(best)} | {info['rival']} | {ratio:g} |")
    return lines


def replaced(text: str, table: str) -> str:
    """The text with what stands between the marks replaced; the marks must be there."""
    head, _, rest = text.partition(BEGIN)
    _, _, tail = rest.partition(END)
    return f"{head}{BEGIN}\n{table}\n{END}{tail}"


def main() -> None:
    """Write the tables."""
    results = json.loads(Path(sys.argv[1]).read_text("utf-8"))
    machine = results["machine_info"]
    cpu = machine.get("cpu", {}).get("brand_raw", machine.get("machine", "a machine"))
    said = f"Best of several rounds, taken in turns, on {cpu} with Python {machine['python_version']}; one thread."
    table = "\n".join([*rows(results), "", said])
    for name in ("README.md", "docs/performance.md"):
        path = ROOT / name
        path.write_text(replaced(path.read_text("utf-8"), table), "utf-8")
    print(table)


if __name__ == "__main__":
    main()
