"""Rules that a reader cannot be asked to remember: sizes, names, docstrings, public surface."""

import ast
import importlib
import inspect
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

import hitherto
from hitherto import errors
from hitherto.settings import Settings

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "hitherto"
FILES = sorted(SOURCE.rglob("*.py"))
TREES = {path: ast.parse(path.read_text(encoding="utf-8")) for path in FILES}

MAX_COMPLEXITY = 20
"""Paths through a function, boolean operators counted: `a and b or c` adds two."""

MAX_FILE_LINES = 600
LONG_FILES: dict[str, str] = {}
"""Files that may be longer, each with the reason why splitting it would hide its design."""

MAX_FUNCTION_LINES = 60
MAX_RUNTIME_PACKAGES = 45
VAGUE = {"util", "helper", "common", "misc", "manager", "handler", "base"}

Function = ast.FunctionDef | ast.AsyncFunctionDef


def name_of(path: Path) -> str:
    return path.relative_to(SOURCE).as_posix()


def functions(tree: ast.Module) -> Iterator[Function]:
    return (node for node in ast.walk(tree) if isinstance(node, Function))


def classes(tree: ast.Module) -> Iterator[ast.ClassDef]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.ClassDef))


def complexity(function: Function) -> int:
    """Cyclomatic complexity (McCabe, 1976) with one path more for each boolean operator."""
    paths = 1
    for node in ast.walk(function):
        if isinstance(node, ast.BoolOp):
            paths += len(node.values) - 1
        elif isinstance(node, ast.comprehension):
            paths += 1 + len(node.ifs)
        else:
            paths += isinstance(node, BRANCHES)
    return paths


BRANCHES = (
    ast.If,
    ast.IfExp,
    ast.For,
    ast.AsyncFor,
    ast.While,
    ast.ExceptHandler,
    ast.match_case,
)


def test_no_function_has_too_many_paths() -> None:
    found = {
        f"{name_of(path)}:{function.name}": complexity(function)
        for path, tree in TREES.items()
        for function in functions(tree)
    }
    assert {name: paths for name, paths in found.items() if paths > MAX_COMPLEXITY} == {}


def test_boolean_operators_count_as_paths() -> None:
    (function,) = functions(ast.parse("def f(a, b):\n    return 1 if a and b or not a else 2"))
    assert complexity(function) == 4


def test_a_long_file_has_a_reason() -> None:
    lengths = {name_of(path): len(path.read_text(encoding="utf-8").splitlines()) for path in FILES}
    assert {name for name, lines in lengths.items() if lines > MAX_FILE_LINES} == set(LONG_FILES)


def test_background_work_and_requests_keep_their_threads_apart() -> None:
    """Whatever asyncio runs in its default threads, requests may have to wait for."""
    users = {
        name_of(path)
        for path, tree in TREES.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and node.attr == "to_thread"
    }
    assert users == {"threads.py"}


def test_no_function_is_too_long() -> None:
    lengths = {
        f"{name_of(path)}:{function.name}": (function.end_lineno or 0) - function.lineno + 1
        for path, tree in TREES.items()
        for function in functions(tree)
    }
    assert {name: lines for name, lines in lengths.items() if lines > MAX_FUNCTION_LINES} == {}


def words(name: str) -> set[str]:
    """The words of a snake_case or CamelCase name, in the singular."""
    parts = re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+", name)
    return {part.lower().removesuffix("s") for part in parts}


def test_no_file_and_no_class_has_a_name_that_says_nothing() -> None:
    names = {name_of(path): path.stem for path in FILES}
    for path in SOURCE.rglob("*"):
        if path.is_dir():
            names[name_of(path)] = path.name
    for path, tree in TREES.items():
        names |= {f"{name_of(path)}:{node.name}": node.name for node in classes(tree)}
    assert {where for where, name in names.items() if words(name) & VAGUE} == set()


def public_methods(node: ast.ClassDef) -> dict[str, Function]:
    return {
        item.name: item
        for item in node.body
        if isinstance(item, Function) and not item.name.startswith("_")
    }


def is_protocol(node: ast.ClassDef) -> bool:
    return any(ast.unparse(base).partition("[")[0] == "Protocol" for base in node.bases)


def described_elsewhere() -> dict[str, set[str]]:
    """Methods, by class, that a Protocol of ours describes: they need no docstring of their own.

    A class that is one part of an implementation is described as the whole is.
    """
    found = {node.name: node for tree in TREES.values() for node in classes(tree)}
    protocols = [set(public_methods(node)) for node in found.values() if is_protocol(node)]
    described: dict[str, set[str]] = {name: set() for name in found}
    for name, node in found.items():
        family = [name, *ancestors(name, found)]
        methods = {method for each in family for method in public_methods(found[each])}
        if not is_protocol(node):
            for own in protocols:
                if own and own <= methods:
                    for each in family:
                        described[each] |= own
    for name in found:
        described[name].update(*(described[each] for each in ancestors(name, found)))
    return described


