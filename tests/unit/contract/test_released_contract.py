"""The contract only grows: `scripts/check` compares it with the released one, without git."""

import runpy
import shutil
import subprocess

import pytest


@pytest.fixture
def compared(root, tmp_path):
    """Change a file of the contract in a copy, and return what the check says of it."""
    shutil.copytree(root / "protos", tmp_path / "protos")
    shutil.copy(root / "buf.yaml", tmp_path)
    command = runpy.run_path(str(root / "scripts/check"))["checks"]()["contract as released"]

    def change(name, old, new):
        path = tmp_path / "protos/nextpoint/v1" / name
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new))
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)

    return change


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("suggestion.proto", "string suggestion_id = 1;", "string suggestion_id = 100;"),
        ("suggestion.proto", "int32 attempt =", "int64 attempt ="),
        ("suggestion_service.proto", "max_outstanding = ", "most_outstanding = "),
        ("suggestion_service.proto", "rpc RenewLeases(", "rpc RenewSomeLeases("),
        ("suggestion_service.proto", "returns (stream ", "returns ("),
    ],
)
def test_a_change_that_breaks_clients_is_refused(compared, name, old, new):
    done = compared(name, old, new)

    assert done.returncode != 0
    assert name in done.stdout


def test_a_new_field_is_not_refused(compared):
    field = "string suggestion_id = 1;"
    done = compared("suggestion.proto", field, f"{field}\n  string color = 100;")

    assert (done.returncode, done.stdout) == (0, "")
