"""What a model expects of the true values where something was observed."""

from nextpoint_service.application.optimizer_port import Expectations, Studied
from nextpoint_service.optimizer.learning import learn, predictions


def expectations_of(studied: Studied, *, most_observations: int) -> Expectations:
    """Return by observation what is expected of the metrics; nothing where none was learned from.

    Raises NotFitted.
    """
    learned = learn(studied.experiment, studied.observations, most_observations)
    by_index = dict(zip(learned.indexes.tolist(), predictions(learned, learned.rows), strict=True))
    return [by_index.get(index, {}) for index in range(len(studied.observations))]
