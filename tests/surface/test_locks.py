"""What is installed for development is known by its hash, whatever the index."""

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LOCKS = sorted((ROOT / "requirements").glob("*.txt"))
PINNED = re.compile(r"[A-Za-z0-9._-]+==\S+( ; .+)?( \\\n    --hash=sha256:[0-9a-f]{64})+")


def read(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def recipe_lines() -> list[str]:
    """The commands of the Makefile."""
    return [line.strip() for line in read(ROOT / "Makefile").splitlines() if line.startswith("\t")]


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.name)
def test_every_package_of_a_lock_has_a_version_and_hashes_and_no_address(lock: Path) -> None:
    text = re.sub(r"\n *#.*", "", "\n" + read(lock)).strip()
    packages = re.split(r"\n(?=\S)", text)
    assert packages
    assert [one for one in packages if not PINNED.fullmatch(one)] == []
    assert "://" not in text


def test_every_installation_wants_hashes_and_builds_nothing_but_this_package() -> None:
    installations = [line for line in recipe_lines() if "pip install" in line]
    own = [line for line in installations if "--editable ." in line]
    assert len(own) == 1
    assert "--no-deps --no-build-isolation" in own[0]
    others = [line for line in installations if line not in own]
    assert len(others) == 3
    for line in others:
        assert "--require-hashes" in line
        assert "--no-build" in line or "--only-binary :all:" in line
        assert set(re.findall(r"-r (\S+)", line)) <= {f"requirements/{one.name}" for one in LOCKS}
    assert not [line for line in recipe_lines() if re.search(r"\b(curl|wget|npx?|pipx)\b", line)]


def test_the_locked_build_backend_is_the_one_that_the_package_asks_for() -> None:
    wanted = tomllib.loads(read(ROOT / "pyproject.toml"))["build-system"]["requires"]
    assert read(ROOT / "requirements" / "build.in").split() == wanted
