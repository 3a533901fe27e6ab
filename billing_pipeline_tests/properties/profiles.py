"""How many examples a property is tried on: the same few in every run of the tests, or many new ones on demand.

`HYPOTHESIS_PROFILE=search` tries others each time, a hundred times as many, and shrinks what fails.
"""

import os

from hypothesis import HealthCheck, Phase, settings

_PROFILES = {"usual": 1, "search": 100}
PROFILE = os.environ.get("HYPOTHESIS_PROFILE", "usual")
if PROFILE not in _PROFILES:
    raise ValueError(f"HYPOTHESIS_PROFILE is {PROFILE!r}; known are: {', '.join(_PROFILES)}")


def bounded(examples: int) -> settings:
    """Settings of a property for so many examples in a usual run."""
    is_usual = PROFILE == "usual"
    phases = (Phase.explicit, Phase.generate) if is_usual else (Phase.explicit, Phase.generate, Phase.shrink)
    return settings(
        max_examples=examples * _PROFILES[PROFILE],
        deadline=None,
        # The same ones every time: a test that fails today and not tomorrow tells nobody what to mend.
        derandomize=is_usual,
        database=None,
        print_blob=not is_usual,
        phases=phases,
        suppress_health_check=list(HealthCheck),
    )
