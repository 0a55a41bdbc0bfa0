"""Every number of the checklist has a test or a reason, and the page shows them as they are."""

import re
import runpy
import subprocess
import sys
from pathlib import Path

from tests.conformance.checks import CHECKS, NOT_YET, OVERRULED, OVERRULED_IN_PART, SECTIONS

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "scripts" / "conformance.py"


def test_all_160_numbers_are_described_in_order() -> None:
    assert list(CHECKS) == list(range(1, 161))
    assert set(SECTIONS) | set(OVERRULED) | set(OVERRULED_IN_PART) | set(NOT_YET) <= set(CHECKS)
    assert not set(OVERRULED) & set(NOT_YET)
    assert all(reason for reasons in (OVERRULED, NOT_YET) for reason in reasons.values())
    assert not [text for text in CHECKS.values() if "|" in text or text.endswith(".")]


def test_every_number_has_a_test_or_a_reason() -> None:
    tested = runpy.run_path(str(SCRIPT))["tested"]()
    assert sorted(set(CHECKS) - tested) == sorted((set(OVERRULED) | set(NOT_YET)) - tested)
    assert tested <= set(CHECKS)


def test_the_page_is_about_these_checks() -> None:
    ended = subprocess.run(
        [sys.executable, str(SCRIPT), "--check"], capture_output=True, text=True, check=False
    )
    assert (ended.returncode, ended.stderr) == (0, "")


def test_a_page_is_read_back_as_it_was_made() -> None:
    script = runpy.run_path(str(SCRIPT))
    outcomes = {str(number): {"raw": "passed", "py-sync": "failed"} for number in CHECKS}
    made = script["page"](outcomes)
    assert script["read_back"](made) == outcomes
    assert len(re.findall(r"\| fails \|$", made, re.MULTILINE)) == len(CHECKS) - len(
        OVERRULED
    ) - len(NOT_YET)
