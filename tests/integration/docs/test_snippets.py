"""Every Python snippet of the documentation runs, each by itself, against a real service."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import nextpoint

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


@pytest.fixture(scope="module")
def experiment_id(address):
    """An experiment for the snippets that are given one, after the address, as arguments."""
    with nextpoint.Client(address) as client:
        experiment = client.create_experiment(
            name="Parabola",
            parameters=[nextpoint.Double("x", 0, 1)],
            metrics=[nextpoint.Metric("loss", objective="minimize")],
            budget=4,
        )
    return experiment.id


@pytest.mark.timeout(180)
@pytest.mark.parametrize("snippet", SNIPPETS)
def test_the_snippet_runs(snippet, address, experiment_id, tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", snippet, address, experiment_id],
        cwd=tmp_path,
        env=os.environ | {"NEXTPOINT_ADDRESS": address},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
