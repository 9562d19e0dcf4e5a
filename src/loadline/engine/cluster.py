"""One function over many parts, on the threads of this machine or as Ray tasks: the same door for both.

What is spread is any ``work(shared, part)`` (accounts of a venue, dates of a backtest): ``shared`` goes to each machine
once, parts follow as workers become free, and the same numbers come back whoever computed them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from loadline.foundation.errors import InputError, LoadlineError
from loadline.foundation.version import __version__

S = TypeVar("S")
P = TypeVar("P")
R = TypeVar("R")
AHEAD = 2
"""Parts per worker that are on their way at a time: one at work, one waiting."""


class Pool(Protocol):
    """What can do work: threads, or a cluster. ``rows``: how large its parts should be."""

    @property
    def workers(self) -> int:
        """How many parts are worked on at a time."""

    @property
    def rows(self) -> int:
        """Rows of a part that are worth sending."""

    def spread(self, work: Callable[[S, P], R], shared: S, parts: Iterable[P]) -> Iterator[R]:
        """Yield what the work gives for each part, in the order in which they are done."""


@dataclass(frozen=True)
class Threads:
    """The threads of this process: compiled code runs in all of them at once.

    >>> sorted(Threads(2).spread(lambda shared, part: shared + part, 10, range(3)))
    [10, 11, 12]
    """

    workers: int = 1
    rows: int = 2**17

    def __post_init__(self) -> None:
        if self.workers < 1:
            raise InputError(f"{self.workers} workers cannot do anything", remedy="take at least one")

    def spread(self, work: Callable[[S, P], R], shared: S, parts: Iterable[P]) -> Iterator[R]:
        """Yield what the work gives for each part, in the order in which they are done."""
        if self.workers == 1:
            for part in parts:
                yield work(shared, part)
            return
        with ThreadPoolExecutor(self.workers) as pool:
            waiting: set[Future[R]] = set()
            try:
                for part in parts:
                    if len(waiting) >= AHEAD * self.workers:
                        done, waiting = wait(waiting, return_when=FIRST_COMPLETED)
                        yield from (future.result() for future in done)
                    waiting.add(pool.submit(work, shared, part))
                while waiting:
                    done, waiting = wait(waiting, return_when=FIRST_COMPLETED)
                    yield from (future.result() for future in done)
            finally:
                for future in waiting:
                    future.cancel()


@dataclass(frozen=True)
class RayTasks:
    """The workers of a Ray cluster, one thread each; a part whose worker is lost is done again by another.

    Made by ``ray_cluster``. ``retries``: how often a part may lose its worker.
    """

    ray: Any
    workers: int
    retries: int = 3
    rows: int = 2**19

    def spread(self, work: Callable[[S, P], R], shared: S, parts: Iterable[P]) -> Iterator[R]:
        """Yield what the work gives for each part, in the order in which they are done.

        Raises what the work raises, and ``LoadlineError`` where workers are lost too often.
        """
        ray = self.ray
        task = ray.remote(num_cpus=1, max_retries=self.retries)(_same_version)
        waiting: list[Any] = []
        try:
            everywhere = ray.put((work, shared))
            for part in parts:
                if len(waiting) >= AHEAD * self.workers:
                    done, waiting = ray.wait(waiting)
                    yield from ray.get(done)
                waiting.append(task.remote(__version__, everywhere, part))
            while waiting:
                done, waiting = ray.wait(waiting)
                yield from ray.get(done)
        except ray.exceptions.RayTaskError as error:
            raise error.cause if isinstance(error.cause, LoadlineError) else _failed(error) from error
        except ray.exceptions.RayError as error:
            raise LoadlineError(
                f"the cluster lost its workers more than {self.retries} times: {_first_line(error)}",
                causes="a machine that went away; a worker killed because the machine ran out of memory",
                remedy="see the log of Ray; give workers more memory, or take fewer of them",
            ) from error
        finally:
            for part_under_way in waiting:
                ray.cancel(part_under_way, force=True)


@contextmanager
def ray_cluster(workers: int = 1, address: str | None = None, retries: int = 3) -> Iterator[RayTasks]:
    """Yield the workers of a Ray cluster: that at ``address``, or one of so many workers started here and ended after.

    address: ``"auto"`` for the cluster that this machine belongs to, ``"HOST:PORT"`` or ``"ray://HOST:PORT"``; then
    ``workers`` is how many parts are kept under way for.
    Raises ``LoadlineError`` where Ray is not installed or nothing answers at the address.
    """
    try:
        import ray
    except ImportError as error:
        remedy = "pip install 'loadline[ray]', or stay on this machine (--engine local)"
        raise LoadlineError("Ray is not installed", remedy=remedy) from error
    if workers < 1:
        raise InputError(f"{workers} workers cannot do anything", remedy="take at least one")
    mine = not ray.is_initialized()
    if mine:
        quiet = {"log_to_driver": False, "logging_level": "ERROR", "include_dashboard": False}
        try:
            if address is None:
                ray.init(address="local", num_cpus=workers, **quiet)
            else:
                ray.init(address=address, log_to_driver=False, logging_level="ERROR")
        except (ConnectionError, RuntimeError, ValueError) as error:
            raise LoadlineError(
                f"no Ray cluster at {address or 'this machine'}: {_first_line(error)}",
                causes="it is not started, or a firewall stands between",
                remedy="ray start --head on one machine, ray start --address=HOST:6379 on the others; then --address",
            ) from error
    try:
        yield RayTasks(ray, workers, retries)
    finally:
        if mine:
            ray.shutdown()


def _same_version(version: str, everywhere: tuple[Callable[[Any, Any], Any], Any], part: Any) -> Any:
    """Do the work, if this worker has the same code."""
    if version != __version__:
        what = f"a worker has Loadline {__version__}, this is {version}"
        raise LoadlineError(what, remedy="install the same version on every machine of the cluster")
    work, shared = everywhere
    return work(shared, part)


def _failed(error: Any) -> LoadlineError:
    missing = isinstance(error.cause, ImportError)
    return LoadlineError(
        f"a worker of the cluster failed: {type(error.cause).__name__}: {_first_line(error.cause)}",
        causes="a package is not installed on that machine" if missing else "",
        remedy="install the same packages on every machine" if missing else "run it with --engine local, and report it",
    )


def _first_line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:200]
