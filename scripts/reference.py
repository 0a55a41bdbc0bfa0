"""Makes docs/reference.md from signatures and docstrings: `python scripts/reference.py [--check]`.

What stands there is what the code says, so a description is changed in the code. With --check it
fails if the page is not fresh.
"""

import ast
import inspect
import re
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import get_type_hints

from hitherto import errors
from hitherto.api import ContextRequest
from hitherto.settings import Settings

ROOT = Path(__file__).parent.parent
SOURCE = ROOT / "src" / "hitherto"
PAGE = ROOT / "docs" / "reference.md"

CLIENT = ("Hitherto", "RecallrAI", "User", "Session", "MergeConflict")
ENUMS = (
    "MessageRole",
    "SessionStatus",
    "RecallStrategy",
    "ExpirationReason",
    "MergeConflictStatus",
    "DateRangeFilterType",
    "UnderstoodBy",
)
MODELS = (
    "UserList",
    "SessionList",
    "MergeConflictList",
    "Message",
    "SessionMessagesList",
    "UserMessage",
    "UserMessagesList",
    "ContextResponse",
    "ContextMetadata",
    "QueryDateRangeFilter",
    "UserMemoryItem",
    "UserMemoriesList",
    "MemoryVersionInfo",
    "MemoryRelationship",
    "Evidence",
    "MergeConflictConflictingMemory",
    "MergeConflictQuestion",
    "MergeConflictAnswer",
    "MergeConflictNewMemory",
)

INTRODUCTION = """\
# Reference

<!-- Made by scripts/reference.py from the code; never edited. -->

What every class, method, setting and error does. To learn, begin with the [tutorial](tutorial.md);
for a certain task, see [how-to](how-to.md); for the words, the [glossary](glossary.md).

## Client

`from hitherto import Hitherto, AsyncHitherto`. The classes below are the sync ones. Each of
`Hitherto`, `RecallrAI`, `User`, `Session` and `MergeConflict` has an async twin with `Async` in
front of its name, with the same properties, and the same methods to be awaited;
`async with AsyncHitherto(...)` opens and closes it.

Every method can also raise `ValidationError` for an argument out of its range or form, before
anything is written, `StoreError` when the database refuses, and `ClosedError` after `close()`. The
client of a server can also raise `AuthenticationError`, `ConnectionError`, `TimeoutError`,
`RateLimitError`, `UnavailableError` and `InternalServerError`; a request that can be made again
without harm has then been made up to three times.

A page is taken with `offset` (from 0) and `limit`; `total` counts everything that could be paged
through, and `has_more` says whether anything is left.
"""

RECURRING = {
    "metadata": "a JSON object of your own; {} where left out.",
    "offset": "how many to pass over.",
    "metadata_filter": "what the metadata must contain.",
    "status_filter": "the statuses to keep; all where left out.",
    "session_id_filter": "ids of the sessions that created the memory.",
    "session_metadata_filter": "what the metadata of that session must contain.",
    "include_previous_versions": "whether `previous_versions` is filled in or None.",
    "include_connected_memories": "whether `connected_memories` is filled in or None.",
    "status": "the status to keep; all where left out.",
    "memory_id": "the id of any version.",
}
"""What a parameter means wherever it occurs, unless the docstring says more."""

RECURRING |= {
    name: hint.__metadata__[0].description
    for name, hint in get_type_hints(ContextRequest, include_extras=True).items()
}

PARAMETER = re.compile(r"(\w+(?: \([^)]*\))?(?:, \w+(?: \([^)]*\))?)*): ")
BOUNDS = {"Ge": "at least", "Gt": "above", "Le": "at most", "Lt": "below"}
ERROR_NAME = re.compile(r"(?<![`\w])(\w+Error)\b")


class Described:
    """A docstring taken apart: prose, parameters, what it raises, an example."""

    def __init__(self, text: str, names: list[str]) -> None:
        text, _, example = inspect.cleandoc(text).partition("Example:\n")
        self.example = textwrap.dedent(example).strip()
        self.raises = ""
        self.parameters: dict[str, str] = {}
        prose = []
        for paragraph in text.strip().split("\n\n"):
            flowing, _, raised = re.sub(r"\n\s*", " ", f" {paragraph}").partition(" Raises ")
            if raised:
                self.raises = f"Raises {raised}"
            prose.append(self._take_parameters(flowing.strip(), names))
        self.prose = "\n\n".join(filter(None, prose))

    def _take_parameters(self, text: str, names: list[str]) -> str:
        """Keep what the text says of parameters; returns the rest."""
        marks = [
            match
            for match in PARAMETER.finditer(text)
            if set(parameter_names(match[1])) <= set(names)
            and (match.start() == 0 or text[match.start() - 2] in ".;:")
        ]
        if not marks:
            return text
        ends = [match.start() for match in marks[1:]] + [len(text)]
        for match, end in zip(marks, ends, strict=True):
            for name, its_range in parameter_names(match[1]).items():
                self.parameters[name] = f"{its_range}{text[match.end() : end].strip()}"
        return text[: marks[0].start()].strip()


