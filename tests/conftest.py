"""Fixtures and hypothesis profiles for every test."""

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

ROOT = Path(__file__).resolve().parent.parent

# `fast` is the same on every run; `nightly` (--hypothesis-profile=nightly) looks further and elsewhere each time.
settings.register_profile(
    "fast", max_examples=30, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile(
    "nightly", max_examples=1000, deadline=None, print_blob=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("fast")


@pytest.fixture(scope="session")
def root() -> Path:
    """The repository root."""
    return ROOT


@pytest.fixture(scope="session")
def shared() -> Path:
    """Third-party data and cases, kept beside the repository; the test is skipped where they are not at hand."""
    folder = Path(os.environ.get("LOADLINE_SHARED") or ROOT.parent / "shared")
    if not folder.is_dir():
        pytest.skip("needs ../shared (third-party data and cases, not in the repository)")
    return folder


@pytest.fixture(scope="session")
def plans(pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for compiled plans, kept from one run to the next: only the first one waits for the compiler."""
    if not hasattr(pytestconfig, "cache"):
        return tmp_path_factory.mktemp("plans")
    return Path(pytestconfig.cache.mkdir("plans"))
