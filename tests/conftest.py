"""Hypothesis without a deadline: these machines are not of one speed."""

from hypothesis import settings

settings.register_profile("mlp", deadline=None)
settings.load_profile("mlp")
