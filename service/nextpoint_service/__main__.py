"""The command line: flags become settings, errors become exit codes."""

import argparse
import asyncio
import signal
import sys
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

from nextpoint_service.settings import Settings

_REFUSED = 2
_TOO_LARGE = 1_000_000_000


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return the exit code: 0 done, 1 a bug, 2 refused."""
    settings, log_format, log_level = parse(arguments)
    # Imported here, so that --help need not wait for gRPC.
    try:
        from nextpoint_service.bootstrap import running  # noqa: PLC0415
    except ModuleNotFoundError as error:
        if error.name and error.name.startswith("nextpoint"):
            raise
        print(  # noqa: T201
            f"nextpoint: '{error.name}' is not installed, only the client is; install"
            " 'nextpoint[service]' for the service",
            file=sys.stderr,
        )
        return _REFUSED

    return serve(running(settings), log_format=log_format, log_level=log_level)


def parse(arguments: Sequence[str] | None) -> tuple[Settings, str, str]:
    """Return the settings, the format of the log and its level; exit where the flags are wrong."""
    parsed = _parser().parse_args(arguments)
    return _settings(parsed), parsed.log_format, parsed.log_level


def serve(service: AbstractAsyncContextManager[str], *, log_format: str, log_level: str) -> int:
    """Run the service until SIGTERM or SIGINT."""
    from nextpoint_service.logs import configure  # noqa: PLC0415
    from nextpoint_service.store.errors import CannotOpen  # noqa: PLC0415
    from nextpoint_service.transport.server import AddressRefused  # noqa: PLC0415

    configure(log_format, log_level)

    async def run() -> None:
        stop = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        async with service as address:
            # For programs that start the service; everything else goes to standard error.
            print(f"listening on {address}", flush=True)  # noqa: T201
            await stop.wait()

    try:
        asyncio.run(run())
    except (AddressRefused, CannotOpen) as error:
        print(f"nextpoint: {error}", file=sys.stderr)  # noqa: T201
        return _REFUSED
    return 0


class _Version(argparse.Action):
    """Looks the version up only when it is asked for: the service runs where it is not known."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        print(parser.prog, version("nextpoint"))  # noqa: T201
        parser.exit()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="nextpoint", description="A service that tells workers which point to try next."
    )
    parser.add_argument(
        "--version",
        action=_Version,
        nargs=0,
        default=argparse.SUPPRESS,
        help="show the version and exit",
    )
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    command = commands.add_parser(
        "serve",
        help="run the service",
        description="Run the service until SIGTERM or Ctrl-C. Prints one line, 'listening on"
        " HOST:PORT', to standard output when it is ready; logs go to standard error.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    default = Settings()
    command.add_argument(
        "--address", default=default.address, help="HOST:PORT; port 0 lets the system choose"
    )
    command.add_argument(
        "--database", type=Path, default=default.database, help="the SQLite file; made if missing"
    )
    command.add_argument(
        "--insecure",
        action="store_true",
        help="listen on an address that is not loopback, without credentials",
    )
    for flag, value, text in (
        ("--lease-seconds", default.lease_seconds, "how long a silent worker keeps a suggestion"),
        ("--heartbeat-seconds", default.heartbeat_seconds, "the longest silence on a stream"),
        ("--drain-seconds", default.drain_seconds, "how long calls may take after SIGTERM"),
        ("--model-seconds", default.model_seconds, "how long one model may think"),
    ):
        command.add_argument(flag, type=_positive_float, default=value, help=text)
    for flag, number, text in (
        ("--model-processes", default.model_processes, "models that run at the same time"),
        ("--model-memory-mb", default.model_memory_mb, "memory of one model process, in MiB"),
        ("--max-streams", default.max_streams, "streams open at the same time"),
    ):
        command.add_argument(flag, type=_positive_int, default=number, help=text)
    command.add_argument(
        "--log-format", choices=("console", "json"), default="console", help="of the log"
    )
    command.add_argument(
        "--log-level",
        choices=("debug", "info", "warning", "error"),
        default="info",
        help="the least to log",
    )
    return parser


def _settings(parsed: argparse.Namespace) -> Settings:
    logs = {"log_format", "log_level"}
    return replace(
        Settings(), **{name: value for name, value in vars(parsed).items() if name not in logs}
    )


def _positive_float(text: str) -> float:
    return float(_positive(text, float))


def _positive_int(text: str) -> int:
    return int(_positive(text, int))


def _positive(text: str, kind: type[float] | type[int]) -> float:
    try:
        value = kind(text)
    except ValueError:
        value = 0
    if not 0 < value < _TOO_LARGE:
        number = "whole number" if kind is int else "number"
        message = f"must be a {number} above 0 and below {_TOO_LARGE:,}, got '{text}'"
        raise argparse.ArgumentTypeError(message)
    return value


if __name__ == "__main__":
    sys.exit(main())
