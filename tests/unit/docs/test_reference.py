"""The tables of the documentation say what the code says."""

import dataclasses
import re
from pathlib import Path

import grpc

from nextpoint._errors import BY_CODE, BY_REASON
from nextpoint_service.domain import errors
from nextpoint_service.domain.limits import Limits
from nextpoint_service.settings import Settings
from nextpoint_service.transport.errors import CODES

DOCS = Path(__file__).parents[3] / "docs"
ROW = re.compile(r"^\| `([^`]+)` \| ([^|]+) \|", re.MULTILINE)
FULL_ROW = re.compile(r"^\| `(\w+)` \| `(\w+)` \| .* \| `(\w+)`[^|]* \| \w+ \|$", re.MULTILINE)


def table_under(heading: str, page: str) -> dict[str, str]:
    text = (DOCS / page).read_text()
    section = text.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    return {name: value.strip().strip("`") for name, value in ROW.findall(section)}


def leaves(kind: type) -> list[type]:
    below = kind.__subclasses__()
    return [leaf for each in below for leaf in leaves(each)] if below else [kind]


def test_the_contract_lists_every_reason_and_no_other():
    reasons = {leaf.reason for leaf in leaves(errors.NextpointServiceError)}

    documented = table_under("Errors", "contract.md")

    # INTERNAL is what a bug is, and has no domain error.
    assert documented.keys() == reasons | {"INTERNAL"}


def test_the_contract_says_the_code_of_every_reason():
    codes = {
        leaf.reason: next(CODES[kind].name for kind in leaf.__mro__ if kind in CODES)
        for leaf in leaves(errors.NextpointServiceError)
    }

    assert table_under("Errors", "contract.md") == codes | {"INTERNAL": "INTERNAL"}


def test_the_contract_says_the_exception_of_every_reason():
    rows = FULL_ROW.findall((DOCS / "contract.md").read_text())

    raised = {
        reason: (BY_REASON.get(reason) or BY_CODE[grpc.StatusCode[code]]).__name__
        for reason, code, _ in rows
    }

    assert raised == {reason: exception for reason, _, exception in rows}
    assert raised.keys() == table_under("Errors", "contract.md").keys()


def test_the_contract_says_where_a_retry_helps():
    helped = {
        leaf.reason
        for leaf in leaves(errors.NextpointServiceError)
        if getattr(leaf, "retry_after_seconds", None) is not None
    }

    lines = (DOCS / "contract.md").read_text().splitlines()

    assert helped == {line.split("`")[1] for line in lines if "| `RetryInfo` |" in line}


def test_operating_lists_every_limit_with_its_value():
    limits = {name: f"{value:g}" for name, value in dataclasses.asdict(Limits()).items()}
    documented = table_under("Limits", "operating.md")

    shown = {name: f"{float(documented.get(name, 'nan')):g}" for name in limits}

    assert shown == limits


def test_operating_lists_every_setting():
    settings = {field.name for field in dataclasses.fields(Settings)} - {"limits"}
    flags = {flag.split()[0].removeprefix("--") for flag in table_under("Start", "operating.md")}
    plain = {flag.replace("-", "_") for flag in flags}

    assert settings <= plain | table_under("Limits", "operating.md").keys()


def test_operating_says_the_defaults_of_the_settings():
    settings = Settings()
    documented = {
        name.split()[0].removeprefix("--").replace("-", "_"): value
        for name, value in (
            table_under("Start", "operating.md") | table_under("Limits", "operating.md")
        ).items()
    }
    numbers = {
        field.name: float(getattr(settings, field.name))
        for field in dataclasses.fields(Settings)
        if field.type in ("int", "float", int, float) and field.name != "model_processes"
    }

    assert numbers == {name: float(documented[name]) for name in numbers}
    assert documented["address"] == settings.address
    assert Path(documented["database"]) == settings.database
