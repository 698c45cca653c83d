"""What was acknowledged is there after the service was killed, once."""

import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest
from tests.support.deployments import ServiceProcess

import nextpoint

_WRITERS = 8
_EACH = 60
_KILLS = 2


@pytest.mark.timeout(180)
def test_nothing_acknowledged_is_lost_and_nothing_is_written_twice(tmp_path):
    with ServiceProcess(tmp_path / "nextpoint.sqlite3") as service:
        client = nextpoint.Client(service.address)
        experiment = client.create_experiment(
            name="load", parameters=[nextpoint.Double("x", 0, 1)], metrics=["m"]
        )
        acknowledged: list[str] = []
        kill = threading.Semaphore(0)

        def write(writer: int) -> None:
            for number in range(_EACH):
                observation = experiment.create_observation(
                    assignments={"x": 0.5},
                    values={"m": number},
                    metadata={"key": f"{writer} {number}"},
                )
                acknowledged.append(observation.id)
                if len(acknowledged) % 100 == 0:
                    kill.release()

        with ThreadPoolExecutor(_WRITERS) as writers:
            written = [writers.submit(write, writer) for writer in range(_WRITERS)]
            for _ in range(_KILLS):
                assert kill.acquire(timeout=30)
                service.kill()
                service.start()
            for each in written:
                each.result(timeout=60)

        found = list(experiment.get_observations())
        assert len(acknowledged) == _WRITERS * _EACH
        assert set(acknowledged) <= {each.id for each in found}
        keys = Counter(each.metadata["key"] for each in found)
        assert set(keys.values()) == {1}
        assert len(keys) == _WRITERS * _EACH
        experiment.refresh()
        assert experiment.progress.observation_count == _WRITERS * _EACH
        client.close()
