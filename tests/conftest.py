"""Hypothesis does not time its examples: some import packages, and machines are busy."""

from hypothesis import HealthCheck, settings

settings.register_profile(
    "untimed",
    deadline=None,
    database=None,  # examples of another version of a test, run at the same time, would confuse it
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("untimed")
