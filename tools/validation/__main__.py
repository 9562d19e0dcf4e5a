"""``python -m tools.validation --data FOLDER --work FOLDER``: the runs, then docs/validation.md and its figures.

The runs take some 20 minutes of one core; each date is written to a journal in the work folder, so that a killed run
goes on. Price files and option chains are not part of the repository.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

from rich.progress import Progress

from tools.validation import chains, delta_one, hours, level, prediction, steady
from tools.validation.data import Data
from tools.validation.models import DAMPING
from tools.validation.page import Findings, write

PAGE = Path(__file__).resolve().parents[2] / "docs" / "validation.md"


def main() -> None:
    """Run what is not in the journals, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder with prices/, derivs/ and options/")
    parser.add_argument("--work", type=Path, required=True, help="folder for the journals")
    parser.add_argument("--out", type=Path, default=PAGE, help="the page; its figures go to img/ beside it")
    parser.add_argument(
        "--every", type=int, default=1, help="take every n-th snapshot of the chains: 2 for half the time"
    )
    parser.add_argument("--draws", type=int, default=500, help="of the bootstrap")
    given = parser.parse_args()
    given.work.mkdir(parents=True, exist_ok=True)
    data = Data(given.data)
    with Progress() as progress:

        def told(name: str) -> Callable[[int, int], None]:
            task = progress.add_task(name, total=None)
            return lambda done, total: progress.update(task, completed=done, total=total)

        delta = delta_one.measured(data, given.work, told)
        level.confirm(delta)  # before the long runs: the page could not say otherwise
        found = Findings(
            data,
            delta,
            chains.measured(data, given.work, told, given.every),
            chains.tried(data, given.work, told),
            hours.hours(data),
            steady.measured(data, given.work, told),
            prediction.scores(data, DAMPING),
        )
    bars = write(found, given.out, given.draws)
    print(f"{given.out} written: {sum(b.reached for b in bars)} of {len(bars)} bars reached")
    for bar in bars:
        print(f"{'reached    ' if bar.reached else 'NOT REACHED'} {bar.point}: {bar.asked}: {bar.measured}")


if __name__ == "__main__":
    main()
