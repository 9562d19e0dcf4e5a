"""The worked cases print what the commands answer."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_worked_cases_are_as_answered() -> None:
    page = (ROOT / "docs" / "optimizing.md").read_text("utf-8")
    kept = {}
    for file in (ROOT / "tests" / "cli" / "snapshots").glob("*/command"):
        answer = file.parent / "stdout.txt"
        kept[file.read_text("utf-8").strip()] = answer.read_text("utf-8") if answer.exists() else ""
    blocks = re.findall(r"```\n\$ (loadline .+)\n((?:.*\n)+?)```", page)
    assert len(blocks) == 4
    for command, printed in blocks:
        assert printed.strip() == kept[command].strip()
