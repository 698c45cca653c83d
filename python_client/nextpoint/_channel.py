"""What every connection has in common: its address, its limits, and when a call is made again."""

from __future__ import annotations

import ipaddress
import json
import math
import os
from importlib.resources import files
from typing import Any

from nextpoint._fields import describe, is_text, number_from
from nextpoint.errors import FieldViolation, InvalidArgumentError

DEFAULT_ADDRESS = "127.0.0.1:50051"
MAX_PORT = 65_535
ADDRESS_VARIABLE = "NEXTPOINT_ADDRESS"

# As much as the service takes. A batch of 2500 observations of 100 parameters fits.
MAX_MESSAGE_BYTES = 16 * 1024 * 1024

# Without these gRPC waits up to two minutes before it looks for a restarted service again.
MIN_RECONNECT_MILLISECONDS = 200
MAX_RECONNECT_MILLISECONDS = 2000

# Without pings a stream that is opened anew goes onto the connection that is dead.
PING_MILLISECONDS = 30_000
PING_TIMEOUT_MILLISECONDS = 15_000


def default_address() -> str:
    """Return the address in the environment, or the one that the service takes by default."""
    return os.environ.get(ADDRESS_VARIABLE) or DEFAULT_ADDRESS


def check_address(address: str) -> None:
    """Raise InvalidArgumentError unless this is ``HOST:PORT``."""
    fault = _fault_of(address)
    if fault is not None:
        violation = FieldViolation("address", f"{fault}, got {describe(address)}")
        raise InvalidArgumentError("the address is not valid:", violations=[violation])


def _fault_of(address: object) -> str | None:
    if not is_text(address):
        return "must be HOST:PORT"
    if address.startswith(("http://", "https://")):
        return "must be HOST:PORT, without http://"
    host, _, port = address.rpartition(":")
    if not host or not port.isdecimal():
        return "must be HOST:PORT"
    return None if int(port) <= MAX_PORT else f"must have a port up to {MAX_PORT}"


def check_timeout(seconds: float) -> float:
    """Return the span to wait for an answer; raise InvalidArgumentError unless it is one."""
    number = number_from(seconds)
    if number is None or not 0 < number < math.inf:
        violation = FieldViolation(
            "timeout", f"must be a number of seconds above 0, got {describe(seconds)}"
        )
        raise InvalidArgumentError("the timeout is not valid:", violations=[violation])
    return number


def default_timeout() -> float:
    """Return how many seconds a call may take, the same for the clients of all languages."""
    every_call = next(each for each in _method_configs() if {} in each["name"])
    return float(every_call["timeout"].removesuffix("s"))


def retry_config() -> str:
    """Return when calls are made again, in JSON, the same for the clients of all languages.

    That is for about 7 seconds, after which a service that never answered is reported as not being
    there. Only UNAVAILABLE is tried again: it is what a restart looks like. gRPC adds the jitter.
    """
    # gRPC would take a timeout for the longest that a user may ask for.
    kept = [{k: v for k, v in each.items() if k != "timeout"} for each in _method_configs()]
    return json.dumps({"methodConfig": kept})


def _method_configs() -> list[dict[str, Any]]:
    config = files("nextpoint.v1").joinpath("service_config.json").read_text()
    configs: list[dict[str, Any]] = json.loads(config)["methodConfig"]
    return configs


def channel_options(address: str) -> list[tuple[str, str | int]]:
    """Return the options of a channel to this address."""
    options: list[tuple[str, str | int]] = [
        ("grpc.service_config", retry_config()),
        ("grpc.initial_reconnect_backoff_ms", MIN_RECONNECT_MILLISECONDS),
        ("grpc.max_reconnect_backoff_ms", MAX_RECONNECT_MILLISECONDS),
        ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
        ("grpc.max_send_message_length", MAX_MESSAGE_BYTES),
        # A connection that died without a word is noticed, and replaced.
        ("grpc.keepalive_time_ms", PING_MILLISECONDS),
        ("grpc.keepalive_timeout_ms", PING_TIMEOUT_MILLISECONDS),
        ("grpc.http2.ping_timeout_ms", PING_TIMEOUT_MILLISECONDS),
        ("grpc.http2.max_pings_without_data", 0),
    ]
    if _is_loopback(address.rpartition(":")[0].strip("[]")):
        # No proxy reaches the machine's own loopback, whatever the environment says.
        options.append(("grpc.enable_http_proxy", 0))
    return options


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
