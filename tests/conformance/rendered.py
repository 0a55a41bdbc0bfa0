"""Takes the text of a context apart."""

import re

MEMORIES = "# Here are the relevant memories that will help you to answer the user's query:"
SUMMARIES = (
    "# Here are some summaries of the previous relevant conversations with their respective"
    " memories:"
)
EXCERPTS = "# Here are some excerpts of past conversations with the user:"
ONGOING = "# Here are some ongoing conversations with the user:"
CONFLICTS = "# Here are some pending merge conflicts to clarify with the user:"
RECENT_MESSAGES = "# Here are some recent conversations you had with the user:"
RECENT_SUMMARIES = "# Here are the summaries of some recent conversations you had with the user:"

TIMESTAMP = re.compile(
    r"(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day, "
    r"(?:January|February|March|April|May|June|July|August|September|October|November|December) "
    r"\d{1,2}(?:st|nd|rd|th), \d{4} at \d{1,2}:\d\d [AP]M ([A-Z]{2,5})\b"
)
STRATEGIES = ("low_latency", "balanced", "agentic")
STRUCTURED = ("low_latency", "balanced")
SECTION_GAPS = {
    SUMMARIES: 2,
    EXCERPTS: 3,
    ONGOING: 4,
    CONFLICTS: 3,
    RECENT_MESSAGES: 3,
    RECENT_SUMMARIES: 3,
}
"""Line ends before each heading but the first."""


NOW = re.compile(
    r"Now: (?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day \d{1,2} "
    r"(?:January|February|March|April|May|June|July|August|September|October|November|December) "
    r"\d{4}, \d\d:\d\d \([\w/+-]+\)"
)


def body_of(text: str) -> str:
    """The text from its fence on; in front of it a line says when it is, and others explain."""
    preamble, fence, _ = text.partition("<recalled_memory>\n")
    now, *legends = preamble.rstrip("\n").split("\n")
    assert fence, text
    assert NOW.fullmatch(now), now
    assert all(len(legend) < 250 for legend in legends), legends
    return text.removeprefix(preamble)


def section(text: str, heading: str) -> str:
    """What stands below a heading, up to the next one of level 1."""
    assert text.count(f"{heading}\n") == 1, text
    below = text.split(f"{heading}\n")[1]
    return re.split(r"\n# |\n</recalled_memory>", below)[0]


def roots(text: str) -> list[str]:
    """The lines of the memories that are not below another."""
    return re.findall(r"^\d+\. .*", section(text, MEMORIES), re.MULTILINE)


def histories(text: str) -> list[list[dict[str, str]]]:
    """Each memory's versions in the order shown, with `number` and what each line is labelled."""
    found = []
    blocks = re.findall(
        r"^<version_history>\n(.*?)\n</version_history>$",
        section(text, MEMORIES),
        re.MULTILINE | re.DOTALL,
    )
    for block in blocks:
        versions = []
        for number, lines in re.findall(
            r"^<version_(\d+)>\n(.*?)\n</version_\1>$", block, re.MULTILINE | re.DOTALL
        ):
            labelled = [line.split(": ", 1) for line in lines.split("\n") if ": " in line]
            versions.append({"number": number} | dict(labelled))
        found.append(versions)
    return found


def gaps(text: str) -> dict[str, int]:
    """The line ends before each heading of level 1, in the order of the text."""
    found = re.finditer(r"(\n+)(# .*)(?=\n)", text)
    return {each.group(2): len(each.group(1)) for each in found}
