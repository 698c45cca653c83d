"""The server as a whole: its address, its beginning and its end."""

import asyncio

import grpc
import pytest
from grpc import StatusCode
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc
from tests.support.controlled_optimizer import ControlledOptimizer
from tests.support.grpc_service import a_definition
from tests.support.scripted_optimizer import ScriptedOptimizer

from nextpoint.v1 import experiment_pb2, experiment_service_pb2, suggestion_service_pb2
from nextpoint_service.bootstrap import running
from nextpoint_service.settings import Settings
from nextpoint_service.store.errors import CannotOpen
from nextpoint_service.transport.server import AddressRefused, check_address

SECONDS = 10
SERVICES = {
    f"nextpoint.v1.{noun}Service"
    for noun in ("Analysis", "Experiment", "Observation", "Run", "Suggestion")
}


async def code_of(call):
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await asyncio.wait_for(call, SECONDS)
    return raised.value.code()


async def test_reflection_lists_the_services(api):
    stub = reflection_pb2_grpc.ServerReflectionStub(api.channel)
    request = reflection_pb2.ServerReflectionRequest(list_services="")
    call = stub.ServerReflectionInfo(iter([request]))

    answer = await asyncio.wait_for(call.read(), SECONDS)

    names = {each.name for each in answer.list_services_response.service}
    assert names == SERVICES | {
        "grpc.health.v1.Health",
        "grpc.reflection.v1alpha.ServerReflection",
    }


async def test_every_service_is_healthy_until_the_server_stops(api):
    stub = health_pb2_grpc.HealthStub(api.channel)
    for name in ("", *SERVICES):
        answer = await stub.Check(health_pb2.HealthCheckRequest(service=name))
        assert answer.status == health_pb2.HealthCheckResponse.SERVING
    watch = stub.Watch(health_pb2.HealthCheckRequest())
    assert (await watch.read()).status == health_pb2.HealthCheckResponse.SERVING

    stopping = asyncio.create_task(api.service.aclose())

    answer = await asyncio.wait_for(watch.read(), SECONDS)
    assert answer.status == health_pb2.HealthCheckResponse.NOT_SERVING
    watch.cancel()
    await asyncio.wait_for(stopping, SECONDS)


async def test_an_unknown_method_is_unimplemented(api):
    call = api.channel.unary_unary("/nextpoint.v1.ExperimentService/Nothing")

    assert await code_of(call(b"")) is StatusCode.UNIMPLEMENTED


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1:0", "127.9.9.9:65535", "localhost:50051", "[::1]:50051"],
)
def test_a_loopback_address_needs_no_leave(address):
    check_address(address, insecure=False)


@pytest.mark.parametrize(
    "address", ["0.0.0.0:0", "[::]:0", "192.168.1.2:50051", "example.com:50051"]
)
def test_any_other_address_has_to_be_allowed(address):
    with pytest.raises(AddressRefused, match="--insecure"):
        check_address(address, insecure=False)

    check_address(address, insecure=True)


@pytest.mark.parametrize(
    "address", ["", "host", ":1", "127.0.0.1:", "127.0.0.1:65536", "a:b", "a:²"]
)
def test_an_address_is_host_and_port(address):
    with pytest.raises(AddressRefused, match="HOST:PORT"):
        check_address(address, insecure=True)


async def test_every_address_is_listened_on_where_it_is_allowed(serve):
    api = await serve(address="0.0.0.0:0", insecure=True)

    await api.define()


async def test_a_second_server_on_a_port_is_refused_and_leaves_nothing_behind(api, tmp_path):
    database = tmp_path / "second.sqlite3"
    taken = Settings(address=api.address, database=database)

    for _ in range(2):
        with pytest.raises(AddressRefused, match="port"):
            await running(taken, lambda _: ScriptedOptimizer()).__aenter__()
    free = Settings(address="127.0.0.1:0", database=database)
    async with running(free, lambda _: ScriptedOptimizer()):
        pass


async def test_a_second_server_on_a_database_is_refused(api, tmp_path):
    taken = Settings(address="127.0.0.1:0", database=tmp_path / "nextpoint.sqlite3")

    with pytest.raises(CannotOpen):
        await running(taken, lambda _: ScriptedOptimizer()).__aenter__()


async def test_a_call_that_waits_for_a_point_is_told_to_come_back(serve):
    optimizer = ControlledOptimizer()
    api = await serve(optimizer)
    experiment = await api.define()
    call = asyncio.create_task(code_of(api.ask(experiment.experiment_id)))
    await optimizer.next_thought()

    await asyncio.wait_for(api.service.aclose(), SECONDS)

    assert await call is StatusCode.UNAVAILABLE
    again = await serve()
    assert (await again.get(experiment.experiment_id)).progress.open_suggestion_count == 0


async def test_a_deadline_ends_a_call_and_the_next_one_gets_its_point(serve):
    optimizer = ControlledOptimizer()
    api = await serve(optimizer)
    experiment = (await api.define()).experiment_id
    request = suggestion_service_pb2.CreateSuggestionRequest(experiment_id=experiment)

    late = asyncio.create_task(code_of(api.suggestions.CreateSuggestion(request, timeout=3)))
    thought = await optimizer.next_thought()
    assert await late is StatusCode.DEADLINE_EXCEEDED
    # The client knows first. What it sends next comes to the service after the end of the call.
    await api.get(experiment)
    thought.answer()

    suggestion = await asyncio.wait_for(api.ask(experiment), SECONDS)
    assert suggestion.attempt == 1
    assert (await api.get(experiment)).progress.open_suggestion_count == 1


async def test_a_message_that_is_too_large_is_refused_and_the_next_is_not(serve):
    api = await serve(message_bytes=4096)
    notes = {
        str(number): experiment_pb2.MetadataValue(string_value="x" * 500) for number in range(10)
    }

    refused = await code_of(api.experiments.CreateExperiment(a_definition(metadata=notes)))

    assert refused is StatusCode.RESOURCE_EXHAUSTED
    await api.define()
    listed = await api.experiments.ListExperiments(experiment_service_pb2.ListExperimentsRequest())
    assert len(listed.experiments) == 1