def ancestors(name: str, found: dict[str, ast.ClassDef]) -> list[str]:
    """The classes of ours that a class inherits from, near or far."""
    near = [base for base in map(ast.unparse, found[name].bases) if base in found]
    return [*near, *(far for base in near for far in ancestors(base, found))]


def test_everything_public_has_a_docstring() -> None:
    described = described_elsewhere()
    missing = set()
    for path, tree in TREES.items():
        where = name_of(path)
        if path.stat().st_size and not ast.get_docstring(tree):
            missing.add(where)
        for node in tree.body:
            if isinstance(node, Function | ast.ClassDef) and not node.name.startswith("_"):
                if not ast.get_docstring(node):
                    missing.add(f"{where}:{node.name}")
                if isinstance(node, ast.ClassDef):
                    missing |= {
                        f"{where}:{node.name}.{name}"
                        for name, method in public_methods(node).items()
                        if not ast.get_docstring(method)
                        and name not in described.get(node.name, set())
                    }
    assert missing == set()


def in_order(name: str) -> tuple[int, str]:
    """Constants, then classes, then the rest: the order that ruff keeps as well."""
    return (0 if name.isupper() else 1 if name[0].isupper() else 2, name)


@pytest.mark.parametrize(
    "path", [path for path in FILES if path.name == "__init__.py"], ids=name_of
)
def test_the_public_names_of_a_package_are_sorted_and_exist(path: Path) -> None:
    package = ".".join(("hitherto", *path.parent.relative_to(SOURCE).parts))
    module = importlib.import_module(package)
    names = getattr(module, "__all__", [])
    assert list(names) == sorted(set(names), key=in_order)
    assert [name for name in names if not hasattr(module, name)] == []


@pytest.mark.parametrize("module", [hitherto, hitherto.client], ids=["hitherto", "client"])
def test_the_public_names_leave_out_nothing_that_is_imported_to_be_public(module: object) -> None:
    there = {
        name
        for name, value in vars(module).items()
        if not inspect.ismodule(value) and not name.startswith("_")
    }
    assert there <= set(module.__all__)  # type: ignore[attr-defined]


WATCH = """
import os, sys

def watch(event, arguments):
    if event == "open":
        path, mode, flags = arguments
        if flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT) or str(path).endswith((".onnx", ".db")):
            print("opens", path)
    elif event.split(".")[0] in {"socket", "sqlite3", "subprocess", "urllib"} or event in {
        "os.mkdir", "os.remove", "os.rename", "os.rmdir", "shutil.rmtree"
    }:
        if event != "socket.__new__":
            print(event, *arguments)

sys.dont_write_bytecode = True
sys.addaudithook(watch)
import hitherto, hitherto.cli
import gc, onnxruntime
session = onnxruntime.InferenceSession
print(*[kept for kept in gc.get_objects() if isinstance(kept, session)], end="")
print(*{"fastapi", "uvicorn", "starlette"} & sys.modules.keys(), end="")
"""


def test_importing_touches_no_file_no_network_no_setting_and_no_server(tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir(mode=0o555)
    done = subprocess.run(
        [sys.executable, "-c", WATCH],
        cwd=empty,
        # A setting that is read on import would fail here.
        env={"HITHERTO_LEASE_S": "not a number"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.stderr == ""
    assert done.stdout == ""
    assert done.returncode == 0
    assert list(empty.iterdir()) == []


def test_the_version_is_the_same_wherever_it_stands() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    newest = re.search(r"^## \[(.+?)\]", changelog, re.MULTILINE)
    assert newest is not None
    assert hitherto.__version__ == project["version"] == newest[1]


@pytest.mark.parametrize("name", sorted(Settings.model_fields))
def test_a_setting_is_in_the_reference_with_its_description(name: str) -> None:
    reference = (ROOT / "docs" / "reference.md").read_text(encoding="utf-8")
    field = Settings.model_fields[name]
    assert f"HITHERTO_{name.upper()}" in reference
    assert field.description
    assert field.description in reference


def test_the_tree_drawn_in_errors_is_the_tree_of_its_classes() -> None:
    drawn: dict[str, str] = {}
    above: list[str] = []
    for line in (errors.__doc__ or "").splitlines():
        found = re.match(r"    ((?:[│ ]   )*)(?:[├└]── )?(\w+)(?:  .*)?$", line)
        if found and found[2].endswith("Error"):
            depth = (found.start(2) - 4) // 4
            above[depth:] = [found[2]]
            drawn[found[2]] = above[depth - 1] if depth else "Exception"
    real = {
        name: kind.__base__.__name__
        for name, kind in vars(errors).items()
        if inspect.isclass(kind) and kind.__module__ == errors.__name__ and kind.__base__
    }
    assert drawn == real


def test_the_runtime_needs_few_packages_and_no_torch() -> None:
    text = (ROOT / "requirements" / "runtime.txt").read_text(encoding="utf-8")
    packages = re.findall(r"^([a-z0-9][\w.-]*)==", text, re.MULTILINE)
    assert 0 < len(packages) <= MAX_RUNTIME_PACKAGES
    assert {"torch", "transformers", "sentence-transformers"} & set(packages) == set()
