"""Past results from a table, on every deployment."""

import pandas as pd
import pytest

import nextpoint

HEADER = "x,n,c,b,m,m_stddev,loss,failed,host"
GOOD = """0.25,3,rye,true,1.5,0.1,2,,north
-7,2.0,rye,0,2.5,,3,false,
0.5,1,wheat,0.0,,,,1.0,south"""


@pytest.fixture
def experiment(client):
    return client.create_experiment(
        name="past",
        parameters=[
            nextpoint.Double("x", 0, 1),
            nextpoint.Int("n", 1, 5),
            nextpoint.Categorical("c", ["wheat", "rye", "2"]),
            nextpoint.Bool("b"),
        ],
        metrics=["m", {"name": "loss", "objective": "minimize"}],
        budget=6000,
    )


def written(path, *lines):
    path.write_text("\n".join([HEADER, *lines]))
    return path


def test_a_file_becomes_observations(experiment, deployment, tmp_path):
    deployment.disturb()

    made = experiment.import_observations(
        written(tmp_path / "past.csv", GOOD), metadata_columns=["host"]
    )

    first, second, third = made
    assert dict(first.assignments) == {"x": 0.25, "n": 3, "c": "rye", "b": True}
    assert (first.values, first.stddevs) == ({"m": 1.5, "loss": 2.0}, {"m": 0.1})
    assert [each.outside for each in made] == [False, True, False]
    assert [each.failed for each in made] == [False, False, True]
    assert [dict(each.metadata) for each in made] == [{"host": "north"}, {}, {"host": "south"}]
    assert second.assignments.n == 2
    assert not third.values
    experiment.refresh()
    assert experiment.progress.observation_count == 3


def test_a_data_frame_becomes_observations(experiment):
    frame = pd.DataFrame(
        {
            "x": [0.1, 0.2],
            "n": [1, 5],
            "c": [2, "rye"],
            "b": [True, False],
            "m": [None, 4.0],
            "loss": [None, 1],
            "failed": [True, None],
        }
    )

    made = experiment.import_observations(frame)

    assert [each.assignments.c for each in made] == ["2", "rye"]
    assert [each.failed for each in made] == [True, False]
    assert made[1].values == {"m": 4.0, "loss": 1.0}


def test_a_column_for_each_conditional_says_which_parameters_a_row_has(client):
    experiment = client.create_experiment(
        name="branches",
        conditionals=[nextpoint.Conditional("kind", ["1", "2"])],
        parameters=[
            nextpoint.Double("x", 0, 1, conditions={"kind": "1"}),
            nextpoint.Int("n", 1, 5, conditions={"kind": "2"}),
        ],
        metrics=["m"],
    )
    rows = [{"kind": "1", "x": 0.5, "n": None, "m": 1}, {"kind": 2, "x": None, "n": 3, "m": 2}]

    made = experiment.import_observations(rows)

    assert [dict(each.assignments) for each in made] == [
        {"kind": "1", "x": 0.5},
        {"kind": "2", "n": 3},
    ]
    with pytest.raises(nextpoint.InvalidArgumentError, match="'kind'"):
        experiment.import_observations([{"x": 0.5, "n": 3, "m": 1}])


def test_every_fault_is_named_by_line_and_column_and_nothing_is_written(experiment, tmp_path):
    path = written(
        tmp_path / "past.csv",
        *["0.25,3,rye,true,1,,2,,"] * 2400,
        "0.5,3,barley,true,1,-1,2,,",
        "0.5,3.5,rye,true,1,,abc,,",
        "0.5,3,rye,maybe,1,,,,",
        ",3,rye,true,1,,2,,",
        "0.5,3,rye,true,1,,2,yes,",
        "0.5,3,rye,true,1,,2,perhaps,",
        "0.5,3",
        *["0.25,3,rye,true,1,,2,,"] * 200,
        *["0.25,3,rye,true,1,,inf,,"] * 400,
    )

    with pytest.raises(nextpoint.InvalidArgumentError) as refused:
        experiment.import_observations(path, metadata_columns=["host"])

    assert {each.field for each in refused.value.violations} == {
        "line 2402, column 'c'",
        "line 2402, column 'm_stddev'",
        "line 2403, column 'n'",
        "line 2403, column 'loss'",
        "line 2404, column 'b'",
        "line 2404, values",
        "line 2405, column 'x'",
        "line 2406, values",
        "line 2407, column 'failed'",
        "line 2408",
        *(f"line {2609 + index}, column 'loss'" for index in range(400)),
    }
    assert list(experiment.get_observations()) == []


def test_columns_that_are_missing_unknown_or_there_twice_are_named(experiment):
    rows = [{"x": 1, "n": 1, "b": True, "m": 1, "accuracy": 3}]

    with pytest.raises(nextpoint.InvalidArgumentError) as refused:
        experiment.import_observations(rows, metadata_columns=["host"])

    assert {each.field for each in refused.value.violations} == {
        "column 'c'",
        "column 'loss'",
        "column 'host'",
        "column 'accuracy'",
    }
    assert list(experiment.get_observations()) == []


@pytest.mark.parametrize(
    ("parameter", "metrics", "column", "description"),
    [
        ("x", ["y", "y_stddev"], "y_stddev", "a metric and the standard deviation of a metric"),
        ("failed", ["y"], "failed", "a parameter and whether the evaluation failed"),
        ("x", ["failed"], "failed", "a metric and whether the evaluation failed"),
        ("x", ["x"], "x", "a parameter and a metric"),
    ],
)
def test_a_column_that_would_mean_two_things_is_named(
    client, parameter, metrics, column, description
):
    stored = [{"name": name, "strategy": "store"} for name in metrics[1:]]
    experiment = client.create_experiment(
        name="ambiguous",
        parameters=[nextpoint.Double(parameter, 0, 1)],
        metrics=[metrics[0], *stored],
    )

    with pytest.raises(nextpoint.InvalidArgumentError) as refused:
        experiment.import_observations([dict.fromkeys([parameter, *metrics], 1)])

    told = {each.field: each.description for each in refused.value.violations}
    assert told == {f"column '{column}'": f"would be {description}"}


def test_metadata_columns_are_a_list(experiment):
    with pytest.raises(
        nextpoint.InvalidArgumentError, match=r"must be a list of names, got 'host'"
    ):
        experiment.import_observations([], metadata_columns="host")


def test_more_rows_than_a_call_takes_are_imported_and_shorten_the_start(experiment):
    row = {"x": 0.5, "n": 1, "c": "rye", "b": True, "m": 1.0, "loss": 1.0}

    made = experiment.import_observations([row] * 5001)

    assert len({each.id for each in made}) == 5001
    assert experiment.create_suggestion().provenance.generator == "model"


def test_an_archived_experiment_takes_no_past_results(experiment):
    experiment.archive()

    with pytest.raises(nextpoint.ExperimentArchivedError):
        experiment.import_observations([{"x": 0.5, "n": 1, "c": "rye", "b": 1, "m": 1, "loss": 1}])
