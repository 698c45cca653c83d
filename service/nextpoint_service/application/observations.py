"""Takes the outcomes of evaluations."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from nextpoint_service.application.context import Context
from nextpoint_service.application.idempotency import Call, change_once
from nextpoint_service.application.ports import Changed, Learned, Page, Transaction
from nextpoint_service.application.withdrawals import put_back
from nextpoint_service.domain.correction import ObservationChange, correct
from nextpoint_service.domain.errors import SuggestionNotFound, TooManyObservations
from nextpoint_service.domain.experiment import Experiment, Metadata
from nextpoint_service.domain.limits import Limits
from nextpoint_service.domain.metadata_rules import check_metadata
from nextpoint_service.domain.observation import Observation, Values
from nextpoint_service.domain.report import (
    ObservationDraft,
    check_observation,
    given,
    measured,
)
from nextpoint_service.domain.search_space import SearchSpace, translated
from nextpoint_service.domain.suggestion import Suggestion
from nextpoint_service.domain.tasks import task_named
from nextpoint_service.domain.violations import Violations


class ObservationUseCases:
    """What callers do with observations."""

    def __init__(self, context: Context) -> None:
        self._context = context

    async def create(self, experiment_id: str, draft: ObservationDraft, call: Call) -> Observation:
        """Report one outcome."""
        (observation,) = await self._create(experiment_id, [draft], [""], call)
        return observation

    async def create_batch(
        self, experiment_id: str, drafts: Sequence[ObservationDraft], call: Call
    ) -> list[Observation]:
        """Report several outcomes, all or none."""
        prefixes = self._batch_prefixes(drafts)
        return await self._create(experiment_id, drafts, prefixes, call)

    async def check_batch(self, experiment_id: str, drafts: Sequence[ObservationDraft]) -> None:
        """Raise what `create_batch` would, and write nothing."""
        prefixes = self._batch_prefixes(drafts)

        def check(tx: Transaction) -> None:
            self._checked(tx, experiment_id, drafts, prefixes)
            for draft in drafts:
                if draft.suggestion_id:
                    _suggestion_of(tx, experiment_id, draft.suggestion_id)

        await self._context.database.read(check)

    def _batch_prefixes(self, drafts: Sequence[ObservationDraft]) -> list[str]:
        violations = Violations()
        limit = self._context.limits.batch_observations
        if not 1 <= len(drafts) <= limit:
            violations.add("observations", f"must be 1 to {limit}, got {len(drafts)}")
        violations.check()
        return [f"observations[{index}]." for index in range(len(drafts))]

    async def _create(
        self,
        experiment_id: str,
        drafts: Sequence[ObservationDraft],
        prefixes: Sequence[str],
        call: Call,
    ) -> list[Observation]:
        context = self._context
        now = context.now()

        def create(tx: Transaction) -> tuple[str, ...]:
            experiment = self._checked(tx, experiment_id, drafts, prefixes)
            made = [self._report(tx, experiment, draft, now) for draft in drafts]
            announce(tx, experiment)
            return tuple(made)

        return await change_once(
            context.database,
            call,
            now,
            create,
            lambda tx, made: [tx.observations.get(each) for each in made],
        )

    def _checked(
        self,
        tx: Transaction,
        experiment_id: str,
        drafts: Sequence[ObservationDraft],
        prefixes: Sequence[str],
    ) -> Experiment:
        experiment = tx.experiments.get(experiment_id)
        experiment.require_active()
        violations = Violations()
        for prefix, draft in zip(prefixes, drafts, strict=True):
            found = Violations()
            check_observation(experiment, draft, found, self._context.limits)
            violations.extend(found, prefix)
        violations.check()
        require_room(tx, experiment, len(drafts), self._context.limits)
        return experiment

    def _report(
        self, tx: Transaction, experiment: Experiment, draft: ObservationDraft, now: datetime
    ) -> str:
        values = measured(experiment, draft.values)
        metadata = draft.metadata or {}
        observation_id = self._context.ids.observation()
        if draft.suggestion_id:
            suggestion = _suggestion_of(tx, experiment.experiment_id, draft.suggestion_id)
            observation = outcome(
                observation_id,
                suggestion,
                experiment.space,
                values,
                failed=draft.failed,
                metadata=metadata,
                began=None if suggestion.lease is None else suggestion.lease.started,
                at=now,
            )
            observe(tx, suggestion, observation)
            return observation_id
        assignments = given(draft.assignments or {})
        tx.observations.add(
            Observation(
                observation_id=observation_id,
                experiment_id=experiment.experiment_id,
                suggestion_id=None,
                run_id=None,
                assignments=assignments,
                values=values,
                failed=draft.failed,
                outside=not experiment.space.contains(assignments),
                metadata=metadata,
                seconds=None,
                created=now,
                updated=now,
                task=task_named(draft.task, experiment.tasks),
            )
        )
        return observation_id

    async def get(self, observation_id: str) -> Observation:
        """Return an observation."""
        return await self._context.database.read(lambda tx: tx.observations.get(observation_id))

    async def list(self, experiment_id: str, page: Page) -> list[tuple[int, Observation]]:
        """Return one page of the observations of an experiment."""

        def find(tx: Transaction) -> list[tuple[int, Observation]]:
            tx.experiments.get(experiment_id)
            return tx.observations.list(experiment_id, page)

        return await self._context.database.read(find)

    async def update(
        self, observation_id: str, change: ObservationChange, call: Call
    ) -> Observation:
        """Change an observation."""
        context = self._context
        now = context.now()

        def update(tx: Transaction) -> tuple[str, ...]:
            observation = tx.observations.get(observation_id)
            experiment = tx.experiments.get(observation.experiment_id)
            experiment.require_active()
            violations = Violations()
            changed = correct(experiment, observation, change, violations)
            check_metadata(changed.metadata, violations, context.limits)
            violations.check()
            tx.observations.save(replace(changed, updated=now))
            announce(tx, experiment)
            return (observation_id,)

        return await change_once(
            context.database, call, now, update, lambda tx, made: tx.observations.get(made[0])
        )

    async def delete(self, observation_id: str, call: Call) -> None:
        """Delete an observation; a suggestion left without one is open again."""
        now = self._context.now()

        def delete(tx: Transaction) -> tuple[str, ...]:
            observation = tx.observations.get(observation_id)
            experiment = tx.experiments.get(observation.experiment_id)
            experiment.require_active()
            tx.observations.delete(observation_id)
            reopened = observation.suggestion_id
            if reopened is not None and not tx.observations.exists_for(reopened):
                put_back(tx, tx.suggestions.get(reopened).reopen())
            announce(tx, experiment)
            tx.publish(Changed(experiment.experiment_id))
            return ()

        await change_once(self._context.database, call, now, delete, lambda _tx, _made: None)


def outcome(
    observation_id: str,
    suggestion: Suggestion,
    space: SearchSpace,
    values: Values,
    *,
    failed: bool,
    metadata: Metadata,
    began: datetime | None,
    at: datetime,
    run_id: str | None = None,
) -> Observation:
    """Return the observation of a suggestion whose evaluation began and was reported then.

    It lies outside of a space that was changed since the suggestion was handed out.
    """
    return Observation(
        observation_id=observation_id,
        experiment_id=suggestion.experiment_id,
        suggestion_id=suggestion.suggestion_id,
        run_id=run_id,
        assignments=suggestion.assignments,
        values=values,
        failed=failed,
        outside=not space.contains(translated(space, suggestion.assignments)),
        metadata=metadata,
        seconds=None if began is None else max(0.0, (at - began).total_seconds()),
        created=at,
        updated=at,
        task=suggestion.task,
    )


def require_room(tx: Transaction, experiment: Experiment, count: int, limits: Limits) -> None:
    """Raise TooManyObservations when the experiment cannot have so many more."""
    if tx.observations.count(experiment.experiment_id) + count > limits.observations:
        raise TooManyObservations(experiment.experiment_id, limits.observations)


def observe(tx: Transaction, suggestion: Suggestion, observation: Observation) -> None:
    """Close the suggestion with the observation, whoever holds it."""
    tx.observations.add(observation)
    tx.suggestions.save(suggestion.observe())
    run = tx.runs.active_for(suggestion.suggestion_id)
    if run is not None and run.run_id != observation.run_id:
        tx.runs.save(run.lapse())
    if suggestion.lease is not None:
        tx.publish(Changed(suggestion.experiment_id, suggestion.lease.worker_id))


def announce(tx: Transaction, experiment: Experiment) -> None:
    """Make known that the observations changed, to everyone when that is the end."""
    tx.experiments.learn(experiment.experiment_id)
    tx.publish(Learned(experiment.experiment_id, experiment.revision + 1))
    if tx.experiments.progress(experiment).finished:
        tx.publish(Changed(experiment.experiment_id))


def _suggestion_of(tx: Transaction, experiment_id: str, suggestion_id: str) -> Suggestion:
    suggestion = tx.suggestions.get(suggestion_id)
    if suggestion.experiment_id != experiment_id:
        raise SuggestionNotFound(suggestion_id)
    return suggestion
