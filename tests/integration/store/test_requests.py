"""Requests are remembered until they are forgotten."""

from datetime import timedelta

from nextpoint_service.application.ports import Remembered


def test_a_remembered_request_comes_back(tx, make):
    remembered = Remembered("CreateRun", b"\x00\xff", ("run_1", "sug_1"))

    tx.requests.remember("a request", remembered, make.now)

    assert tx.requests.find("a request") == remembered
    assert tx.requests.find("another") is None


def test_requests_from_before_a_time_are_forgotten(tx, make):
    for name, at in (("old", make.now - timedelta(microseconds=1)), ("new", make.now)):
        tx.requests.remember(name, Remembered("m", b"", ()), at)

    tx.requests.forget(make.now)

    assert tx.requests.find("old") is None
    assert tx.requests.find("new") is not None
