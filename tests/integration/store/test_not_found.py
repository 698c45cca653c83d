"""What is asked for or saved has to be there."""

import pytest

from nextpoint_service.domain.errors import (
    ExperimentNotFound,
    ObservationNotFound,
    RunNotFound,
    SuggestionNotFound,
)


def test_what_is_not_there_is_not_found(tx, make):
    with pytest.raises(ExperimentNotFound):
        tx.experiments.get("exp_1")
    with pytest.raises(ExperimentNotFound):
        tx.experiments.save(make.experiment())
    with pytest.raises(ExperimentNotFound):
        tx.experiments.learn("exp_1")
    with pytest.raises(ExperimentNotFound):
        tx.experiments.progress(make.experiment())
    with pytest.raises(SuggestionNotFound):
        tx.suggestions.get("sug_1")
    with pytest.raises(SuggestionNotFound):
        tx.suggestions.save(make.suggestion())
    with pytest.raises(ObservationNotFound):
        tx.observations.get("obs_1")
    with pytest.raises(ObservationNotFound):
        tx.observations.save(make.observation())
    with pytest.raises(ObservationNotFound):
        tx.observations.delete("obs_1")
    with pytest.raises(RunNotFound):
        tx.runs.get("run_1")
    with pytest.raises(RunNotFound):
        tx.runs.save(make.run())
