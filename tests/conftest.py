"""Hypothesis without a deadline, as machines differ in speed; in CI, without luck."""

import os

import pytest
from hypothesis import Phase, settings

# Threads that wait for a core that others use take ten times as long as one thread.
# NumPy reads this when it is imported, which is later than here.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

collect_ignore = ["benchmarks"]  # run by hand

settings.register_profile("mlp", deadline=None, derandomize="CI" in os.environ)
settings.register_profile(  # of mutation_audit.py, which asks for a failure, not why
    "audit",
    settings.get_profile("mlp"),
    phases=[Phase.explicit, Phase.generate],
    report_multiple_bugs=False,
)
settings.load_profile("mlp")


@pytest.hookimpl(wrapper=True)
def pytest_collect_file():
    """Look for doctests in mlp/ alone.

    Those of mlp.estimators are skipped where scikit-learn is missing. Of a test
    module that cannot be imported, that would skip its tests without a word.
    """
    found = yield
    return [one for one in found if type(one).__name__ != "DoctestModule"]
