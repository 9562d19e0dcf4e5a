"""What users get wrong: told in words, with the place and the way out, never a traceback."""

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadline.cli.catalogue import COMMANDS
from loadline.cli.environment import ExitCode
from loadline.cli.faults import marked, place_of
from tests.cli.running import run

MARGIN = ["margin", "book.json", "--market", "market.json"]
WHATIF = ["whatif", "book.json", "--market", "market.json", "--account", "calls"]

WRONG = [
    (["margn"], "did you mean margin?"),
    (["rulebook", "lst"], "did you mean list?"),
    (["list"], "did you mean rulebook list?"),
    (["--versoin"], "did you mean --version?"),
    (["margin", "--rulebok", "derive"], "did you mean --rulebook?"),
    (["margin", "book.json"], "margin needs --market FILE"),
    (["margin", "--market", "market.json"], "margin needs BOOK"),
    ([*MARGIN, "more"], "one word too many"),
    ([*MARGIN, "--at"], "--at needs a value"),
    ([*MARGIN, "--strict=yes"], "--strict takes no value"),
    (["margin", "bok.json", "--market", "market.json"], "did you mean book.json?"),
    (["margin", ".", "--market", "market.json"], "is a folder"),
    ([*MARGIN, "--rulebook", "deribit-xmp"], "did you mean deribit-xpm?"),
    ([*MARGIN, "--rulebook", "derive@yesterday"], "is not a time"),
    ([*MARGIN, "--at", "noon"], "is not a time"),
    ([*MARGIN, "--at", "2020-01-01"], "no snapshot at or before"),
    ([*MARGIN, "--max-age", "soon"], "is not a time span"),
    ([*MARGIN, "--depth", "-1"], "is not a depth"),
    ([*MARGIN, "--side", "initail"], "did you mean initial?"),
    ([*MARGIN, "--account", "stangle"], "did you mean strangle?"),
    ([*MARGIN, "--set", "derive"], "does not set a parameter"),
    ([*MARGIN, "--set", "derive.vol_shock.up"], "does not set a parameter"),
    ([*MARGIN, "--set", "derive.vol_shock.up=1,5"], "is not a value"),
    ([*MARGIN, "--rulebook", "derive", "--set", "drive.vol_shock.up=1"], "did you mean derive?"),
    ([*MARGIN, "--rulebook", "derive", "--set", "derive.vol_shock.upp=1"], "has no parameter"),
    ([*MARGIN, "--rulebook", "derive", "--set", "derive.vol_shock.up=high"], "not a number"),
    ([*MARGIN, "--rulebook", "derive", "--set", "derive.vol_shock.up=99"], "outside 0 .. 10"),
    ([*WHATIF, "--trade", "BTC-PERPETUAL"], "is not a trade"),
    ([*WHATIF, "--trade", "BTC-PERPETUAL=lots"], "is not a quantity"),
    ([*WHATIF, "--trade", "BTC-PERPETUAL=nan"], "is not a quantity"),
    ([*WHATIF, "--trade", "BTC-PERPETUL=5"], "did you mean BTC-PERPETUAL?"),
    (["rulebook", "show", "drive"], "did you mean derive?"),
    (["rulebook", "diff", "derive", "2024-01-01", "tomorrow"], "is not a time"),
    (["verify", "market.json"], "not a case file"),
    ([*MARGIN, "--scenarios-out", "nowhere/x.parquet"], "cannot be written"),
    ([*MARGIN, "--rulebook", "tail", "--account", "calls", "--scenarios-out", "x.csv"], "parquet"),
]


@pytest.mark.parametrize(("args", "said"), WRONG, ids=lambda x: " ".join(x)[-60:] if isinstance(x, list) else "")
def test_told_in_words(args: list[str], said: str) -> None:
    ran = run(args)
    text = " ".join((ran.out + ran.err).split())
    assert ran.code is ExitCode.ERROR
    assert said in text
    assert "Traceback" not in text
    assert "remedy" in ran.err or "verify" in args


@pytest.mark.parametrize(("args", "said"), WRONG, ids=lambda x: " ".join(x)[-60:] if isinstance(x, list) else "")
def test_told_as_json(args: list[str], said: str) -> None:
    ran = run(args, terminal=False)
    document = json.loads(ran.out)
    if args[0] == "verify":  # the report of a file may be that it could not be read
        error = document["results"][0]["error"]
    else:
        assert document["ok"] is False
        error = document["error"]
    assert set(error) - {"word"} == {"type", "what", "where", "causes", "remedy", "defects", "missing"}
    assert said in json.dumps(error, ensure_ascii=False)
    assert ran.err == ""


def test_error_is_said_to_people_too_when_output_is_piped() -> None:
    ran = run(["margn"], terminal=False, error_terminal=True)
    assert json.loads(ran.out)["ok"] is False
    assert ran.err.startswith("error: no command 'margn'")


@pytest.mark.parametrize("width", [40, 60, 80, 120])
@pytest.mark.parametrize(
    "args",
    [
        [*MARGIN, "--rulebook", "derive", "--set", "derive.vol_shock.wrong_name_of_a_parameter=0.6"],
        [*MARGIN, "--rulebook", "derve", *["--rulebook", "isolated"] * 10],
    ],
)
def test_caret_stands_under_the_word(args: list[str], width: int) -> None:
    ran = run(args, width=width)
    lines = ran.err.splitlines()
    at = next(i for i, line in enumerate(lines) if set(line.strip()) == {"^"})
    carets = re.search(r"\^+", lines[at])
    assert carets is not None
    word = lines[at - 1][carets.start() : carets.end()]
    assert word.strip("…") in " ".join(args)
    assert word.strip("…")
    assert all(len(line) <= width for line in lines)


def test_word_is_found_where_it_was_typed() -> None:
    args = ["margin", "a=b", "--set=x.y=z", "--rulebook", "y"]
    place = place_of(args, "y", "--set")
    assert place is not None and args[place.argument][place.start : place.end] == "y"
    assert marked(args, place, 80)[1].index("^") == marked(args, place, 80)[0].index("y=z")
    other = place_of(args, "y", "--rulebook")
    assert other is not None and other.argument == 4
    assert place_of(args, "absent") is None


WORDS = sorted(
    {
        *(w for c in COMMANDS for w in c.words.split()),
        *(o.flag for c in COMMANDS for o in c.options if o.flag not in ("--scenarios-out", "--plot")),
        "book.json",
        "market.json",
        "flawed.csv",
        "cases.json",
        "derive",
        "tail@2026-01-01",
        "BTC-PERPETUAL=5",
        "derive.vol_shock.up=0.6",
        "calls",
        "1h",
        "all",
        "2026-06-01",
        "--",
        "",
        "=",
    }
    - {"demo"}
)


@given(
    st.lists(st.one_of(st.sampled_from(WORDS), st.text(max_size=12)), max_size=8),
    st.booleans(),
)
def test_no_words_give_a_traceback(args: list[str], terminal: bool) -> None:
    ran = run(args, terminal=terminal)  # debug: anything unexpected would be raised here
    assert ran.code in tuple(ExitCode)
    if not terminal and not ran.out.startswith(("Usage", "loadline")) and "--table" not in args:
        json.loads(ran.out)
