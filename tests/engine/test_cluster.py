"""A Ray cluster answers what this machine answers, also when it loses a worker; needs the extra ``loadline[ray]``."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from loadline.engine.bulk import venue
from loadline.engine.cluster import RayTasks, ray_cluster
from loadline.foundation.errors import InputError, LoadlineError
from tests.engine.books import MARKET
from tests.engine.test_bulk import accounts, columns
from tests.engine.test_shards import as_bits

pytest.importorskip("ray", reason="needs Ray: pip install 'loadline[ray]', or -r requirements-ray.lock")
pytestmark = pytest.mark.filterwarnings("default")  # those of Ray are its own


@pytest.fixture(scope="module")
def cluster() -> Iterator[RayTasks]:
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    with ray_cluster(2) as pool:
        yield RayTasks(pool.ray, pool.workers, rows=40)


@pytest.mark.parametrize("rulebook", ["isolated", "derive", "deribit-spm", "derive-srm"])
def test_the_same_bits(rulebook: str, cluster: RayTasks, plans: Path) -> None:
    book, names = accounts(3, 25)
    held = columns(book, names)
    told: list[int] = []
    got = venue(rulebook, MARKET, held, 25, pool=cluster, cache=plans, told=lambda done, _: told.append(done))
    want = venue(rulebook, MARKET, held, 25, cache=plans)
    assert as_bits(got) == as_bits(want) and got.identity == want.identity and got.reason == want.reason
    assert len(told) > 1 and told == sorted(told)


def test_a_lost_worker_is_made_good(cluster: RayTasks, tmp_path: Path) -> None:
    def work(shared: np.ndarray, part: int) -> float:  # type: ignore[type-arg]
        marker = tmp_path / str(part)
        if part % 3 == 0 and not marker.exists():
            marker.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return float(shared[part])

    assert sorted(cluster.spread(work, np.arange(7.0), range(7))) == [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0]
    assert len(list(tmp_path.iterdir())) == 3


def test_a_worker_lost_again_and_again_is_told(cluster: RayTasks) -> None:
    def work(shared: None, part: int) -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    with pytest.raises(LoadlineError, match="lost its workers more than 1 times"):
        list(RayTasks(cluster.ray, 2, retries=1).spread(work, None, [0]))


def test_what_the_work_raises_arrives(cluster: RayTasks) -> None:
    def work(shared: int, part: int) -> int:
        if part == 2:
            raise InputError("no such day", remedy="take another")
        return 1 // (part - 3)

    with pytest.raises(InputError, match="no such day") as error:
        list(cluster.spread(work, 0, [1, 2]))
    assert error.value.remedy == "take another"
    with pytest.raises(LoadlineError, match="ZeroDivisionError"):
        list(cluster.spread(work, 0, [3]))
