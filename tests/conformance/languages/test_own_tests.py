"""The tests that the packages have of their own, of what no live service does at a wish."""

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


@pytest.mark.parametrize("language", COMMANDS)
def test_the_tests_of_a_package_pass(language, packages):
    done = subprocess.run(
        COMMANDS[language], cwd=packages / language, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-3000:]
