"""Runs an experiment from its creation to its end, and judges every suggestion on the way."""

import math
from dataclasses import dataclass, replace
from zlib import crc32

from tests.support import oracle
from tests.support.use_cases import Service
from tests.unit.optimizer.problems import a_problem

from nextpoint_service.application.idempotency import NOT_REPEATED
from nextpoint_service.application.optimizer_port import Phase
from nextpoint_service.domain.assignments import Assignments
from nextpoint_service.domain.definition import ExperimentChange, ExperimentDraft
from nextpoint_service.domain.experiment import Experiment, ExperimentType
from nextpoint_service.domain.parameter_rules import ParameterDraft
from nextpoint_service.domain.report import ObservationDraft, ValueDraft
from nextpoint_service.domain.search_space import cell, cell_count
from nextpoint_service.domain.suggestion import Generator, Suggestion
from nextpoint_service.optimizer import space_filling
from nextpoint_service.optimizer.axes import key
from nextpoint_service.optimizer.branches import flattened, pruned

_OWN = 2
"""How many points of their own users bring, where they do."""
_TOO_LATE = ("longer than", "free in time", "busy with")


@dataclass(frozen=True, slots=True)
class Conduct:
    """What the user of an experiment does besides asking and reporting."""

    failures: bool = False
    noise: bool = False
    queue: bool = False
    own: bool = False
    update: bool = False


def grown(draft: ExperimentDraft) -> ExperimentDraft:
    """Return the definition with one more parameter, as an update adds it."""
    added = ParameterDraft("added", "double", bounds=(0.0, 1.0), default=0.5)
    return replace(draft, parameters=(*draft.parameters, added))


def growth(draft: ExperimentDraft) -> ExperimentChange:
    """Return the update that makes a definition grow."""
    return ExperimentChange(frozenset(["parameters"]), parameters=grown(draft).parameters)


class Walk:
    """One experiment on its way; `faults` are what broke its definition."""

    def __init__(self, service: Service, draft: ExperimentDraft, conduct: Conduct) -> None:
        self._service = service
        self.draft = draft
        self._conduct = conduct
        self._reported = 0
        self._seen: set[object] = set()
        self._failed: set[object] = set()
        self.suggestions: list[Suggestion] = []
        self.faults: list[str] = []

    async def run(self, total: int, *, at_once: int) -> None:
        """Make observations, the first of them all asked for before any is reported.

        Before there are results there is no model: the fewer are asked for later, the fewer points
        of a model have to be waited for.
        """
        detail = await self._service.experiments.create(self.draft, NOT_REPEATED)
        experiment = detail.experiment
        if experiment.type is ExperimentType.GRID:
            total = min(total, experiment.budget or total)
        queued = await self._bring_own_points(experiment)
        made = (await self._service.progress(experiment.experiment_id)).observations
        asked = [
            await self._service.ask(experiment.experiment_id)
            for _ in range(min(at_once, total - made))
        ]
        if [each.assignments for each in asked[: len(queued)]] != queued:
            self.faults.append("what was queued does not come first")
        for each in asked:
            self._judge(each)
        for each in asked:
            await self._report(experiment, each)
        if self._conduct.update:
            change = growth(self.draft)
            await self._service.experiments.update(experiment.experiment_id, change, NOT_REPEATED)
            self.draft = grown(self.draft)
        for _ in range(total - made - len(asked)):
            suggestion = await self._service.ask(experiment.experiment_id)
            self._judge(suggestion)
            await self._report(experiment, suggestion)
        progress = await self._service.progress(experiment.experiment_id)
        if progress.observations != total:
            self.faults.append(f"{progress.observations} observations instead of {total}")
        if progress.budget is not None and progress.consumed > progress.budget:
            self.faults.append(f"{progress.consumed} of {progress.budget} are consumed")

    def _judge(self, suggestion: Suggestion) -> None:
        found = oracle.faults(self.draft, suggestion.assignments)
        found += oracle.task_faults(self.draft, suggestion.task)
        place, provenance = key(suggestion.assignments), suggestion.provenance
        if self.draft.type is ExperimentType.GRID and place in self._seen:
            found.append("the cell came before")
        self._seen.add(place)
        # Where everything failed there is nothing else.
        excused = self._seen == self._failed and "tried before" in provenance.fallback_reason
        if self.draft.type is ExperimentType.OPTIMIZED and place in self._failed and not excused:
            found.append("it failed before")
        if "failed with" in provenance.fallback_reason:
            found.append(provenance.fallback_reason)
        number, made_by = len(self.suggestions), provenance.method
        self.faults += [f"suggestion {number} ({made_by}): {each}" for each in found]
        self.suggestions.append(suggestion)

    async def _bring_own_points(self, experiment: Experiment) -> list[Assignments]:
        conduct = self._conduct
        points = _points(experiment, 2 * _OWN)
        queued = points[:_OWN] if conduct.queue else []
        # The cheapest, so that all of them fit into the budget.
        task = experiment.tasks[-1].name if experiment.tasks else ""
        for point in queued:
            await self._service.suggestions.queue(
                experiment.experiment_id, point, NOT_REPEATED, task
            )
        if conduct.own:
            outcomes = [
                ObservationDraft(
                    assignments=each, values=self._values(experiment, each, number), task=task
                )
                for number, each in enumerate(points[_OWN:])
            ]
            await self._service.observations.create_batch(
                experiment.experiment_id, outcomes, NOT_REPEATED
            )
        return queued

    async def _report(self, experiment: Experiment, suggestion: Suggestion) -> None:
        self._reported += 1
        point = suggestion.assignments
        failed = self._conduct.failures and crc32(repr(key(point)).encode()) % 3 == 0
        if failed:
            self._failed.add(key(point))
        outcome = ObservationDraft(
            suggestion_id=suggestion.suggestion_id,
            values=() if failed else self._values(experiment, point, self._reported),
            failed=failed,
        )
        await self._service.observations.create(experiment.experiment_id, outcome, NOT_REPEATED)

    def _values(
        self, experiment: Experiment, point: Assignments, number: int
    ) -> tuple[ValueDraft, ...]:
        """Return smooth values, of which every other one has a standard deviation if any has."""
        place = [crc32(each.encode()) if isinstance(each, str) else each for each in point.values()]
        angle = sum(math.atan(float(each)) for each in place)
        stddev = 0.1 if self._conduct.noise and number % 2 else None
        return tuple(
            ValueDraft(each.name, math.sin(angle + index), stddev)
            for index, each in enumerate(experiment.metrics)
        )

    @property
    def model_points(self) -> int:
        """How many of the suggestions a model made."""
        return sum(each.provenance.generator is Generator.MODEL for each in self.suggestions)

    @property
    def late_points(self) -> int:
        """How many of the suggestions stand in for one that a model would have made too late."""
        reasons = [each.provenance.fallback_reason for each in self.suggestions]
        return sum(any(text in each for text in _TOO_LATE) for each in reasons)


def _points(experiment: Experiment, count: int) -> list[Assignments]:
    """Return feasible points that nobody suggested."""
    if experiment.type is ExperimentType.GRID:
        cells = cell_count(experiment.space)
        return [cell(experiment.space, index * cells // count) for index in range(count)]
    problem = a_problem(experiment.space, phase=Phase.RANDOM, count=count, seed=99)
    made = pruned(experiment.space, space_filling.propose(flattened(problem)))
    return [each.assignments for each in made]
