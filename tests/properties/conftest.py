"""How long Hypothesis may look: `HYPOTHESIS_PROFILE=long` for a night, the default for every run of the tests."""

import os

from hypothesis import HealthCheck, Phase, settings

_CHECKS = (HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much)
# Explaining a failure takes longer than finding it.
_PHASES = (Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink)

settings.register_profile(
    "default", max_examples=25, deadline=None, suppress_health_check=_CHECKS, phases=_PHASES, derandomize=True
)
settings.register_profile("long", max_examples=3_000, deadline=None, suppress_health_check=_CHECKS, phases=_PHASES)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))
