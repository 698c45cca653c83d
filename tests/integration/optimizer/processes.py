"""What runs on this machine."""

from contextlib import suppress

from psutil import STATUS_ZOMBIE, NoSuchProcess, Process


def descendants(ancestor: int, *, command: str = "", leaves: bool = False) -> set[int]:
    """Return the processes below one, those with no process of their own if `leaves`."""
    commands, parents = {}, set()
    for each in Process(ancestor).children(recursive=True):
        # It has ended meanwhile, or waits to be buried.
        with suppress(NoSuchProcess):
            commands[each.pid] = " ".join(each.cmdline())
            parents.add(each.ppid())
    found = {process for process, line in commands.items() if command in line}
    return found - parents if leaves else found


def processor_seconds(ancestor: int) -> float:
    """Return how long the processes at the ends below one have computed."""
    seconds = 0.0
    for each in descendants(ancestor, leaves=True):
        with suppress(NoSuchProcess):
            times = Process(each).cpu_times()
            seconds += times.user + times.system
    return seconds


def is_running(process: int) -> bool:
    """Whether the process is there and not only waiting to be buried."""
    try:
        return Process(process).status() != STATUS_ZOMBIE
    except NoSuchProcess:
        return False
