"""What runs on this machine, read from /proc."""

from pathlib import Path


def descendants(ancestor: int, *, command: str = "", leaves: bool = False) -> set[int]:
    """Return the processes below one, those with no process of their own if `leaves`."""
    parents = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and (parent := _parent(entry)) is not None:
            parents[int(entry.name)] = parent
    found: set[int] = set()
    while (
        more := {each for each, parent in parents.items() if parent in found | {ancestor}} - found
    ):
        found |= more
    if leaves:
        found -= set(parents.values())
    return {each for each in found if command in _command(each)}


def is_running(process: int) -> bool:
    """Whether the process is there and not only waiting to be buried."""
    return _parent(Path(f"/proc/{process}")) is not None


def _parent(entry: Path) -> int | None:
    try:
        state, parent = (entry / "stat").read_text().rpartition(")")[2].split()[:2]
    except (OSError, ValueError):
        return None
    return None if state == "Z" else int(parent)


def _command(process: int) -> str:
    try:
        return Path(f"/proc/{process}/cmdline").read_text().replace("\0", " ")
    except OSError:
        return ""
