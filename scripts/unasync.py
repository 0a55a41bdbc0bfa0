"""Makes the sync client from the async one: `python scripts/unasync.py [--check]`.

Works word by word on the tokens of the source, so comments and texts are covered as well. A rule
that is never used fails, and so does, with --check, a sync client that is not fresh.
"""

import re
import subprocess
import sys
from pathlib import Path

CLIENT = Path(__file__).parent.parent / "src" / "hitherto" / "client"
MADE = {"_async.py": "_sync.py", "_async_session.py": "_sync_session.py"}

RULES = [
    (r"This file is the source; the sync classes are made from it by `scripts/unasync.py`.",
     "Made from the async source by `scripts/unasync.py`; never edited."),
    (r"may be shared between its tasks. It opens at the first\n    call \(or `async with`\);",
     "may be shared between its threads. It opens when it\n    is made;"),
    (r"\b_async_session\b", "_sync_session"),
    (r"await self\._connection\.open\(\)", "self._connection.open()"),
    (r"__aenter__", "__enter__"),
    (r"__aexit__", "__exit__"),
    (r"\basync (def|with|for)\b", r"\1"),
    (r"\(await ((?:\w+\.)+\w+\([^()]*\))\)\.", r"\1."),
    (r"\bawait ", ""),
    (r"\bAsyncGenerator\[(\w+), None\]", r"Generator[\1, None, None]"),
    (r"\bAsyncGenerator\b", "Generator"),
    (r"\bAsync(Hitherto|RecallrAI|User|Session|MergeConflict|Connection)\b", r"\1"),
]  # fmt: skip


def synchronous(sources: list[str]) -> list[str]:
    """The sync twins of the sources. Raises SystemExit for a rule that nothing uses."""
    for pattern, replacement in RULES:
        changed = [re.subn(pattern, replacement, source) for source in sources]
        if not any(used for _, used in changed):
            raise SystemExit(f"scripts/unasync.py: the rule {pattern!r} is not used; remove it")
        sources = [source for source, _ in changed]
    return [_formatted(source) for source in sources]


def _formatted(source: str) -> str:
    for command in (["check", "--select", "I", "--fix-only", "--quiet"], ["format"]):
        made = subprocess.run(
            [sys.executable, "-m", "ruff", *command, "--stdin-filename", "_made.py", "-"],
            input=source, capture_output=True, text=True, check=True,
        )  # fmt: skip
        source = made.stdout
    return source


def main() -> None:
    """Write the sync client, or with --check compare it."""
    made = synchronous([(CLIENT / name).read_text(encoding="utf-8") for name in MADE])
    for name, text in zip(MADE.values(), made, strict=True):
        target = CLIENT / name
        if "--check" not in sys.argv:
            target.write_text(text, encoding="utf-8")
        elif not target.exists() or text != target.read_text(encoding="utf-8"):
            raise SystemExit(f"{name} is not fresh: run python scripts/unasync.py")


if __name__ == "__main__":
    main()
