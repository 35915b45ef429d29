"""Hypothesis without a deadline, as machines differ in speed; in CI, without luck."""

import os

from hypothesis import settings

collect_ignore = ["benchmarks"]  # run by hand

settings.register_profile("mlp", deadline=None, derandomize="CI" in os.environ)
settings.load_profile("mlp")