def parameter_names(text: str) -> dict[str, str]:
    """The names in "a (1-5), b", each with its own range in front of what is said of it."""
    found = re.findall(r"(\w+)(?: \(([^)]*)\))?(?:, |$)", text)
    return {name: f"{its_range}; " if its_range else "" for name, its_range in found}


def module(name: str) -> dict[str, ast.ClassDef]:
    """The classes of a source file by name."""
    tree = ast.parse((SOURCE / name).read_text(encoding="utf-8"))
    return {node.name: node for node in tree.body if isinstance(node, ast.ClassDef)}


def parameters(function: ast.FunctionDef) -> list[tuple[str, str, str]]:
    """Name, type and default of each parameter; the default is empty where there is none."""
    given = function.args.posonlyargs + function.args.args
    defaults = ["", *[""] * len(given), *map(ast.unparse, function.args.defaults)][-len(given) :]
    rows = list(zip(given, defaults, strict=True))[1:]
    keyword_only = zip(function.args.kwonlyargs, function.args.kw_defaults, strict=True)
    rows += [
        (argument, ast.unparse(default) if default else "") for argument, default in keyword_only
    ]
    return [(argument.arg, annotation(argument.annotation), default) for argument, default in rows]


def annotation(node: ast.expr | None) -> str:
    """A type as it is written, without quotes around a forward name."""
    return "" if node is None else re.sub(r"'([\w\[\]]+)'", r"\1", ast.unparse(node))


def signature(name: str, function: ast.FunctionDef) -> str:
    """A call with types and defaults, one parameter per line where it would be long."""
    parts = [
        f"{argument}: {kind}" + (f" = {default}" if default else "")
        for argument, kind, default in parameters(function)
    ]
    if function.args.kwonlyargs:
        parts.insert(len(parts) - len(function.args.kwonlyargs), "*")
    returned = "" if name[0].isupper() else f" -> {annotation(function.returns)}"
    line = f"{name}({', '.join(parts)}){returned}"
    if len(line) <= 88:
        return line
    return f"{name}(\n" + "".join(f"    {part},\n" for part in parts) + f"){returned}"


def cell(text: str) -> str:
    """A text for a cell of a table."""
    return text.replace("|", "\\|")


def errors_marked(text: str) -> str:
    """Names of errors in code letters."""
    return ERROR_NAME.sub(r"`\1`", text)


def call(name: str, function: ast.FunctionDef, docstring: str) -> Iterator[str]:
    """A call: its signature, what it does, its parameters, what it raises, an example."""
    rows = parameters(function)
    described = Described(docstring, [name for name, _, _ in rows])
    yield f"```python\n{signature(name, function)}\n```"
    yield errors_marked(described.prose)
    if described.parameters:
        yield "| parameter | type | default | meaning |\n|---|---|---|---|\n" + "\n".join(
            f"| `{name}` | `{cell(kind)}` | {f'`{default}`' if default else 'required'} | "
            f"{cell(described.parameters.get(name) or RECURRING.get(name, ''))} |"
            for name, kind, default in rows
        )
    if described.raises:
        yield errors_marked(described.raises)
    if described.example:
        yield f"```python\n{described.example}\n```"


def client_class(node: ast.ClassDef) -> Iterator[str]:
    """A class of the client with its properties and methods."""
    methods = [item for item in node.body if isinstance(item, ast.FunctionDef)]
    properties = [item for item in methods if item.decorator_list]
    yield f"### {node.name}"
    made = next((item for item in methods if item.name == "__init__"), None)
    if made and node.name in ("Hitherto", "RecallrAI"):
        yield from call(node.name, made, ast.get_docstring(node) or "")
    else:
        yield ast.get_docstring(node) or ""
        yield fields(node)
    if properties:
        yield "| property | type | meaning |\n|---|---|---|\n" + "\n".join(
            f"| `{item.name}` | `{cell(annotation(item.returns))}` | "
            f"{cell(ast.get_docstring(item) or '')} |"
            for item in properties
        )
    for item in methods:
        if not item.name.startswith("_") and item not in properties:
            yield f"#### {node.name}.{item.name}"
            yield from call(item.name, item, ast.get_docstring(item) or "")


