# Generated from nextpoint/aio/_client.py by scripts/generate_sync; change that instead.
"""A client: a connection to a service, and where experiments come from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nextpoint._channel import default_address, default_timeout
from nextpoint._convert import experiment_from_proto
from nextpoint._definition import create_experiment_to_proto
from nextpoint._enums import words_of
from nextpoint._fields import Fields, identity, raise_if_any
from nextpoint._sync._connection import PAGE_SIZE, Connection
from nextpoint._sync._experiment import Experiment
from nextpoint._sync._tracking import fetch_run
from nextpoint.v1 import experiment_pb2, experiment_service_pb2

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from types import TracebackType
    from typing import Self

    from nextpoint._conditionals import ConditionalLike
    from nextpoint._definition import LinearConstraintLike, MetricLike, ParameterLike
    from nextpoint._records import MetadataValue
    from nextpoint._sync._run import Run
    from nextpoint._tasks import TaskLike
    from nextpoint.errors import FieldViolation

EXPERIMENT_STATES = {
    **words_of(experiment_pb2.ExperimentState),
    "any": experiment_pb2.EXPERIMENT_STATE_UNSPECIFIED,
}


class Client:
    """A connection to a service, made when it is first needed.

    It may be used by many threads at once. Close it when you are done, or use it as a context
    manager. Closing ends the renewal of leases: what is still held then goes to other workers when
    its lease runs out.

    Example:
        with nextpoint.Client("10.0.0.7:50051") as client:
            experiment = client.get_experiment("exp_...")
    """

    def __init__(
        self,
        address: str | None = None,
        *,
        timeout: float | None = None,
    ) -> None:
        """Make a client.

        Args:
            address: Where the service is, as ``HOST:PORT``. None means ``NEXTPOINT_ADDRESS`` in the
                environment, or else 127.0.0.1:50051.
            timeout: After how many seconds without an answer a call has failed, by default 60. A
                service that is restarted meanwhile is waited for.

        Raises:
            InvalidArgumentError: The address is not ``HOST:PORT``, or the timeout not above 0.
        """
        self._connection = Connection(
            default_address() if address is None else address,
            timeout=default_timeout() if timeout is None else timeout,
        )

    @property
    def address(self) -> str:
        """Where the service is."""
        return self._connection.address

    def __repr__(self) -> str:
        return f"Client({self.address!r})"

    def create_experiment(
        self,
        *,
        name: str,
        parameters: Iterable[ParameterLike],
        metrics: Iterable[MetricLike],
        type: str = "optimized",  # noqa: A002  SigOpt's word
        linear_constraints: Iterable[LinearConstraintLike] = (),
        budget: int | None = None,
        parallel_bandwidth: int | None = None,
        num_solutions: int | None = None,
        engine: str | None = None,
        conditionals: Iterable[ConditionalLike] = (),
        tasks: Iterable[TaskLike] = (),
        project: str | None = None,
        metadata: Mapping[str, MetadataValue] | None = None,
        tags: Iterable[str] = (),
    ) -> Experiment:
        """Define an experiment.

        Args:
            name: What people call it.
            parameters: The dimensions: `Double`, `Int`, `Categorical`, `Bool`, or dicts with
                ``name``, ``type``, ``bounds``, ``grid``, ``transformation``,
                ``categorical_values``, ``ordered``, ``prior``, ``default_value`` and
                ``conditions``.
            metrics: What is measured: `Metric`, a name, or dicts with ``name``, ``objective``,
                ``strategy`` and ``threshold``.
            type: How suggestions are made: ``optimized`` (also called ``offline``), ``random`` or
                ``grid``.
            linear_constraints: What every suggestion satisfies: `LinearConstraint`, or dicts with
                ``type``, ``terms`` and ``threshold``.
            budget: How many observations it is for, or with tasks how many full evaluations they
                may cost. None means no limit.
            parallel_bandwidth: How many workers are expected to evaluate at the same time.
            num_solutions: In how many regions of the search space the best is looked for. More than
                1 needs a budget, and exactly one metric to optimize.
            engine: What makes its model points: ``auto``, the default, what the service finds best
                for such experiments; ``ax``.
            conditionals: Switches on which it depends which parameters there are: `Conditional`, or
                dicts with ``name`` and ``values``. The parameters say so in their ``conditions``.
            tasks: The ways to evaluate, of which the cheaper ones say less: `Task`, or dicts with
                ``name`` and ``cost``. One of them costs 1: the full evaluation. Needs a budget,
                which is then counted in full evaluations.
            project: The group that it belongs to.
            metadata: Notes to keep with it.
            tags: Labels to keep with it.

        Raises:
            InvalidArgumentError: The definition breaks a rule; `violations` lists all of them.

        Example:
            experiment = client.create_experiment(
                name="forest",
                parameters=[Int("depth", 2, 20), dict(name="bootstrap", type="bool")],
                metrics=["accuracy"],
                budget=30,
            )
        """
        definition = {
            "name": name,
            "project": project,
            "type": type,
            "parameters": parameters,
            "metrics": metrics,
            "linear_constraints": linear_constraints,
            "budget": budget,
            "parallel_bandwidth": parallel_bandwidth,
            "num_solutions": num_solutions,
            "engine": engine,
            "conditionals": conditionals,
            "tasks": tasks,
            "metadata": metadata,
            "tags": tags,
        }
        request = create_experiment_to_proto(definition)
        response = self._connection.call(self._connection.experiments.CreateExperiment, request)
        return Experiment(self._connection, experiment_from_proto(response.experiment))

    def get_experiment(self, experiment_id: str) -> Experiment:
        """Return an experiment.

        Raises:
            NotFoundError: There is no such experiment.
        """
        request = experiment_service_pb2.GetExperimentRequest(
            experiment_id=identity("experiment_id", experiment_id)
        )
        response = self._connection.call(self._connection.experiments.GetExperiment, request)
        return Experiment(self._connection, experiment_from_proto(response.experiment))

    def list_experiments(
        self,
        *,
        project: str | None = None,
        state: str | None = None,
        name_contains: str | None = None,
    ) -> Iterator[Experiment]:
        """Yield experiments, the newest first.

        Args:
            project: Only those of this project.
            state: Those that are ``active``, which is the default, ``archived``, or ``any``.
            name_contains: Only those whose name contains this text, in upper or lower case.
        """
        violations: list[FieldViolation] = []
        given = {"project": project, "state": state, "name_contains": name_contains}
        fields = Fields(given, "", violations)
        absent = experiment_pb2.EXPERIMENT_STATE_ACTIVE
        request = experiment_service_pb2.ListExperimentsRequest(
            project=fields.text("project") or "",
            state=fields.choice("state", EXPERIMENT_STATES, absent=absent),
            name_contains=fields.text("name_contains") or "",
            page_size=PAGE_SIZE,
        )
        raise_if_any(violations, "the filter")
        pages = self._connection.pages(self._connection.experiments.ListExperiments, request)
        for page in pages:
            for message in page.experiments:
                yield Experiment(self._connection, experiment_from_proto(message))

    def get_run(self, run_id: str) -> Run:
        """Return a run.

        Raises:
            NotFoundError: There is no such run.
        """
        return fetch_run(self._connection, run_id)

    def close(self) -> None:
        """End every call and the renewal of leases. It is safe to repeat."""
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()
