"""How long Hypothesis may look: `HYPOTHESIS_PROFILE=long` for a night, the default for every run of the tests."""

import os

from hypothesis import HealthCheck, settings

_CHECKS = (HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much)

settings.register_profile("default", max_examples=40, deadline=None, suppress_health_check=_CHECKS, derandomize=True)
settings.register_profile("long", max_examples=3_000, deadline=None, suppress_health_check=_CHECKS)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))