def fields(node: ast.ClassDef) -> str:
    """The fields of a dataclass as a table; empty for other classes."""
    rows = [
        f"| `{item.target.id}` | `{cell(annotation(item.annotation))}` |"
        for item in node.body
        if isinstance(item, ast.AnnAssign) and isinstance(item.target, ast.Name)
    ]
    return "| field | type |\n|---|---|\n" + "\n".join(rows) if rows else ""


def enum(node: ast.ClassDef) -> Iterator[str]:
    """An enumeration with its members."""
    members = [
        f"`{ast.unparse(item.targets[0])}` = `{ast.literal_eval(item.value)!r}`"
        for item in node.body
        if isinstance(item, ast.Assign)
    ]
    yield f"### {node.name}"
    yield f"{ast.get_docstring(node)} {', '.join(members)}."


def bound(rule: object) -> float:
    """The number of a rule such as "at least 1"."""
    (number,) = (getattr(rule, name) for name in ("ge", "gt", "le", "lt") if hasattr(rule, name))
    return float(number) if number != int(number) else int(number)


def settings() -> Iterator[str]:
    """The table of settings."""
    yield "## Settings"
    yield inspect.cleandoc(
        """
        `Settings(...)` is handed to the client as `settings=`; what it is not given is taken from
        the environment variable, then from the default. An unknown argument is an error.
        """
    )
    rows = []
    for name, field in Settings.model_fields.items():
        default = "a folder of the user's own" if field.default_factory else f"`{field.default}`"
        kind = field.annotation
        type_name = kind.__name__ if isinstance(kind, type) else str(kind).replace("pathlib.", "")
        ranges = "".join(
            f", {BOUNDS[type(rule).__name__]} {bound(rule)}" for rule in field.metadata
        )
        rows.append(
            f"| `{name}` | `HITHERTO_{name.upper()}` | `{cell(type_name)}`{ranges} | {default} "
            f"| {cell(field.description or '')} |"
        )
    yield (
        "| setting | environment variable | type | default | meaning |\n|---|---|---|---|---|\n"
        + "\n".join(rows)
    )


def error_section() -> Iterator[str]:
    """The tree of errors, and what each means."""
    tree, _, after = inspect.cleandoc(errors.__doc__ or "").partition("\n\n")[2].partition("\n\n")
    yield "## Errors"
    yield "All are in `hitherto.errors`; `RecallrAIError` can also be imported from `hitherto`."
    yield f"```text\n{inspect.cleandoc(tree)}\n```"
    yield re.sub(r"\n", " ", after)
    kinds = [
        kind
        for kind in vars(errors).values()
        if isinstance(kind, type) and issubclass(kind, errors.RecallrAIError)
    ]
    yield "| error | `http_status` | meaning |\n|---|---|---|\n" + "\n".join(
        f"| `{kind.__name__}` | {kind.default_http_status} | {cell(inspect.getdoc(kind) or '')} |"
        for kind in kinds
    )


def page() -> str:
    """The whole page."""
    client = module("client/_sync.py") | module("client/_sync_session.py")
    parts_of = module("system.py") | module("client/http_transport.py")
    models: dict[str, ast.ClassDef] = {}
    for path in sorted((SOURCE / "models").glob("*.py")):
        models |= module(f"models/{path.name}")
    parts = [INTRODUCTION.strip()]
    for name in CLIENT:
        parts += client_class(client[name])
    for name in ("Parts", "HttpParts"):
        parts += [f"### {name}", ast.get_docstring(parts_of[name]) or "", fields(parts_of[name])]
    parts += ["## What the methods return", "All instants are timezone-aware and in UTC."]
    for name in MODELS:
        parts += [f"### {name}", ast.get_docstring(models[name]) or "", fields(models[name])]
    parts.append("## Enumerations")
    parts.append(
        'Where a method takes a member, its value does as well: `"user"` for `MessageRole.USER`.'
    )
    for name in ENUMS:
        parts += enum(models[name])
    parts += [*settings(), *error_section()]
    return "\n\n".join(part for part in parts if part) + "\n"


def main() -> None:
    """Write the page, or with --check compare it."""
    made = page()
    if "--check" in sys.argv:
        if not PAGE.is_file() or made != PAGE.read_text(encoding="utf-8"):
            raise SystemExit("docs/reference.md is not fresh: run python scripts/reference.py")
    else:
        PAGE.write_text(made, encoding="utf-8")


if __name__ == "__main__":
    main()
