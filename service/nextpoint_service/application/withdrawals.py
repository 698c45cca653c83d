"""Keeps what waits and what is queued inside the search space, however that changes."""

from nextpoint_service.application.ports import Transaction
from nextpoint_service.domain.experiment import Experiment
from nextpoint_service.domain.suggestion import Suggestion


def withdraw_outside(tx: Transaction, experiment: Experiment) -> None:
    """Withdraw what nobody holds and what lies outside of the experiment's space."""
    for each in tx.suggestions.unheld(experiment.experiment_id):
        if not experiment.space.contains(each.assignments):
            tx.suggestions.save(each.withdraw())


def put_back(tx: Transaction, waiting: Suggestion) -> None:
    """Let the next worker have a suggestion, or nobody when by now it lies outside of the space."""
    space = tx.experiments.get(waiting.experiment_id).space
    inside = space.contains(waiting.assignments)
    tx.suggestions.save(waiting if inside else waiting.withdraw())
