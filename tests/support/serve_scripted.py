"""The command `nextpoint serve` with a scripted optimizer: a real process without a model."""

import sys

from tests.support.scripted_optimizer import ScriptedOptimizer

from nextpoint_service.__main__ import parse, serve
from nextpoint_service.bootstrap import running


def main() -> int:
    """Run the service with the flags of `nextpoint`."""
    settings, log_format, log_level = parse(["serve", *sys.argv[1:]])
    service = running(settings, lambda _: ScriptedOptimizer())
    return serve(service, log_format=log_format, log_level=log_level)


if __name__ == "__main__":
    sys.exit(main())
