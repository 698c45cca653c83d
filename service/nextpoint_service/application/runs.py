"""Tracks evaluations from the suggestion to the observation."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from nextpoint_service.application.context import Context
from nextpoint_service.application.hand_outs import Ask, HandOuts, check_ask
from nextpoint_service.application.idempotency import Call, change_once
from nextpoint_service.application.observations import announce, observe, outcome, require_room
from nextpoint_service.application.ports import Page, Transaction
from nextpoint_service.domain.experiment import Experiment, Metadata
from nextpoint_service.domain.metadata_rules import check_metadata
from nextpoint_service.domain.observation import Values
from nextpoint_service.domain.report import ValueDraft, check_measurements, measurements
from nextpoint_service.domain.run import Run, RunState
from nextpoint_service.domain.suggestion import Suggestion
from nextpoint_service.domain.violations import Violations


@dataclass(frozen=True, slots=True)
class NewRun:
    """Which run to open; an empty name means that of the experiment."""

    ask: Ask
    name: str = ""
    metadata: Metadata | None = None


class RunUseCases:
    """What callers do with runs."""

    def __init__(self, context: Context, hand_outs: HandOuts) -> None:
        self._context = context
        self._hand_outs = hand_outs

    async def create(self, new: NewRun, call: Call) -> Run:
        """Take a suggestion and open a run that holds it."""
        context = self._context
        violations = Violations()
        if new.name:
            violations.check_name("name", new.name, context.limits.name_characters)
        check_metadata(new.metadata or {}, violations, context.limits)
        check_ask(new.ask, violations, context)
        violations.check()

        def open_run(tx: Transaction, suggestion: Suggestion) -> tuple[str, ...]:
            run = Run(
                run_id=context.ids.run(),
                experiment_id=suggestion.experiment_id,
                suggestion_id=suggestion.suggestion_id,
                attempt=suggestion.attempt,
                name=new.name or tx.experiments.get(suggestion.experiment_id).name,
                assignments=suggestion.assignments,
                values={},
                state=RunState.ACTIVE,
                observation_id=None,
                metadata=new.metadata or {},
                # Not when the call came: waiting for a point is no part of the evaluation.
                created=context.now(),
                ended=None,
                task=suggestion.task,
            )
            tx.runs.add(run)
            return (run.run_id,)

        return await self._hand_outs.take(
            new.ask, call, open_run, lambda tx, made: tx.runs.get(made[0])
        )

    async def get(self, run_id: str) -> Run:
        """Return a run."""
        return await self._context.database.read(lambda tx: tx.runs.get(run_id))

    async def list(
        self, experiment_id: str, state: RunState | None, page: Page
    ) -> list[tuple[int, Run]]:
        """Return one page of the runs of an experiment."""

        def find(tx: Transaction) -> list[tuple[int, Run]]:
            tx.experiments.get(experiment_id)
            return tx.runs.list(experiment_id, state, page)

        return await self._context.database.read(find)

    async def log(self, run_id: str, values: Sequence[ValueDraft], call: Call) -> Run:
        """Set the values of metrics."""
        limit = self._context.limits.run_metrics
        violations = Violations()
        if not 1 <= len(values) <= limit:
            violations.add("values", f"must be 1 to {limit}, got {len(values)}")
        else:
            for index, value in enumerate(values):
                if value.name:
                    violations.check_name(
                        f"values[{index}].name", value.name, self._context.limits.name_characters
                    )
            check_measurements(tuple(values), violations)
        violations.check()

        def log(tx: Transaction, run: Run, _: Experiment, now: datetime) -> None:
            logged = run.log(measurements(tuple(values)))
            too_many = Violations()
            if len(logged.values) > limit:
                too_many.add("values", f"a run holds at most {limit}, got {len(logged.values)}")
            too_many.check()
            tx.runs.save(logged)
            self._renew(tx, run, now)

        return await self._change(run_id, call, log)

    def _renew(self, tx: Transaction, run: Run, now: datetime) -> None:
        """Hold the suggestion longer; a run that lapsed logs all the same."""
        suggestion = tx.suggestions.get(run.suggestion_id)
        lease = suggestion.lease
        if lease is None or suggestion.attempt != run.attempt:
            return
        until = max(lease.expires, now + self._context.lease)
        tx.suggestions.save(suggestion.renew(run.attempt, until))

    async def complete(self, run_id: str, call: Call) -> Run:
        """End a run with an observation of what it logged."""

        def complete(tx: Transaction, run: Run, experiment: Experiment, now: datetime) -> None:
            self._end(tx, run, experiment, run.outcome(experiment), now)

        return await self._change(run_id, call, complete)

    async def fail(self, run_id: str, call: Call) -> Run:
        """End a run with a failed observation."""

        def fail(tx: Transaction, run: Run, experiment: Experiment, now: datetime) -> None:
            self._end(tx, run, experiment, None, now)

        return await self._change(run_id, call, fail)

    def _end(
        self,
        tx: Transaction,
        run: Run,
        experiment: Experiment,
        values: Values | None,
        now: datetime,
    ) -> None:
        """End a run with the values of its observation; None for a failed one."""
        require_room(tx, experiment, 1, self._context.limits)
        suggestion = tx.suggestions.get(run.suggestion_id)
        observation = outcome(
            self._context.ids.observation(),
            suggestion,
            experiment.space,
            values or {},
            failed=values is None,
            metadata=run.metadata,
            began=run.created,
            at=now,
            run_id=run.run_id,
        )
        end = run.fail if values is None else run.complete
        ended = end(observation.observation_id, now)
        observe(tx, suggestion, observation)
        tx.runs.save(ended)
        announce(tx, experiment)

    async def _change(
        self,
        run_id: str,
        call: Call,
        work: Callable[[Transaction, Run, Experiment, datetime], None],
    ) -> Run:
        now = self._context.now()

        def change(tx: Transaction) -> tuple[str, ...]:
            run = tx.runs.get(run_id)
            experiment = tx.experiments.get(run.experiment_id)
            experiment.require_active()
            work(tx, run, experiment, now)
            return (run_id,)

        return await change_once(
            self._context.database, call, now, change, lambda tx, made: tx.runs.get(made[0])
        )
