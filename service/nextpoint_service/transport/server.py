"""The gRPC server: address, options, health, reflection, and a graceful end."""

import ipaddress
from dataclasses import dataclass

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from nextpoint.v1 import (
    analysis_service_pb2,
    analysis_service_pb2_grpc,
    experiment_service_pb2,
    experiment_service_pb2_grpc,
    observation_service_pb2,
    observation_service_pb2_grpc,
    run_service_pb2,
    run_service_pb2_grpc,
    suggestion_service_pb2,
    suggestion_service_pb2_grpc,
)
from nextpoint_service.application.analysis import AnalysisUseCases
from nextpoint_service.application.events import Events
from nextpoint_service.application.experiments import ExperimentUseCases
from nextpoint_service.application.observations import ObservationUseCases
from nextpoint_service.application.runs import RunUseCases
from nextpoint_service.application.suggestions import SuggestionUseCases
from nextpoint_service.settings import Settings
from nextpoint_service.transport.analysis_servicer import AnalysisServicer
from nextpoint_service.transport.experiment_servicer import ExperimentServicer
from nextpoint_service.transport.interceptors import CallInterceptor
from nextpoint_service.transport.observation_servicer import ObservationServicer
from nextpoint_service.transport.run_servicer import RunServicer
from nextpoint_service.transport.suggestion_servicer import SuggestionServicer
from nextpoint_service.transport.suggestion_stream import StreamSettings, SuggestionStreams

_SERVICES = tuple(
    next(iter(module.DESCRIPTOR.services_by_name.values())).full_name
    for module in (
        analysis_service_pb2,
        experiment_service_pb2,
        observation_service_pb2,
        run_service_pb2,
        suggestion_service_pb2,
    )
)


_SHORTEST_PING_SECONDS = 1.0
_MOST_OFTEN_PINGED_MILLISECONDS = 10_000
"""As docs/contract.md promises; gRPC allows one in five minutes, and breaks off who pings more."""


class AddressRefused(Exception):
    """The service cannot or must not listen on this address."""


@dataclass(frozen=True, slots=True)
class UseCases:
    """What the server opens to callers."""

    experiments: ExperimentUseCases
    suggestions: SuggestionUseCases
    observations: ObservationUseCases
    runs: RunUseCases
    analysis: AnalysisUseCases


class Server:
    """Serves the use cases until it is stopped."""

    def __init__(
        self,
        settings: Settings,
        use_cases: UseCases,
        events: Events,
    ) -> None:
        limits = settings.limits
        self._settings = settings
        self._events = events
        self._health = health.aio.HealthServicer()
        self._server = grpc.aio.server(interceptors=[CallInterceptor()], options=_options(settings))
        streams = SuggestionStreams(
            use_cases.suggestions,
            events,
            StreamSettings(settings.heartbeat_seconds, settings.lease_seconds),
        )
        experiment_service_pb2_grpc.add_ExperimentServiceServicer_to_server(
            ExperimentServicer(use_cases.experiments, limits), self._server
        )
        suggestion_service_pb2_grpc.add_SuggestionServiceServicer_to_server(
            SuggestionServicer(use_cases.suggestions, streams, limits), self._server
        )
        observation_service_pb2_grpc.add_ObservationServiceServicer_to_server(
            ObservationServicer(use_cases.observations, limits), self._server
        )
        run_service_pb2_grpc.add_RunServiceServicer_to_server(
            RunServicer(use_cases.runs, limits), self._server
        )
        analysis_service_pb2_grpc.add_AnalysisServiceServicer_to_server(
            AnalysisServicer(use_cases.analysis, limits), self._server
        )
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self._server)
        reflection.enable_server_reflection(
            [*_SERVICES, health.SERVICE_NAME, reflection.SERVICE_NAME], self._server
        )

    async def start(self) -> str:
        """Listen, and return the address with the port that it got.

        Raises AddressRefused when the address is taken, malformed, or not loopback without
        `insecure`.
        """
        host, _ = check_address(self._settings.address, insecure=self._settings.insecure)
        try:
            port = self._server.add_insecure_port(self._settings.address)
        except RuntimeError as error:
            message = f"cannot listen on {self._settings.address}; is the port taken?"
            raise AddressRefused(message) from error
        await self._server.start()
        for service in ("", *_SERVICES):
            await self._health.set(service, health_pb2.HealthCheckResponse.SERVING)
        return f"{host}:{port}"

    async def stop(self) -> None:
        """Turn streams away, let unary calls end, and stop listening."""
        await self._health.enter_graceful_shutdown()
        self._events.close()
        await self._server.stop(self._settings.drain_seconds)


def check_address(address: str, *, insecure: bool) -> tuple[str, int]:
    """Return the host and port of an address, or raise AddressRefused."""
    host, colon, port = address.rpartition(":")
    if not (colon and host and port.isascii() and port.isdecimal() and int(port) <= 65535):
        raise AddressRefused(f"'{address}' is not HOST:PORT")
    if not (insecure or _is_loopback(host)):
        raise AddressRefused(
            f"'{host}' is not a loopback address, and this service asks nobody for credentials;"
            " say --insecure if everyone who can reach it may use it"
        )
    return host, int(port)


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.removeprefix("[").removesuffix("]")).is_loopback
    except ValueError:
        return False


def _options(settings: Settings) -> list[tuple[str, int]]:
    milliseconds = round(max(settings.heartbeat_seconds, _SHORTEST_PING_SECONDS) * 1000)
    return [
        ("grpc.max_receive_message_length", settings.message_bytes),
        ("grpc.max_send_message_length", settings.message_bytes),
        # A second server on the same port is an error, not a share of the calls.
        ("grpc.so_reuseport", 0),
        # A worker whose machine vanished is noticed, and its leases run out.
        ("grpc.keepalive_time_ms", milliseconds),
        ("grpc.keepalive_timeout_ms", milliseconds),
        ("grpc.http2.max_pings_without_data", 0),
        # And so may a worker ping, whose calls wait for long without a word.
        ("grpc.http2.min_ping_interval_without_data_ms", _MOST_OFTEN_PINGED_MILLISECONDS),
    ]
