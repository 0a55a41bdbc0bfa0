"""Makes the sync client from the async one: `python scripts/unasync.py [--check]`.

Works word by word on the tokens of the source, so comments and texts are covered as well. A rule
that is never used fails, and so does, with --check, a sync client that is not fresh.
"""

import re
import subprocess
import sys
from pathlib import Path

CLIENT = Path(__file__).parent.parent / "src" / "recollect" / "client"
SOURCE, TARGET = CLIENT / "_async.py", CLIENT / "_sync.py"

RULES = [
    (r"This file is the source; the sync classes are made\nfrom it by `scripts/unasync.py`.",
     "Made from `_async.py`\nby `scripts/unasync.py`; never edited."),
    (r"may be shared between its tasks. It opens at the first\n    call \(or `async with`\);",
     "may be shared between its threads. It opens when it\n    is made;"),
    (r"await self\._connection\.open\(\)", "self._connection.open()"),
    (r"__aenter__", "__enter__"),
    (r"__aexit__", "__exit__"),
    (r"\basync (def|with)\b", r"\1"),
    (r"\(await ((?:\w+\.)+\w+\([^()]*\))\)\.", r"\1."),
    (r"\bawait ", ""),
    (r"\bAsync(Recollect|UserList|SessionList|MergeConflictList|User|Session|Connection)\b",
     r"\1"),
]  # fmt: skip


def synchronous(source: str) -> str:
    """The sync twin of a source. Raises SystemExit for a rule that nothing uses."""
    for pattern, replacement in RULES:
        source, used = re.subn(pattern, replacement, source)
        if not used:
            raise SystemExit(f"scripts/unasync.py: the rule {pattern!r} is not used; remove it")
    formatted = subprocess.run(
        [sys.executable, "-m", "ruff", "format", "--stdin-filename", "_made.py", "-"],
        input=source, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return formatted.stdout


def main() -> None:
    """Write the sync client, or with --check compare it."""
    made = synchronous(SOURCE.read_text(encoding="utf-8"))
    if "--check" in sys.argv:
        if made != TARGET.read_text(encoding="utf-8"):
            raise SystemExit(f"{TARGET.name} is not fresh: run python scripts/unasync.py")
    else:
        TARGET.write_text(made, encoding="utf-8")


if __name__ == "__main__":
    main()
