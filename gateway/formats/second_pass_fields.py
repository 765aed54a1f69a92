"""What the second pass made of a night, as fields of its summary. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any

from gateway.staging.sleep_statistics import NightSummary
from gateway.staging.stage import Stage


def second_pass_fields(
    night: NightSummary, numbers: Sequence[str], label: Mapping[Stage, str]
) -> dict[str, Any]:
    """Return what the second pass changed; nothing while the night goes on.

    Parameters
    ----------
    night : NightSummary
    numbers : sequence of str
        Those told under their own names.
    label : mapping of Stage to str
        How stages are called.
    """
    if night.second is None:
        return {}
    after = night.second.summary
    return {
        "second_pass": {
            **{name: getattr(after, name) for name in numbers},
            "lat_n3_min": after.n3_latency_min,
            "lat_rem_min": after.rem_latency_min,
            "stages_min": {label[s]: m for s, m in after.stages_min.items()},
            "changed_epochs": night.second.n_changed,
        }
    }
