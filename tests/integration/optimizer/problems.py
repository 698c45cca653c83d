"""What the pool's tests ask for, of models of our own and of Ax."""

from dataclasses import replace

from tests.unit.optimizer.problems import a_problem, observed

from nextpoint_service.application.optimizer_port import Phase
from nextpoint_service.domain.experiment import Engine

OBSERVATIONS = [observed({"a": x, "b": 1 - x}, y=x) for x in (0.1, 0.3, 0.5, 0.7, 0.9)]

MODEL = a_problem(observations=OBSERVATIONS, phase=Phase.MODEL, index=5)
OF_AX = a_problem(observations=OBSERVATIONS, phase=Phase.MODEL, index=5, engine=Engine.AX)
START_OF_AX = replace(OF_AX, phase=Phase.SPACE_FILLING)
