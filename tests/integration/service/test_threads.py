"""One thread for mathematics in the server: several wait for each other, and burn a core."""

import json
import os
import subprocess
import sys

PROGRAM = """
import asyncio, json, sys
from pathlib import Path

from nextpoint_service.bootstrap import running
from nextpoint_service.settings import Settings

async def main():
    folder = Path(sys.argv[1])
    async with running(Settings(address="127.0.0.1:0", database=folder / "experiments.db")):
        from threadpoolctl import threadpool_info
        threads = [each["num_threads"] for each in threadpool_info()]
        (folder / "threads.json").write_text(json.dumps(threads))

if __name__ == "__main__":
    asyncio.run(main())
"""


def test_mathematics_in_the_server_has_one_thread(tmp_path):
    free = {name: value for name, value in os.environ.items() if not name.endswith("_NUM_THREADS")}
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)

    subprocess.run([sys.executable, program, tmp_path], env=free, timeout=60, check=True)

    threads = json.loads((tmp_path / "threads.json").read_text())
    assert set(threads) == {1}
