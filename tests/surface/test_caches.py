"""What users said is cached only where a deletion clears it."""

import ast
from pathlib import Path

import hitherto

SOURCE = Path(hitherto.__file__).parent
WITHOUT_USERS_TEXTS = {
    "background/stored_fields.py": "vectors of categories, which the operator names",
    "core/dates/formatting.py": "instants and names of time zones",
    "core/text/caches.py": "the caches that a deletion clears",
    "prompts/__init__.py": "names of prompts",
    "server/app.py": "nothing",
    "trained/__init__.py": "nothing",
    "wire/conversion.py": "classes",
}
"""Modules that may use the caches of functools, and what the keys are."""


def imports_a_cache(path: Path) -> bool:
    return any(
        isinstance(node, ast.ImportFrom)
        and node.module == "functools"
        and {"cache", "lru_cache"} & {alias.name for alias in node.names}
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
    )


def test_texts_of_users_are_in_no_cache_that_outlives_a_deletion() -> None:
    found = {
        path.relative_to(SOURCE).as_posix()
        for path in SOURCE.rglob("*.py")
        if imports_a_cache(path)
    }
    assert found == set(WITHOUT_USERS_TEXTS)
