"""A connection dies without a word, as behind a firewall that forgets it."""

import socket
import threading
from contextlib import ExitStack, suppress

import grpc
import pytest
from tests.support.deployments import ServiceProcess

import nextpoint
from nextpoint import _channel
from nextpoint.v1 import suggestion_service_pb2, suggestion_service_pb2_grpc


class Proxy:
    """Passes bytes on; what was connected before `forget` is never heard of again."""

    def __init__(self, address):
        host, _, port = address.rpartition(":")
        self._target = host, int(port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._sockets = []
        self._heard = threading.Event()
        self.address = f"127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def forget(self):
        self._heard.set()
        self._heard = threading.Event()

    def close(self):
        for each in (self._listener, *self._sockets):
            each.close()

    def _accept(self):
        with suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                far = socket.create_connection(self._target)
                self._sockets += [near, far]
                for one, other in ((near, far), (far, near)):
                    arguments = (one, other, self._heard)
                    threading.Thread(target=self._pass_on, args=arguments, daemon=True).start()

    @staticmethod
    def _pass_on(one, other, forgotten):
        with suppress(OSError):
            while data := one.recv(65536):
                if not forgotten.is_set():
                    other.sendall(data)


@pytest.mark.timeout(60)
def test_a_stream_comes_back_over_a_connection_of_its_own(tmp_path, monkeypatch):
    monkeypatch.setattr(_channel, "PING_MILLISECONDS", 1000)
    monkeypatch.setattr(_channel, "PING_TIMEOUT_MILLISECONDS", 500)
    with ExitStack() as stack:
        database = tmp_path / "nextpoint.sqlite3"
        service = stack.enter_context(ServiceProcess(database, "--heartbeat-seconds=0.5"))
        proxy = Proxy(service.address)
        stack.callback(proxy.close)
        client = stack.enter_context(nextpoint.Client(proxy.address))
        experiment = client.create_experiment(
            name="far away",
            parameters=[nextpoint.Double("x", 0, 1)],
            metrics=["m"],
            budget=3,
        )
        evaluated = []

        for suggestion in experiment.suggestions():
            if not evaluated:
                proxy.forget()
            evaluated.append(suggestion.id)
            with nextpoint.Client(service.address) as other:
                other.get_experiment(experiment.id).create_observation(
                    suggestion=suggestion.id, values={"m": 1.0}
                )

    assert len(evaluated) == 3


@pytest.mark.slow
@pytest.mark.timeout(120)
def test_a_silent_stream_may_be_pinged_as_often_as_the_contract_says(tmp_path):
    options = [
        ("grpc.keepalive_time_ms", 10_500),
        ("grpc.http2.max_pings_without_data", 0),
    ]
    with ExitStack() as stack:
        database = tmp_path / "nextpoint.sqlite3"
        service = stack.enter_context(ServiceProcess(database, "--heartbeat-seconds=300"))
        client = stack.enter_context(nextpoint.Client(service.address))
        experiment = client.create_experiment(
            name="silent", parameters=[nextpoint.Double("x", 0, 1)], metrics=["m"], budget=1
        )
        channel = stack.enter_context(grpc.insecure_channel(service.address, options))
        stub = suggestion_service_pb2_grpc.SuggestionServiceStub(channel)
        request = suggestion_service_pb2.StreamSuggestionsRequest(
            experiment_id=experiment.id, worker_id="pings"
        )

        # Three pings too many are where gRPC ends it.
        stream = stub.StreamSuggestions(request, timeout=50)
        with pytest.raises(grpc.RpcError) as ended:
            list(stream)

    assert ended.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
