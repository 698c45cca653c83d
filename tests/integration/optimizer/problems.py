"""What the pool's tests ask for, of models of our own and of Ax."""

from dataclasses import replace

from tests.unit.optimizer.problems import a_problem, observed

from nextpoint_service.application.optimizer_port import Phase
from nextpoint_service.domain.experiment import Metric
from nextpoint_service.domain.observation import Measurement

OBSERVATIONS = [observed({"a": x, "b": 1 - x}, y=x) for x in (0.1, 0.3, 0.5, 0.7, 0.9)]

MODEL = a_problem(observations=OBSERVATIONS, phase=Phase.MODEL, index=5)
OF_AX = a_problem(
    observations=[
        replace(each, values=each.values | {"z": Measurement(0.0)}) for each in OBSERVATIONS
    ],
    metrics=[Metric("y"), Metric("z")],
    phase=Phase.MODEL,
    index=5,
)
"""Two metrics to optimize, which models of our own do not do."""
START_OF_AX = replace(OF_AX, phase=Phase.SPACE_FILLING)
