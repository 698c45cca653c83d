import copy
import pickle

import pytest

from nextpoint import Assignments

POINT = {"lr": 0.5, "items": 3, "size": "small", "flag": True}


def test_it_is_a_mapping_with_attributes():
    assignments = Assignments(POINT)

    assert assignments["lr"] == assignments.lr == 0.5
    assert dict(assignments) == POINT
    assert {**assignments} == POINT
    assert len(assignments) == 4


def test_it_equals_a_dict_with_the_same_items():
    assert Assignments(POINT) == POINT
    assert Assignments(POINT) != {**POINT, "lr": 1}


def test_a_parameter_with_the_name_of_a_method_is_an_item():
    assignments = Assignments(POINT)

    assert assignments["items"] == 3
    assert callable(assignments.items)


def test_it_cannot_be_changed():
    assignments = Assignments(POINT)

    with pytest.raises(TypeError):
        assignments["lr"] = 1
    with pytest.raises(AttributeError):
        assignments.lr = 1


def test_a_name_that_is_not_there_is_said_with_those_that_are():
    with pytest.raises(AttributeError, match=r"'learning_rate'.*lr, items"):
        _ = Assignments(POINT).learning_rate
    with pytest.raises(KeyError, match=r"'learning_rate'.*lr, items"):
        _ = Assignments(POINT)["learning_rate"]
    assert Assignments(POINT).get("learning_rate", 7) == 7


def test_it_survives_a_process_border():
    assignments = Assignments(POINT)

    assert pickle.loads(pickle.dumps(assignments)) == assignments  # noqa: S301  our own
    assert copy.deepcopy(assignments) == assignments
    assert hash(copy.copy(assignments)) == hash(assignments)
