"""The command `nextpoint serve` in a process of its own."""

import asyncio
import os
import resource
import signal
import subprocess
import sys
from importlib.metadata import version

import grpc
import pytest
from grpc import StatusCode
from tests.support.deployments import ServiceProcess
from tests.support.grpc_service import Api

SECONDS = 30


def run(*arguments, module="nextpoint_service"):
    return subprocess.run(
        [sys.executable, "-m", module, *arguments],
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )


@pytest.mark.parametrize("command", [["--help"], ["serve", "--help"]])
def test_help_takes_less_than_a_second(command):
    before = resource.getrusage(resource.RUSAGE_CHILDREN)

    done = run(*command)

    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert done.returncode == 0
    assert "usage: nextpoint" in done.stdout
    # Of the processor: what the clock says depends on who else is at work.
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    assert used < 1


def test_it_says_its_version():
    done = run("--version")

    assert done.returncode == 0
    assert done.stdout == f"nextpoint {version('nextpoint')}\n"


def test_every_setting_of_the_command_says_its_default():
    text = " ".join(run("serve", "--help").stdout.split())

    for default in ("127.0.0.1:50051", "nextpoint.sqlite3", "60.0", "15.0", "10.0", "1000"):
        assert f"(default: {default})" in text


def test_where_the_client_alone_is_installed_it_names_what_is_missing():
    without = "import sys; sys.modules['structlog'] = None\n"
    main = "from nextpoint_service.__main__ import main; sys.exit(main(['serve']))"

    done = subprocess.run(
        [sys.executable, "-c", without + main], capture_output=True, text=True, check=False
    )

    assert done.returncode == 2
    assert "'structlog' is not installed" in done.stderr
    assert "nextpoint[service]" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["--address=0.0.0.0:0"], "--insecure"),
        (["--address=here"], "HOST:PORT"),
        (["--database=/nowhere/at/all.sqlite3"], "/nowhere/at/all.sqlite3"),
        (["--lease-seconds=0"], "above 0"),
        (["--lease-seconds=nan"], "above 0"),
        (["--lease-seconds=soon"], "'soon'"),
        (["--max-streams=1.5"], "whole number"),
        (["--colour=red"], "--colour"),
    ],
)
def test_what_is_refused_ends_with_2_and_a_line_on_standard_error(flags, said):
    flags = ["--address=127.0.0.1:0", *flags]
    done = run(*flags, module="tests.support.serve_scripted")

    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


def test_without_a_command_it_says_what_there_is():
    done = run()

    assert done.returncode == 2
    assert "COMMAND" in done.stderr


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_service_with_0_and_one_line_was_on_standard_output(tmp_path, number):
    program = [sys.executable, "-m", "tests.support.serve_scripted", "--address=127.0.0.1:0"]
    process = subprocess.Popen(
        [*program, f"--database={tmp_path / 'n.sqlite3'}", "--log-format=json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        first = process.stdout.readline()
        os.kill(process.pid, number)
        rest, log = process.communicate(timeout=SECONDS)

    assert first.startswith("listening on 127.0.0.1:")
    assert int(first.rsplit(":", 1)[1]) > 0
    assert (rest, process.returncode) == ("", 0)
    assert [line for line in log.splitlines() if '"stopped"' in line]


async def test_a_signal_sends_workers_away_and_keeps_within_the_grace(tmp_path):
    service = ServiceProcess(tmp_path / "n.sqlite3", "--drain-seconds=25")
    with service:
        async with grpc.aio.insecure_channel(service.address) as channel:
            api = Api(channel)
            experiment = (await api.define()).experiment_id
            stream = await api.opened(experiment)
            held = await stream.assigned()

            began = asyncio.get_running_loop().time()
            ended = asyncio.create_task(asyncio.to_thread(service.terminate))
            refused = await stream.refusal()

            assert (refused.code, refused.reason) == (StatusCode.UNAVAILABLE, "SHUTTING_DOWN")
            assert await asyncio.wait_for(ended, SECONDS) == 0
            assert asyncio.get_running_loop().time() - began < 25

        service.start()
        async with grpc.aio.insecure_channel(service.address) as channel:
            again = await (await Api(channel).opened(experiment)).assigned()
            assert (again.suggestion_id, again.attempt) == (held.suggestion_id, held.attempt)
