"""What a caller may change of an observation."""

from dataclasses import dataclass, replace

from nextpoint_service.domain.experiment import Experiment, Metadata
from nextpoint_service.domain.observation import Observation
from nextpoint_service.domain.report import ValueDraft, check_values, measured
from nextpoint_service.domain.violations import Violations

CHANGEABLE = ("values", "failed", "metadata")
"""The fields of an observation that can be changed, as update masks name them."""


@dataclass(frozen=True, slots=True)
class ObservationChange:
    """New contents for the fields that `fields` names; the others are ignored."""

    fields: frozenset[str]
    values: tuple[ValueDraft, ...] = ()
    failed: bool = False
    metadata: Metadata | None = None


def correct(
    experiment: Experiment,
    observation: Observation,
    change: ObservationChange,
    violations: Violations,
) -> Observation:
    """Return the observation with the named fields changed; what is wrong is noted."""
    violations.check_update_mask(change.fields, CHANGEABLE)
    changed = observation
    if "metadata" in change.fields:
        changed = replace(changed, metadata=dict(change.metadata or {}))
    failing = "failed" in change.fields and change.failed
    if failing:
        if "values" in change.fields and change.values:
            violations.add("values", "must be absent when the evaluation failed")
        return replace(changed, failed=True, values={})
    if "values" in change.fields:
        check_values(experiment, change.values, violations)
        return replace(changed, failed=False, values=measured(experiment, change.values))
    if "failed" in change.fields and observation.failed:
        violations.add("values", "are required for an observation that did not fail")
    return changed
