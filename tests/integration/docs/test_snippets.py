"""Every Python snippet of the documentation runs, each by itself, against a real service."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
SNIPPET = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)
SNIPPETS = [
    pytest.param(snippet, id=f"{page.relative_to(ROOT)}-{number}")
    for page in PAGES
    for number, snippet in enumerate(SNIPPET.findall(page.read_text()), start=1)
]


def test_there_are_snippets():
    assert SNIPPETS


@pytest.mark.timeout(180)
@pytest.mark.parametrize("snippet", SNIPPETS)
def test_the_snippet_runs(snippet, address, tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", snippet],
        cwd=tmp_path,
        env=os.environ | {"NEXTPOINT_ADDRESS": address},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
