# Generated from nextpoint/aio/_experiment.py by scripts/generate_sync; change that instead.
"""An experiment: what users do with it.

It is long for what it says, not for what it does: users look for one class, whose docstrings are
their reference. How things are done is in the modules beside this one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from nextpoint._convert import experiment_from_proto
from nextpoint._definition import update_experiment_to_proto
from nextpoint._outcome import create_observation_to_proto, create_observations_to_proto
from nextpoint._progress_bar import progress_bar
from nextpoint._sync._analysis import (
    fetch_best_practices,
    fetch_hypervolume,
    fetch_importances,
    fetch_stopping_criteria,
)
from nextpoint._sync._asking import (
    ask,
    delete_queued,
    follow,
    is_any_waiting,
    list_suggestions,
    queue,
)
from nextpoint._sync._leases import DEFAULT_LEASE_SECONDS
from nextpoint._sync._observing import (
    change_observation,
    delete_observation,
    import_all,
    list_best,
    list_observations,
    report,
    report_all,
)
from nextpoint._sync._optimize import Optimization, check_arguments
from nextpoint._sync._run import give_back_unless_begun
from nextpoint._sync._stream import SuggestionStream
from nextpoint._sync._tracking import fetch_run, list_runs, open_run
from nextpoint._unset import UNSET, given
from nextpoint.errors import BudgetSpentError
from nextpoint.v1 import experiment_service_pb2

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from datetime import datetime

    from nextpoint._assignments import ParameterValue
    from nextpoint._definition import MetricLike, ParameterLike
    from nextpoint._outcome import HasId, NewObservation, Values
    from nextpoint._records import (
        ExperimentRecord,
        MetadataValue,
        Observation,
        Progress,
        StoppingCriteria,
    )
    from nextpoint._search_space import (
        Conditional,
        LinearConstraint,
        Metric,
        Parameter,
        Task,
        UnknownParameter,
    )
    from nextpoint._sync._concurrency import Evaluate
    from nextpoint._sync._connection import Connection
    from nextpoint._sync._run import Run
    from nextpoint._sync._suggestion import Suggestion
    from nextpoint._table import TableSource
    from nextpoint._tasks import TaskOrName
    from nextpoint._unset import Unset
    from nextpoint.errors import FieldViolation


class Experiment:
    """A search space, metrics, a budget, and what was learned about them.

    Made by `Client.create_experiment` and `Client.get_experiment`. Attributes show the experiment
    as it was when it was last fetched; `refresh` fetches it. Methods call the service. It may be
    used by many threads at once.

    Example:
        for run in experiment.loop():
            with run:
                run.log_metric("accuracy", train(run.params))
    """

    def __init__(self, connection: Connection, record: ExperimentRecord) -> None:
        self._connection = connection
        self._record = record

    @property
    def id(self) -> str:
        """The identity."""
        return self._record.id

    @property
    def name(self) -> str:
        """What people call it."""
        return self._record.name

    @property
    def project(self) -> str | None:
        """The group that it belongs to; None without one."""
        return self._record.project

    @property
    def type(self) -> str:
        """How suggestions are made: ``optimized``, ``random`` or ``grid``."""
        return self._record.type

    @property
    def parameters(self) -> tuple[Parameter | UnknownParameter, ...]:
        """The dimensions of the search space."""
        return self._record.parameters

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """What is measured."""
        return self._record.metrics

    @property
    def linear_constraints(self) -> tuple[LinearConstraint, ...]:
        """What every suggestion satisfies."""
        return self._record.linear_constraints

    @property
    def budget(self) -> int | None:
        """How many observations it is for, with tasks full ones; None without a limit."""
        return self._record.budget

    @property
    def parallel_bandwidth(self) -> int:
        """How many workers are expected to evaluate at the same time."""
        return self._record.parallel_bandwidth

    @property
    def num_solutions(self) -> int:
        """In how many regions of the search space the best is looked for."""
        return self._record.num_solutions

    @property
    def engine(self) -> str:
        """What makes its model points: ``auto`` or ``ax``."""
        return self._record.engine

    @property
    def conditionals(self) -> tuple[Conditional, ...]:
        """The switches on which it depends which parameters there are."""
        return self._record.conditionals

    @property
    def tasks(self) -> tuple[Task, ...]:
        """The ways to evaluate, the full one first; empty when there is one way only."""
        return self._record.tasks

    @property
    def metadata(self) -> Mapping[str, MetadataValue]:
        """The user's own notes."""
        return self._record.metadata

    @property
    def tags(self) -> tuple[str, ...]:
        """The user's own labels."""
        return self._record.tags

    @property
    def state(self) -> str:
        """Either ``active`` or ``archived``."""
        return self._record.state

    @property
    def progress(self) -> Progress:
        """How far it had come when it was last fetched; `refresh` fetches it."""
        return self._record.progress

    @property
    def create_time(self) -> datetime:
        """When it was created."""
        return self._record.create_time

    @property
    def update_time(self) -> datetime:
        """When its definition or state last changed."""
        return self._record.update_time

    def __repr__(self) -> str:
        budget = "" if self.budget is None else f" of {self.budget}"
        return (
            f"Experiment(id={self.id!r}, name={self.name!r}, state={self.state!r}, "
            f"observations={self.progress.observation_count}{budget})"
        )

    def refresh(self) -> None:
        """Fetch the experiment anew."""
        request = experiment_service_pb2.GetExperimentRequest(experiment_id=self.id)
        response = self._connection.call(self._connection.experiments.GetExperiment, request)
        self._record = experiment_from_proto(response.experiment)

    def is_finished(self) -> bool:
        """Fetch the experiment; return whether nothing is left to hand out now.

        That is so when the search is over, and also while workers hold what remains of the budget,
        this process included: then it becomes False again when one of them gives its suggestion
        back or lets the lease run out. ``progress.finished`` says whether the search is over. A
        suggestion that you dropped without an outcome is held until its lease runs out; when it is
        the only thing left, a warning is logged. Without a budget nothing is ever finished, unless
        a grid is exhausted.
        """
        self.refresh()
        if self.progress.finished:
            return True
        if self._has_room() or is_any_waiting(self._connection, self.id):
            return False
        self._connection.leases.warn_of_forgotten(self.id)
        return True

    def _has_room(self) -> bool:
        """Return whether one more suggestion fits into the budget, were it the cheapest."""
        left = self.progress.budget_left
        return left is None or left >= (self.tasks[-1].cost if self.tasks else 1)

    def update(
        self,
        *,
        name: str | Unset = UNSET,
        project: str | Unset | None = UNSET,
        budget: int | Unset | None = UNSET,
        parallel_bandwidth: int | Unset | None = UNSET,
        metadata: Mapping[str, MetadataValue] | Unset | None = UNSET,
        tags: Iterable[str] | Unset | None = UNSET,
        metrics: Iterable[MetricLike] | Unset = UNSET,
        parameters: Iterable[ParameterLike] | Unset = UNSET,
    ) -> None:
        """Change what is given, all or none. None clears, where that is allowed.

        Raising the budget of a finished experiment makes it go on.

        ``metrics`` are all metrics with their new thresholds. Nothing else of a metric can be
        changed; a dict need not repeat it.

        ``parameters`` are all parameters of the new search space. One that is left out is removed,
        and one that is added needs a default value: what the observations until now are taken to
        have had. Suggestions that nobody holds and that lie outside are withdrawn.

        Raises:
            InvalidArgumentError: A value breaks a rule.
            ExperimentArchivedError: The experiment is archived.
        """
        changes = given(
            {
                "name": name,
                "project": project,
                "budget": budget,
                "parallel_bandwidth": parallel_bandwidth,
                "metadata": metadata,
                "tags": tags,
                "metrics": metrics,
                "parameters": parameters,
            }
        )
        request = update_experiment_to_proto(self.id, changes)
        response = self._connection.call(self._connection.experiments.UpdateExperiment, request)
        self._record = experiment_from_proto(response.experiment)

    def archive(self) -> None:
        """Take it out of use: it hands out nothing more. What was learned is kept.

        Outcomes of what is evaluated meanwhile are refused until `unarchive`.
        """
        request = experiment_service_pb2.ArchiveExperimentRequest(experiment_id=self.id)
        response = self._connection.call(self._connection.experiments.ArchiveExperiment, request)
        self._record = experiment_from_proto(response.experiment)

    def unarchive(self) -> None:
        """Take it into use again."""
        request = experiment_service_pb2.UnarchiveExperimentRequest(experiment_id=self.id)
        response = self._connection.call(self._connection.experiments.UnarchiveExperiment, request)
        self._record = experiment_from_proto(response.experiment)

    def create_run(
        self,
        *,
        name: str | None = None,
        metadata: Mapping[str, MetadataValue] | None = None,
        worker_id: str | None = None,
        lease_duration: float = DEFAULT_LEASE_SECONDS,
        max_wait: float | None = None,
    ) -> Run:
        """Take a suggestion and open a run that evaluates it; see `Run`.

        Args:
            name: What people call it; the name of the experiment by default.
            metadata: Notes to keep with it.
            worker_id: Who evaluates it.
            lease_duration: As in `create_suggestion`.
            max_wait: As in `create_suggestion`.

        Raises:
            InvalidArgumentError: An argument breaks a rule.
            BudgetSpentError: No suggestion is left.
            ExperimentArchivedError: The experiment is archived.
        """
        return open_run(
            self._connection,
            self.id,
            name=name,
            metadata=metadata,
            worker_id=worker_id,
            lease_duration=lease_duration,
            max_wait=max_wait,
        )

    def loop(self, *, name: str | None = None, max_wait: float | None = None) -> Iterator[Run]:
        """Yield runs until no suggestion is left; without a budget, for ever.

        With several workers the budget is met exactly: what others hold counts, and is not waited
        for. Where one of them may die with it, `suggestions` and `optimize` are the loops that go
        on until the search is finished. Leaving the loop gives the suggestion of the last run back,
        unless the run has begun: its block was entered, or a metric was logged.

        Args:
            name: What people call the runs; the name of the experiment by default.
            max_wait: As in `create_suggestion`.

        Example:
            for run in experiment.loop():
                with run:
                    run.log_metric("accuracy", train(run.params))
        """
        while True:
            try:
                run = self.create_run(name=name, max_wait=max_wait)
            except BudgetSpentError:
                self.refresh()
                if not self.progress.finished:
                    self._connection.leases.warn_of_forgotten(self.id)
                return
            try:
                yield run
            except GeneratorExit:
                give_back_unless_begun(run)
                raise

    def get_runs(self, *, state: str | None = None) -> Iterator[Run]:
        """Yield the runs, the newest first.

        Args:
            state: Only those that are ``active``, ``completed``, ``failed`` or ``lapsed``.
        """
        return list_runs(self._connection, self.id, state)

    def get_best_runs(self) -> Iterator[Run]:
        """Yield the runs that none of the others beats; see `best_assignments`."""
        for best in self.best_assignments():
            if best.run_id is not None:
                yield fetch_run(self._connection, best.run_id)

    def best_assignments(self, *, by: str | None = None) -> Iterator[Observation]:
        """Yield the best observations.

        With one optimized metric it is one, the earliest of equals, or with ``num_solutions`` the
        best of each region. With several it is the Pareto frontier, the best in the first metric
        first. With none it is everything that satisfies the constraints. What failed or misses a
        threshold is left out, so there may be none.

        Args:
            by: ``observed``, the default: by the values that were observed. ``model``: by what a
                model expects of the true values there, which is better where these are noisy; the
                observations then have ``predictions``. It takes up to seconds.

        Raises:
            StateError: There is no model: fewer than 2 observations succeeded.
            OverloadedError: The model could not be computed.
        """
        return list_best(self._connection, self.id, by)

    def stopping_criteria(self) -> StoppingCriteria:
        """Return whether it is time to stop, and why; nothing is stopped by it.

        The budget is reached, or the newest observations, 5 for each parameter, brought nothing.
        """
        return fetch_stopping_criteria(self._connection, self.id)

    def best_practices(self) -> list[FieldViolation]:
        """Return which advice it goes against, in words; none when all is well.

        It works all the same, though not as well as it could.
        """
        return fetch_best_practices(self._connection, self.id)

    def metric_importances(self) -> dict[str, dict[str, float]]:
        """Return by metric and parameter which share in what moves the metric is the parameter's.

        The shares of a metric add up to 1, or are all 0 when it never changed. It takes up to
        seconds.

        Raises:
            StateError: There are fewer successful observations than 5 for each parameter.
            OverloadedError: It could not be computed in time.

        Example:
            (experiment.metric_importances())["accuracy"]["learning_rate"]
        """
        return fetch_importances(self._connection, self.id)

    def hypervolume(self) -> float:
        """Return the volume between the Pareto frontier and the thresholds, exactly.

        It grows with every point that is added to the frontier.

        Raises:
            StateError: There are not 2 to 8 optimized metrics with a threshold each.
            OverloadedError: The frontier is too large: it takes longer than 5 seconds.
        """
        return fetch_hypervolume(self._connection, self.id)

    def create_suggestion(
        self,
        *,
        worker_id: str | None = None,
        lease_duration: float = DEFAULT_LEASE_SECONDS,
        max_wait: float | None = None,
    ) -> Suggestion:
        """Ask for a suggestion to evaluate, and hold it.

        The client renews the lease beside everything else until the suggestion is observed or
        released, nothing refers to the returned object any more, or the client is closed; then it
        runs out, and the suggestion goes to the next worker. An outcome that is reported later is
        kept all the same.

        Args:
            worker_id: Who evaluates it.
            lease_duration: For how many seconds it stays held when the client or the returned
                object goes away. Make it long when another process reports the outcome.
            max_wait: How many seconds to wait rather than take a point that was made before the
                newest observations. None means a tenth of what an evaluation takes. Where no fresh
                point is expected in that time, an older one comes at once; where there is none, as
                when evaluations are quicker than the model, the call waits for the model in any
                case.

        Raises:
            InvalidArgumentError: An argument breaks a rule.
            BudgetSpentError: No suggestion is left.
            ExperimentArchivedError: The experiment is archived.
        """
        return ask(
            self._connection,
            self.id,
            worker_id=worker_id,
            lease_duration=lease_duration,
            max_wait=max_wait,
        )

    def queue_suggestion(
        self, assignments: Mapping[str, ParameterValue], *, task: TaskOrName | None = None
    ) -> Suggestion:
        """Queue assignments of your own: they are handed out first, in the order they came.

        Args:
            assignments: The assignments, inside the search space.
            task: The task to evaluate them with, or its name; needed where there are tasks.

        Raises:
            InvalidArgumentError: They lie outside the search space.
            OverloadedError: The queue is full.
        """
        return queue(self._connection, self._record, assignments, task)

    def delete_suggestion(self, suggestion: HasId | str) -> None:
        """Take a suggestion, or the one with this id, out of the queue, for good.

        Raises:
            NotFoundError: There is no such suggestion.
            StateError: It was handed out or observed already.
            ExperimentArchivedError: The experiment is archived.
        """
        delete_queued(self._connection, suggestion)

    def get_suggestions(self, *, state: str | None = None) -> Iterator[Suggestion]:
        """Yield the suggestions, the newest first.

        Args:
            state: Only those that are ``queued``, ``leased``, ``waiting``, ``observed`` or
                ``withdrawn``.
        """
        return list_suggestions(self._connection, self.id, state)

    def suggestions(
        self,
        *,
        worker_id: str | None = None,
        max_outstanding: int = 1,
        max_wait: float | None = None,
    ) -> Iterator[Suggestion]:
        """Yield suggestions as the service pushes them, until there is no more to do.

        While you iterate the service keeps them leased, and a break of the connection is mended.
        Report each by `create_observation`, or give it back by its `release`: while as many as
        ``max_outstanding`` are neither, nothing more comes. Leaving the loop, by ``break``, an
        exception or Ctrl-C, gives back what was not yielded, and what was yielded last unless its
        outcome is reported; the leases of what was yielded before run out unless an outcome is
        reported.

        Args:
            worker_id: Who evaluates: an id of its own for every worker, the same one when a worker
                comes back, which then gets what it held. Made up by default.
            max_outstanding: How many suggestions to hold at the same time.
            max_wait: As in `create_suggestion`.

        Raises:
            InvalidArgumentError: ``max_outstanding`` is not from 1 to 1000, or ``max_wait`` not
                from 0 to 3600.
            WorkerReplacedError: Another stream was opened with the same worker id.
            UnavailableError: The service cannot be reached, or was away for 5 minutes.

        Example:
            for suggestion in experiment.suggestions():
                value = train(suggestion.assignments)
                experiment.create_observation(suggestion=suggestion, values={"loss": value})
        """
        return follow(
            self._connection,
            self.id,
            worker_id=worker_id,
            max_outstanding=max_outstanding,
            max_wait=max_wait,
        )

    def optimize(
        self,
        evaluate: Evaluate,
        *,
        workers: int = 1,
        worker_id: str | None = None,
        max_wait: float | None = None,
        progress: bool | None = None,
        max_consecutive_failures: int = 10,
    ) -> None:
        """Run a function on suggestions until there is no more to do, and report what it returns.

        An exception of the function, or a value or standard deviation that is not finite, is logged
        and reported as a failed observation. When the service is away, for up to 5 minutes,
        outcomes are kept and reported when it is back. Interrupted, by Ctrl-C or cancellation, it
        gives back what it holds, still reports what was measured, and ends within 5 seconds; an
        outcome that is lost then is logged.

        Args:
            evaluate: Takes assignments, and the task as well where the experiment has tasks, and
                returns values, as `create_observation` takes them.
            workers: How many evaluations to run at the same time.
            worker_id: As in `suggestions`.
            max_wait: As in `create_suggestion`.
            progress: Whether to show a progress bar, which needs ``rich``. None means where
                standard error is a terminal.
            max_consecutive_failures: After how many failures in a row to give up.

        Raises:
            EvaluationError: As many evaluations in a row failed, or all of several; the cause is
                the last exception.
            InvalidArgumentError: ``evaluate`` is no function of assignments, what it returns is not
                the values of the metrics, a count is below 1, or ``max_wait`` not from 0 to 3600.
            WorkerReplacedError: Another stream was opened with the same worker id.
            UnavailableError: The service cannot be reached, or was away for 5 minutes.

        Example:
            experiment.optimize(lambda params: {"loss": train(params.lr)}, workers=4)
        """
        check_arguments(
            evaluate,
            takes_task=bool(self.tasks),
            workers=workers,
            max_consecutive_failures=max_consecutive_failures,
        )
        bar = progress_bar(self.name, wanted=progress)
        optimization = Optimization(
            self._connection,
            self._record,
            SuggestionStream(
                self._connection,
                self.id,
                worker_id=worker_id,
                max_outstanding=workers,
                max_wait=max_wait,
            ),
            evaluate,
            max_failures=max_consecutive_failures,
            bar=bar,
        )
        optimization.run(workers)
        self.refresh()

    def create_observation(
        self,
        *,
        suggestion: HasId | str | None = None,
        assignments: Mapping[str, ParameterValue] | None = None,
        values: Values | None = None,
        failed: bool = False,
        metadata: Mapping[str, MetadataValue] | None = None,
        task: TaskOrName | None = None,
    ) -> Observation:
        """Report the outcome of a suggestion, or of assignments of your own.

        A second outcome of a suggestion is a second observation, from which the model learns as
        well; it does not count against the budget.

        Args:
            suggestion: The suggestion that was evaluated, or its id.
            assignments: Your own assignments, where it was none; they may lie outside the bounds.
            values: What was measured, of every metric: by name, each alone or as
                ``(value, stddev)``; or as dicts with ``name``, ``value`` and ``value_stddev``; or,
                with a single metric, just its value.
            failed: Whether the evaluation failed; then there are no values.
            metadata: Notes to keep with it.
            task: The task that your own assignments were evaluated with, or its name; needed with
                these where the experiment has tasks. A suggestion says its own.

        Raises:
            InvalidArgumentError: Something is missing or breaks a rule.
            ExperimentArchivedError: The experiment is archived.

        Example:
            experiment.create_observation(suggestion=suggestion, values={"loss": (0.3, 0.01)})
        """
        outcome = {
            "suggestion": suggestion,
            "assignments": assignments,
            "values": values,
            "failed": failed,
            "metadata": metadata,
            "task": task,
        }
        request = create_observation_to_proto(outcome, self._record)
        return report(self._connection, request)

    def create_observations(
        self, observations: Iterable[NewObservation | Mapping[str, object]]
    ) -> list[Observation]:
        """Report up to 2500 outcomes, all or none.

        Args:
            observations: Each a `NewObservation`, or a dict with the arguments of
                `create_observation`.

        Raises:
            InvalidArgumentError: Something is missing or breaks a rule; nothing was reported.
            ExperimentArchivedError: The experiment is archived.
        """
        request = create_observations_to_proto(observations, self._record)
        return report_all(self._connection, request)

    def import_observations(
        self, source: TableSource, *, metadata_columns: Iterable[str] = ()
    ) -> list[Observation]:
        """Report past results from a table, each row an observation of your own.

        They count like any other: against the budget, and as points of the start, so that with
        enough of them the model makes the first suggestion. Every row is checked before the first
        one is reported, in batches of up to 2500. It is not safe to repeat: a table that is
        imported again is reported again.

        Args:
            source: The path of a CSV file with a header, in UTF-8; a DataFrame of pandas or Polars;
                or dicts with the names of the columns as keys. There is a column for each
                parameter, conditional and metric, and there may be ``METRIC_stddev`` for the
                standard deviation of a metric's values, and ``failed``. Where the experiment has
                tasks, ``task`` names each row's. An empty cell says nothing, and is where a row
                does not have a parameter.
            metadata_columns: Further columns, to keep as metadata.

        Raises:
            InvalidArgumentError: Something is missing or breaks a rule; nothing was reported.
                `violations` names every fault by its row and column: lines of a file count from 1,
                other rows from 0.
            OSError: The file cannot be read.
            ExperimentArchivedError: The experiment is archived.

        Example:
            experiment.import_observations("past.csv", metadata_columns=["host"])
        """
        return import_all(self._connection, self._record, source, metadata_columns)

    def get_observations(self) -> Iterator[Observation]:
        """Yield the observations, the newest first."""
        return list_observations(self._connection, self.id)

    def update_observation(
        self,
        observation: HasId | str,
        *,
        values: Values | Unset = UNSET,
        failed: bool | Unset = UNSET,
        metadata: Mapping[str, MetadataValue] | Unset | None = UNSET,
    ) -> Observation:
        """Change what is given of an observation, or of the one with this id, all or none.

        Giving values to a failed one makes it one that succeeded; ``failed=True`` drops values.

        Raises:
            NotFoundError: There is no such observation.
            InvalidArgumentError: A value breaks a rule.
        """
        changes = given({"values": values, "failed": failed, "metadata": metadata})
        return change_observation(self._connection, observation, changes, self._record)

    def delete_observation(self, observation: HasId | str) -> None:
        """Delete an observation, or the one with this id, for good.

        Raises:
            NotFoundError: There is no such observation.
        """
        delete_observation(self._connection, observation)
