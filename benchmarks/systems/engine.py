"""Nextpoint's optimizer in this process: what a model process computes, without the service."""

from datetime import UTC, datetime
from itertools import count

from nextpoint_service.application.optimizer_port import Phase
from nextpoint_service.application.optimizer_port import Problem as Question
from nextpoint_service.application.phases import choose_phase
from nextpoint_service.domain.definition import define
from nextpoint_service.domain.experiment import Engine
from nextpoint_service.domain.limits import Limits
from nextpoint_service.domain.observation import Measurement, Observation
from nextpoint_service.optimizer import space_filling
from nextpoint_service.optimizer.computing import compute_model
from nextpoint_service.optimizer.settings import OptimizerSettings
from problems import Point, Problem, Values
from systems import definitions

_NOW = datetime(2026, 1, 1, tzinfo=UTC)


class Snapshot:
    """What the service would read from its database."""

    def __init__(self, problem: Problem, seed: int, workers: int, **settings: object) -> None:
        draft = definitions.draft(problem, workers, **settings)
        self._experiment = define(draft, Limits(), "exp_1", _NOW)
        self._observations: list[Observation] = []
        self._pending: dict[object, Point] = {}
        self._seed = seed
        self._handles = count()

    def ask(self) -> tuple[object, Point]:
        """Return the next point."""
        index = next(self._handles)
        successes = sum(not each.failed for each in self._observations)
        phase, reason = choose_phase(self._experiment, index, successes)
        question = Question(
            experiment=self._experiment,
            observations=tuple(self._observations),
            pending=tuple(self._pending.values()),
            phase=phase,
            count=1,
            index=index,
            seed=self._seed,
            fallback_reason=reason,
        )
        proposals = (
            compute_model(question, OptimizerSettings())
            if phase is Phase.MODEL
            else space_filling.propose(question)
        )
        self._pending[index] = proposals[0].assignments
        return index, dict(proposals[0].assignments)

    def know(self, point: Point, values: Values) -> None:
        """Learn an outcome at a point that was not asked for."""
        handle = next(self._handles)
        self._pending[handle] = point
        self.tell(handle, point, values)

    def tell(self, handle: object, point: Point, values: Values | None) -> None:
        """Learn an outcome."""
        del self._pending[handle]
        measured = {} if values is None else values
        self._observations.append(
            Observation(
                observation_id=f"obs_{handle}",
                experiment_id="exp_1",
                suggestion_id=None,
                run_id=None,
                assignments=point,
                values={name: Measurement(value) for name, value in measured.items()},
                failed=values is None,
                outside=False,
                metadata={},
                seconds=None,
                created=_NOW,
                updated=_NOW,
            )
        )


def auto(problem: Problem, seed: int, workers: int) -> Snapshot:
    """Return the optimizer as it comes."""
    return Snapshot(problem, seed, workers)


def ax(problem: Problem, seed: int, workers: int) -> Snapshot:
    """Return the optimizer with Ax for every model point."""
    return Snapshot(problem, seed, workers, engine=Engine.AX)
