"""What the packages check by themselves: of what no live service does at a wish, and of style."""

import subprocess

import pytest

pytestmark = [pytest.mark.languages, pytest.mark.timeout(1500)]

# Those of Java ran when it was built.
COMMANDS = {
    "go": ["go", "test", "./..."],
    "typescript": ["npm", "test"],
    "cpp": ["ctest", "--test-dir", "out", "--output-on-failure"],
    "rust": ["cargo", "test", "--quiet"],
}
# That of TypeScript is among its tests; clang-format comes with no compiler.
STYLE = [
    # It says which files are not formatted, and succeeds.
    ("go", ["sh", "-c", 'test -z "$(gofmt -l . | tee /dev/stderr)"']),
    ("go", ["go", "vet", "./..."]),
    ("java", ["mvn", "--batch-mode", "--quiet", "spotless:check"]),
    ("rust", ["cargo", "fmt", "--check"]),
]


def failure(command, folder):
    """Return what a command says that fails; nothing for one that does not."""
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    said = done.stdout[-5000:] + done.stderr[-3000:]
    return f"{done.returncode}: {said}" if done.returncode else ""


@pytest.mark.parametrize("language", COMMANDS)
def test_the_tests_of_a_package_pass(language, packages):
    assert failure(COMMANDS[language], packages / language) == ""


@pytest.mark.parametrize(("language", "command"), STYLE)
def test_a_package_is_formatted_and_has_no_finding(language, command, packages):
    assert failure(command, packages / language) == ""
