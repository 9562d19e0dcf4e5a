"""Why a row is where it is: sentences written by hand around numbers that were measured, so that none goes stale.

``MISSED[key, n]`` says why aim ``n`` of a row was missed (used only if it was); ``GAP[key]`` what lies between the row
and what the machine permits. A row without words says nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from benchmarks.limits import permitted
from benchmarks.said import cache, count, digits, rate, seconds, size, times
from benchmarks.work import Figures


@dataclass(frozen=True)
class Row:
    """A row's figures and the machine's limits, under short names."""

    figures: Figures
    machine: Figures

    @property
    def ours(self) -> float:
        """Processor seconds per unit of work."""
        return float(self.figures["processor"])

    def rival(self, n: int) -> float:
        """Processor seconds per unit of work of rival ``n``."""
        return float(self.figures["rivals"][n]["processor"])

    def need(self, name: str) -> float:
        """What a unit of work asks for."""
        return float(self.figures["need"][name])

    @property
    def limit(self) -> Figures:
        """What the machine permits."""
        return permitted(self.figures["need"], self.machine)

    def read(self, level: str, how: str = "straight") -> float:
        """Bytes per second from a level."""
        return float(self.machine["read"][level][how])


def _price(r: Row) -> str:
    return (
        f"A value takes {r.need('arithmetic'):.0f} operations and {r.need('divisions'):.0f} divisions (counted in "
        "the kernel's own text): a logarithm, an exponential and two rational functions of degree 9 over 10, "
        "accurate to the last digits in the far tail too. Without fused multiply-add, which would make results "
        f"depend on the machine, that is {seconds(r.limit['seconds']['arithmetic'])} at the peak rate measured here "
        f"({digits(r.machine['arithmetic'] / 1e9)} billion a second); the rest is waiting for chains of dependent "
        "operations and for the divider, and laying strikes out beside the scenarios. Sixteen values are worked on at "
        "once, since the processor sees more operations that do not wait for each other then. Numbers go through the "
        "cache in blocks of 256 options; reading and "
        f"writing them takes no part in it ({seconds(r.limit['seconds']['loads and stores'])} if everything stored "
        "were read back)."
    )


def _price_missed_numpy(r: Row) -> str:
    wanted = r.rival(0) / 40.0
    return (
        f"numpy with `ndtr` takes {seconds(r.rival(0))} a value here, so 40× would be {seconds(wanted)}, "
        f"{times(r.limit['limit'] / wanted)} below what the arithmetic alone permits on one core; "
        f"{times(r.rival(0) / r.limit['limit'])} is the most"
    )


def _price_missed_time(r: Row) -> str:
    return (
        f"see what it consists of [below](#how-far-from-the-machine); {times(r.ours / r.limit['limit'])} from the limit"
    )


def _price_missed_jax(r: Row) -> str:
    return (
        f"JAX takes {seconds(r.rival(1))} of processor time a value; 8× less is {seconds(r.rival(1) / 8)}, "
        f"{times(r.rival(1) / 8 / r.limit['limit'])} what the arithmetic takes at the peak rate. Fused "
        "multiply-add would come nearer, but numpy has none, and the formula gives the same bits in numpy as compiled"
    )


def _cube(r: Row) -> str:
    values = r.figures["facts"]["values"]
    return (
        f"{count(values)} option values and their states: {seconds(r.ours / values)} each, of which the values are "
        "as much as in the first row; the rest is numpy, one pass over the array after the other: every rung of the "
        "vol ladder, the forwards, gathering rows, a look for what is not a number."
    )


def _worst(r: Row) -> str:
    level = r.limit["level"]
    return (
        f"An account's positions read {size(r.need('bytes'))} of a cube of {size(r.need('size'))}; L2 holds "
        f"{cache(r.machine['caches']['2'])}, so they come from {level}: {seconds(r.need('bytes') / r.read(level))} "
        f"at the {rate(r.read(level))} of reading straight through, "
        f"{seconds(r.need('bytes') / r.read(level, 'rows'))} at the {rate(r.read(level, 'rows'))} at which rows in "
        "random order were added up here. The additions alone would take "
        f"{seconds(r.limit['seconds']['arithmetic'])}, the loads and stores of the loops "
        f"{seconds(r.limit['seconds']['loads and stores'])}; they overlap with the reading, but not wholly, and "
        "hardware fetches ahead along a row, not to where the next position's row begins."
    )


def _tail(r: Row) -> str:
    return (
        f"Reads the cube as the row above. With what it takes to keep the worst, {count(r.need('arithmetic'))} "
        f"operations and {count(r.need('touched') / 8)} loads and stores; finding them among 512 goes by masks and "
        "small loops whose lengths nobody can foresee, so the processor guesses wrong now and then."
    )


def _scipy_missed(r: Row) -> str:
    best = min(r.rival(0), r.rival(1))
    return (
        f"scipy's product reads the same rows of the same cube ({seconds(best)}), and that is most of the time of "
        "both: what can be saved is writing and reading back accounts × scenarios"
    )


def _tail_missed(r: Row) -> str:
    best, sums = min(r.rival(0), r.rival(1)), float(r.machine["rows"].get("worst", 0.0))
    return (
        f"a third of scipy's best is {seconds(best / 3)}; adding up, which both must do, takes {seconds(sums)} of it "
        "here (the row above), and finding the worst the rest"
    )


def _hand_missed(r: Row) -> str:
    note = r.figures["rivals"][2]["note"]
    return (
        f"the hand-written kernel ({note}) is tuned to this machine's caches and may reorder additions; a plan "
        "serves every rule and its order of addition is part of the contract"
    )


def _second_core(r: Row) -> str:
    return (
        f"two cores that only multiply and add in registers are {times(r.machine['second core'])} as fast as one here; "
        "those of this row read from one L3 besides"
    )


def _whole(r: Row) -> str:
    return (
        f"{count(r.need('arithmetic'))} operations, {count(r.need('touched') / 8)} loads and stores (counted in the "
        f"generated loops), {size(r.need('bytes'))} of a cube of {size(r.need('size'))}, which lives in "
        f"{r.limit['level']}. What sets its limit, {r.limit['most']}, would permit {seconds(r.limit['limit'])}; "
        "loops over a few dozen scenarios are some ten vectors long, so beginning and ending them, walking ragged "
        "groups and looking up each position's constants weigh as much as the arithmetic."
    )


def _within(r: Row) -> str:
    said = (
        f"an account is {count(r.need('arithmetic'))} operations and {count(r.need('touched') / 8)} loads and "
        f"stores, {seconds(r.limit['limit'] * 1e5)} for 100,000 at the limit measured here"
    )
    wider = "; the aim was set where vectors are twice as wide (AVX-512)"
    return said + ("" if r.machine["vectors"] == "AVX-512" else wider)


def _book(r: Row) -> str:
    return (
        f"Reading and writing every row once would take {seconds(r.limit['limit'])}. Putting rows in order and "
        f"finding the groups of every level is the rest, {seconds(r.ours / 10)} a row: each row goes to a place that "
        "depends on what it holds, so most of it is waiting for memory. The group-by leaves its groups in no order; "
        f"a sort in the same library takes {seconds(r.rival(1))}, for less than a book needs."
    )


def _tick(r: Row) -> str:
    facts = r.figures["facts"]
    steps = [f"{s['instruments']:,} ({s['accounts']:,} accounts): {seconds(s['seconds'])}" for s in facts["shares"]]
    return (
        f"The expiry is {facts['priced']} instruments, and {facts['touched']:,} of {facts['accounts']:,} accounts "
        "hold some of it; of their risk units only the one is worked out, what the others gave is kept. By how "
        f"many instruments move at once: {'; '.join(steps)}. What does not shrink with the tick is shocking the "
        "market anew, recording the rule on it and finding out what differs: one thread's work, which a second worker "
        "does not halve."
    )


def _difference(r: Row) -> str:
    trades = int(r.figures["facts"]["trades"])
    return (
        f"{seconds(r.ours / trades)} a trade: what its account holds is laid out anew in a small book on top of the "
        "large one, margined, and taken into the large one when such books have grown."
    )


def _tick_missed(r: Row) -> str:
    facts, each = r.figures["facts"], float(r.machine["rows"].get("derive", 0.0))
    few = facts["shares"][0]
    return (
        f"accounts of ten random positions make {facts['touched']:,} of {facts['accounts']:,} hold the expiry; to "
        f"margin those whole would be {seconds(each * facts['touched'])} at the rate of the rulebook above, one of "
        f"two coins of each half of it, and a tick of {few['instruments']:,} instruments takes "
        f"{seconds(few['seconds'])}"
    )


def _check(r: Row) -> str:
    facts, many = r.figures["facts"], float(r.machine["rows"].get(r.figures["key"].replace("check ", "checks "), 0.0))
    return (
        f"Of {facts['legs']} legs {facts['anew']:.0f} are worked out for a trade, on average; what the others give was "
        f"worked out once. In one call with many others a trade takes {seconds(many)}; laying out the account as it is "
        "and calling compiled code from Python once is the rest."
    )


def _checks(r: Row) -> str:
    facts = r.figures["facts"]
    return (
        f"Of {facts['legs']} legs {facts['anew']:.0f} are worked out for a trade, on average: those of the expiry that "
        "it touches, or of the whole risk unit where the rule adds positions up straight to units. What the others "
        "give is worked out once for all candidates and added again in its turn."
    )


def _check_missed(r: Row) -> str:
    return (
        "each call lays out the account as it is, and calling compiled code from Python costs some microseconds; many "
        "candidates in one call share both"
    )


def _checks_missed(r: Row) -> str:
    return (
        f"of {r.figures['facts']['legs']} legs {r.figures['facts']['anew']:.0f} are worked out for each trade, on "
        "average, and what finer groups than these add to coarser ones is added anew"
    )


def _replay(r: Row) -> str:
    return (
        "One account is eager: numpy on arrays of a few hundred numbers, where each operation costs about a "
        "microsecond however short the array. It keeps every intermediate, which is what an explanation is read "
        "from."
    )


Said = Callable[[Row], str]
GAP: dict[str, Said] = {
    "price": _price,
    "cube derive": _cube,
    "cube deribit-xpm": _cube,
    "worst": _worst,
    "es975": _tail,
    "es99": _tail,
    "derive": _whole,
    "deribit-xpm": _whole,
    "book": _book,
    "tick": _tick,
    "difference 1": _difference,
    "difference 1000": _difference,
    "check derive": _check,
    "check deribit-xpm": _check,
    "checks derive": _checks,
    "checks deribit-xpm": _checks,
    "margin": _replay,
}
MISSED: dict[tuple[str, int], Said] = {
    ("price", 0): _price_missed_numpy,
    ("price", 1): _price_missed_jax,
    ("price", 2): _price_missed_time,
    ("price", 3): _price_missed_time,
    ("worst", 0): _scipy_missed,
    ("worst", 1): _hand_missed,
    ("worst", 2): _second_core,
    ("es975", 0): _tail_missed,
    ("es99", 0): _tail_missed,
    ("derive", 1): _within,
    ("deribit-xpm", 1): _within,
    ("tick", 0): _tick_missed,
    ("tick", 1): _tick_missed,
    ("check derive", 0): _check_missed,
    ("checks derive", 0): _checks_missed,
    ("checks derive", 1): _checks_missed,
}
