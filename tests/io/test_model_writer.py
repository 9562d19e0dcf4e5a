"""A calibrated model on disk: written, read again to the bit, and refused where it was changed."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from loadline.engine.cases.golden import scenarios_of
from loadline.engine.engine import Chosen, choose_rulebook, margins
from loadline.engine.result import MarginResult
from loadline.foundation.errors import InputError, RuleError
from loadline.foundation.units import parse_time
from loadline.io.model_writer import write_model
from loadline.io.sample import sample
from loadline.rulebooks.parameters import Version
from loadline.rulebooks.rulebook import read_rulebook
from loadline.rulebooks.tail import tail_with
from tests.cli.running import FILES, run
from tools.golden_models import WHOLE_MODEL
from tools.golden_scenarios import SETS

NOW = parse_time("2026-01-01T00:00:00Z")
FACTS = {"as_of": "2026-01-01", "damping": 0.5, "coins": {"LUNA#2": {"filled": 3}}, "said": ['a "quote"', "ü"]}


def model(name: str = "surface") -> Version:
    version = choose_rulebook("tail", NOW, WHOLE_MODEL | {"volatility.spot.LUNA#2": 1.5}).version
    return tail_with(version, scenarios_of(SETS[name]))


def written(folder: Path, name: str = "surface", stem: str = "btc") -> Path:
    write_model(model(name), folder / f"{stem}.toml", effective=NOW, source="a test", facts=FACTS)
    return folder / f"{stem}.toml"


@pytest.mark.parametrize("name", list(SETS))
def test_what_was_written_is_read_again_to_the_bit(name: str, tmp_path: Path) -> None:
    rule = read_rulebook(written(tmp_path, name))
    version, given = rule.versions[0], model(name)
    assert rule.name == "tail-btc" and version.effective == NOW and version.source == "a test"
    assert version.scenarios is not None and given.scenarios is not None
    assert version.scenarios.identity == given.scenarios.identity
    assert {n: (p.value, dict(p.by_key)) for n, p in version.parameters.items()} == (
        {n: (p.value, dict(p.by_key)) for n, p in given.parameters.items()}
    )
    held, market = sample()
    for one, two in zip(margins(held, market, rule), margins(held, market, Chosen(rule, given)), strict=True):
        assert isinstance(one, MarginResult) and isinstance(two, MarginResult)
        assert (one.initial, one.maintenance) == (two.initial, two.maintenance)


def test_the_same_content_gives_the_same_bytes(tmp_path: Path) -> None:
    first = {p.name: p.read_bytes() for p in written(tmp_path).parent.iterdir()}
    assert set(first) == {"btc.toml", "btc.moves.csv", "btc.surface.csv"}
    assert {p.name: p.read_bytes() for p in written(tmp_path).parent.iterdir()} == first


def test_the_command_line_takes_it_and_its_parameters_can_be_set(tmp_path: Path) -> None:
    file = written(tmp_path)
    words = ["margin", str(FILES / "book.json"), "--market", str(FILES / "market.json"), "--rulebook", str(file)]
    plain = run(words)
    assert plain.code == 0 and "tail-btc" in plain.out
    other = run(
        [
            "margin",
            str(FILES / "book.json"),
            "--market",
            str(FILES / "market.json"),
            "--rulebook",
            str(file),
            "--set",
            "tail.stress.weight=1.0",
        ]
    )
    assert other.code == 0 and other.out != plain.out


def test_a_set_that_was_changed_is_refused(tmp_path: Path) -> None:
    file = written(tmp_path)
    moves = tmp_path / "btc.moves.csv"
    moves.write_text(moves.read_text().replace("history", "stress", 1))
    with pytest.raises(RuleError, match="not the file that was calibrated"):
        read_rulebook(file)
    moves.unlink()
    with pytest.raises(RuleError, match="not beside it"):
        read_rulebook(file)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('rulebook = "tail"', 'rulebook = "derive"', "no scenarios can come with 'derive'"),
        ("moves = {", "movements = {", "movements"),
        ("[version.floor]\n", "[version.flour]\n", "lacks floor.notional"),
        ("effective = 2026-01-01T00:00:00Z", "effective = 2026-01-01", "no zone"),
    ],
)
def test_what_does_not_belong_in_the_file_is_named(old: str, new: str, said: str, tmp_path: Path) -> None:
    file = written(tmp_path)
    assert old in file.read_text()
    file.write_text(file.read_text().replace(old, new))
    with pytest.raises(RuleError, match=said):
        read_rulebook(file)


def test_what_cannot_be_written_says_so(tmp_path: Path) -> None:
    version = choose_rulebook("tail", NOW).version
    with pytest.raises(InputError, match="without scenarios"):
        write_model(version, tmp_path / "a.toml", effective=NOW, source="x")
    given = model().scenarios
    assert given is not None
    comma = replace(given, label=np.array(["a, b"] * len(given)))
    with pytest.raises(InputError, match="'a, b' cannot stand in a table"):
        write_model(tail_with(version, comma), tmp_path / "a.toml", effective=NOW, source="x")
    with pytest.raises(InputError, match="cannot be written as"):
        write_model(model(), tmp_path / "a.json", effective=NOW, source="x")
    assert not list(tmp_path.iterdir())


def test_numbers_keep_every_bit(tmp_path: Path) -> None:
    version = model("plain")
    assert version.scenarios is not None
    version.scenarios.spot[:] += np.random.default_rng(1).standard_normal(version.scenarios.spot.shape) * 1e-9
    write_model(version, tmp_path / "x.toml", effective=NOW, source="x")
    found = read_rulebook(tmp_path / "x.toml").versions[0].scenarios
    assert found is not None and (found.spot == version.scenarios.spot).all()
