"""The loops of docs/languages.md run as they stand, each in a program of its own."""

import os
import re
import subprocess
import sys

import pytest

import nextpoint

pytestmark = [pytest.mark.languages, pytest.mark.timeout(1500)]

CMAKE = """\
cmake_minimum_required(VERSION 3.24)
project(loop LANGUAGES CXX)
find_package(nextpoint 0.1 REQUIRED)
add_executable(loop loop.cc)
target_link_libraries(loop PRIVATE nextpoint::nextpoint)
"""
CARGO = """\
[package]
name = "loop"
version = "0.1.0"
edition = "2024"

[dependencies]
nextpoint = {{ path = "{package}" }}
tokio = {{ version = "1.45", features = ["macros", "rt-multi-thread"] }}
"""


def go(package, code, folder):
    (folder / "main.go").write_text(code)
    run("go", "build", "-C", package, "-o", folder / "loop", folder / "main.go")
    return [folder / "loop"]


def python(_package, code, folder):
    (folder / "loop.py").write_text(code)
    return [sys.executable, folder / "loop.py"]


def ts(package, code, _folder):
    # Inside of the package, which finds itself by its name.
    script = package / "dist" / "loop.ts"
    script.write_text(code)
    strict = ("--strict", "--target", "es2022", "--module", "nodenext", "--types", "node")
    run(package / "node_modules/.bin/tsc", *strict, script, cwd=package)
    return ["node", script.with_suffix(".js")]


def java(package, code, folder):
    (folder / "Loop.java").write_text(code)
    classpath = f"{package}/target/classes:{(package / 'target/classpath').read_text().strip()}"
    return ["java", "-cp", classpath, folder / "Loop.java"]


def cpp(package, code, folder):
    (folder / "loop.cc").write_text(code)
    (folder / "CMakeLists.txt").write_text(CMAKE)
    run("cmake", "--install", package / "out", "--prefix", folder / "installed")
    prefix = f"-DCMAKE_PREFIX_PATH={folder}/installed"
    run("cmake", "-S", folder, "-B", folder / "out", prefix)
    run("cmake", "--build", folder / "out")
    return [folder / "out/loop"]


def rust(package, code, folder):
    (folder / "src").mkdir()
    (folder / "src/main.rs").write_text(code)
    (folder / "Cargo.toml").write_text(CARGO.format(package=package))
    # What the package was built of need not be built again.
    run("cargo", "build", "--quiet", cwd=folder, CARGO_TARGET_DIR=str(package / "target"))
    return [package / "target/debug/loop"]


def run(*command, cwd=None, **environment):
    done = subprocess.run(
        command,
        cwd=cwd,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout


LOOPS = {"python": python, "go": go, "typescript": ts, "java": java, "cpp": cpp, "rust": rust}


@pytest.mark.parametrize("language", LOOPS)
def test_the_loop_of_the_page_evaluates_the_budget(language, root, packages, service, tmp_path):
    page = (root / "docs/languages.md").read_text()
    build = LOOPS[language]
    *_, code = re.findall(rf"^```{build.__name__}\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    program = build(packages / language, code, tmp_path)
    with nextpoint.Client(service.address) as client:
        experiment = client.create_experiment(
            name="Parabola",
            parameters=[nextpoint.Double("x", 0, 1)],
            metrics=[nextpoint.Metric("loss", objective="minimize")],
            budget=4,
        )

        said = run(*program, service.address, experiment.id)

        experiment.refresh()
        assert "budget" in said.lower() or said == "finished: True\n"
        assert experiment.progress.observation_count == 4


@pytest.mark.parametrize("name", ["go", "typescript"])
def test_what_is_committed_is_what_the_contract_generates(name, packages):
    run(packages / name / "generate", "--check")
