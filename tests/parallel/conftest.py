"""Tests that start processes are skipped where that is not possible."""

import pytest
from processes import why_not


@pytest.fixture(scope="session")
def mpi():
    if why_not():
        pytest.skip(why_not())
