"""Bringing a database's schema up to date: forward only, recorded, one file per step."""

import functools
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import resources

from hitherto.errors import SchemaError

_FILE = re.compile(r"(\d{4})_(\w+)\.sql")

CREATE_RECORD = """
create table if not exists schema_migrations (
    version integer not null primary key,
    name text not null
)
"""


@dataclass(frozen=True, slots=True)
class Migration:
    """A schema step: `version` counts from 1 without gaps; `sql` has type placeholders."""

    version: int
    name: str
    sql: str


@functools.cache
def migrations() -> tuple[Migration, ...]:
    """Return the steps of this release, in order."""
    steps = []
    for entry in resources.files("hitherto.store").joinpath("migrations").iterdir():
        match = _FILE.fullmatch(entry.name)
        if match:
            steps.append(Migration(int(match[1]), match[2], entry.read_text(encoding="utf-8")))
    return tuple(sorted(steps, key=lambda step: step.version))


def pending(applied: int, steps: Sequence[Migration]) -> Sequence[Migration]:
    """Return the steps that a database at version `applied` needs.

    Raises SchemaError when the database is newer than this release.
    """
    newest = steps[-1].version
    if applied > newest:
        raise SchemaError(
            f"the database has schema version {applied}, this release of Hitherto knows up to "
            f"{newest}; use the release that wrote it or a newer one"
        )
    return steps[applied:]


def run_step(step: Migration, types: dict[str, str], execute: Callable[[str], object]) -> None:
    """Run one step's statements with the database's own types filled in."""
    text = step.sql
    for placeholder, replacement in types.items():
        text = text.replace("${" + placeholder + "}", replacement)
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("--")]
    for statement in "\n".join(lines).split(";"):
        if statement.strip():
            execute(statement)
