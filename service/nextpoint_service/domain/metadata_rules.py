"""What a caller may keep with an experiment, an observation or a run as notes of their own."""

import math

from nextpoint_service.domain.experiment import Metadata
from nextpoint_service.domain.limits import Limits
from nextpoint_service.domain.violations import Violations


def check_metadata(metadata: Metadata, violations: Violations, limits: Limits) -> None:
    """Note what is wrong with metadata."""
    if len(metadata) > limits.metadata_entries:
        violations.add(
            "metadata", f"must have at most {limits.metadata_entries} entries, got {len(metadata)}"
        )
        return
    for key, value in metadata.items():
        violations.check_name(
            f"metadata[{key!r}]", key, limits.name_characters, empty="the key must not be empty"
        )
        if isinstance(value, str):
            if len(value) > limits.metadata_characters:
                violations.add(
                    f"metadata[{key!r}]",
                    f"must have at most {limits.metadata_characters} characters, got {len(value)}",
                )
        elif not math.isfinite(value):
            violations.add(f"metadata[{key!r}]", f"must be a finite number, got {value}")


def check_tags(tags: tuple[str, ...], violations: Violations, limits: Limits) -> None:
    """Note what is wrong with tags."""
    if len(tags) > limits.metadata_entries:
        violations.add("tags", f"must be at most {limits.metadata_entries}, got {len(tags)}")
        return
    seen: set[str] = set()
    for index, tag in enumerate(tags):
        path = f"tags[{index}]"
        violations.check_name(path, tag, limits.name_characters, empty="must not be empty")
        if tag and tag in seen:
            violations.add(path, f"'{tag}' is there already")
        seen.add(tag)
