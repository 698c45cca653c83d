"""The seed of one call of the optimizer."""

import numpy as np

from nextpoint_service.application.optimizer_port import Problem


def seed_for(problem: Problem) -> int:
    """Return a seed for what is made next, another one whenever more is known or under way."""
    entropy = (problem.seed, problem.index, len(problem.observations), len(problem.pending))
    return int(np.random.SeedSequence(entropy).generate_state(1)[0])
