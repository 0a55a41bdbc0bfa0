"""Dependencies report nothing, whatever else the process that embeds Hitherto has set up."""

import ast
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.privacy.watch import ROOT

LOADER = "src/hitherto/onnx_runtime.py"
FOLDERS = ("src", "tests", "scripts", "evals", "examples", "benchmarks")
BARE = {"tests/privacy/programs.py"}
"""What imports onnxruntime as it comes, to show that this would be noticed."""

IMPORT = """
import os
before = dict(os.environ)
import hitherto
assert dict(os.environ) == before
"""


def imported(path: Path) -> Iterator[str]:
    """The top-level packages that a file imports, anywhere in it, where it names onnxruntime."""
    text = path.read_text(encoding="utf-8")
    for node in ast.walk(ast.parse(text)) if "onnxruntime" in text else ():
        if isinstance(node, ast.Import):
            yield from (name.name.partition(".")[0] for name in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield (node.module or "").partition(".")[0]


def test_one_module_alone_imports_onnxruntime() -> None:
    files = [path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py")]
    found = {str(path.relative_to(ROOT)) for path in files if "onnxruntime" in imported(path)}
    assert found == {LOADER} | BARE


@pytest.mark.parametrize("value", [None, "0"])
def test_importing_leaves_the_environment_as_it_was(value: str | None) -> None:
    environment = {} if value is None else {"ORT_DISABLE_TELEMETRY": value}
    subprocess.run([sys.executable, "-c", IMPORT], env=environment, check=True, timeout=60)


def test_an_installed_opentelemetry_is_told_nothing_by_the_service_and_the_agents() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.privacy.telemetry_recorder"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    exported = json.loads(done.stdout)
    seen = " ".join(exported["theirs"])
    assert "secret-alice" in seen
    assert all(part in seen for part in ("limit=nonsense", "metric http", "log ", "invoke_agent"))
    assert exported["ours"] == []
