"""Checks 93 to 102: how the text of a context is laid out. The format is in docs/context.md."""

import re

import pytest
from tests.conformance.drivers import Raw
from tests.conformance.rendered import (
    CONFLICTS,
    EXCERPTS,
    MEMORIES,
    ONGOING,
    RECENT_MESSAGES,
    RECENT_SUMMARIES,
    SECTION_GAPS,
    STRATEGIES,
    STRUCTURED,
    SUMMARIES,
    TIMESTAMP,
    body_of,
    gaps,
    histories,
    roots,
    section,
)
from tests.conformance.stories import (
    BIRTHDAY,
    FACTS,
    FIRST_DAY,
    SECOND_DAY,
    THIRD_DAY,
    asked,
    conflicts,
    context,
    contradicted,
    memories,
    moved,
)


@pytest.mark.check(93)
@pytest.mark.parametrize("strategy", STRUCTURED)
async def test_headings_stand_in_order_with_their_empty_lines(raw: Raw, strategy: str) -> None:
    user, _ = await moved(raw)
    await raw.session(user, "I am on my way.")
    text = await asked(raw, user, "Where do I live?", recall_strategy=strategy)
    assert body_of(text).startswith(f"<recalled_memory>\n{MEMORIES}\n\n1. ")
    wanted = {each: gap for each, gap in SECTION_GAPS.items() if each != CONFLICTS}
    assert list(gaps(text).items()) == [(MEMORIES, 1), *wanted.items()]
    assert f"\n{SUMMARIES}\n\n## Summary 1 (Created at: " in text
    assert f"\n{EXCERPTS}\n\n## Excerpt 1 (Conversation of " in text
    assert f"\n{ONGOING}\n\n## Ongoing Conversation 1 (Started: " in text
    assert f"\n{RECENT_MESSAGES}\nNo recent user messages requested.\n" in text
    assert text.endswith(
        f"\n{RECENT_SUMMARIES}\nNo recent session summaries requested.\n</recalled_memory>\n"
    )
    between = re.findall(r"</version_history>(\n+)\d+\. ", section(text, MEMORIES))
    assert set(between) == {"\n\n\n"}
    between = re.findall(r"\)(\n+)## Summary ", section(text, SUMMARIES))
    assert set(between) <= {"\n\n\n"}
    assert "\n\n### Memories from this session:\n1. " in text


@pytest.mark.check(93)
async def test_pending_conflicts_stand_between_ongoing_and_recent_conversations(raw: Raw) -> None:
    user = await contradicted(raw, BIRTHDAY)
    text = await asked(raw, user, "When is my birthday?")
    assert list(gaps(text).items()) == [(MEMORIES, 1), *SECTION_GAPS.items()]


@pytest.mark.check(93)
@pytest.mark.parametrize("strategy", STRUCTURED)
async def test_empty_sections_say_so(raw: Raw, strategy: str) -> None:
    session = await raw.session(await raw.user())
    text = await context(raw, session, recall_strategy=strategy)
    assert body_of(text) == (
        f"<recalled_memory>\n{MEMORIES}\n\nNo memories found.\n\n"
        f"{SUMMARIES}\n\nNo relevant session summaries found.\n\n\n\n"
        f"{ONGOING}\n\n\n"
        f"{RECENT_MESSAGES}\nNo recent user messages requested.\n\n\n"
        f"{RECENT_SUMMARIES}\nNo recent session summaries requested.\n</recalled_memory>\n"
    )


@pytest.mark.check(94)
@pytest.mark.parametrize("strategy", STRUCTURED)
async def test_memories_are_numbered_and_their_similarity_falls(raw: Raw, strategy: str) -> None:
    user = await raw.user()
    await raw.told(user, *FACTS)
    lines = roots(await asked(raw, user, "What do I play?", recall_strategy=strategy))
    assert len(lines) >= 15
    shown = [
        re.fullmatch(
            r"(\d+)\. User.* \(Similarity: ([01]\.\d{4})\)"
            r" \[Event Date: .* to .*\] \[Version \d+\]",
            line,
        )
        for line in lines
    ]
    assert all(shown), lines
    assert [int(one.group(1)) for one in shown if one] == list(range(1, len(lines) + 1))
    similarities = [float(one.group(2)) for one in shown if one]
    assert similarities == sorted(similarities, reverse=True)
    assert similarities[0] <= 1
    assert similarities[0] > similarities[-1]
    assert "cello" in lines[0]


LIKED = ("tea", "coffee", "jazz", "chess", "opera", "tennis", "soup", "bread", "plums", "rain")
LIKED += ("snow", "cycling", "sailing", "poetry", "maps", "trains", "ferns", "owls", "cheese")


@pytest.mark.check(95)
@pytest.mark.parametrize("strategy", STRUCTURED)
async def test_there_are_never_more_memories_than_asked_for(raw: Raw, strategy: str) -> None:
    user = await raw.user()
    await raw.told(user, *(f"I like {liked}." for liked in LIKED))
    session = await raw.session(user, "What do I like?")

    async def shown(least: int, most: int) -> int:
        params = {"min_top_k": least, "max_top_k": most, "memories_threshold": 0.2}
        return len(roots(await context(raw, session, recall_strategy=strategy, **params)))

    assert await shown(5, 100) > 15, "near enough to the question"
    for least, most in ((5, 10), (10, 10), (5, 15)):
        assert await shown(least, most) == most
    assert await shown(50, 50) == len(await memories(raw, user)) == len(LIKED)


@pytest.mark.check(96)
@pytest.mark.parametrize("strategy", STRUCTURED)
async def test_histories_are_complete_and_newest_first(raw: Raw, strategy: str) -> None:
    user, _ = await moved(raw)
    held = await memories(raw, user)
    text = await asked(raw, user, "Where do I live?", recall_strategy=strategy, min_top_k=50)
    shown = {versions[0]["Content"]: versions for versions in histories(text)}
    assert set(shown) == {item["content"] for item in held}
    for item in held:
        versions = shown[item["content"]]
        contents = [item["content"], *(one["content"] for one in item["previous_versions"])]
        assert [one["Content"] for one in versions] == contents
        count = len(contents)
        assert [int(one["number"]) for one in versions] == list(range(count, 0, -1))
        newest = "CURRENT_VERSION" if count > 1 else "INITIAL_MEMORY"
        reasons = [one["expiration_reason"] for one in item["previous_versions"]]
        assert [one["Reason"] for one in versions] == [newest, *reasons]
        assert versions[0]["Expired at"] == "none"
        assert all(TIMESTAMP.fullmatch(one["Expired at"]) for one in versions[1:])
        assert all(TIMESTAMP.fullmatch(one["Created at"]) for one in versions)
        (line,) = (one for one in roots(text) if f". {item['content']} (Sim" in one)
        assert line.endswith(f"[Version {count}]")
    reasons = {one["Reason"] for versions in shown.values() for one in versions}
    assert reasons == {
        "INITIAL_MEMORY",
        "CURRENT_VERSION",
        "TEMPORAL_CONFLICT",
        "ADDITION_TO_EXISTING_MEMORY",
        "MERGE_CONFLICT",
    }


@pytest.mark.check(96)
async def test_the_lines_of_a_version_stand_in_order(raw: Raw) -> None:
    user, _ = await moved(raw)
    text = await asked(raw, user, "When was I born?", min_top_k=50)
    blocks = re.findall(r"^<version_(\d+)>\n(.*?)\n</version_\1>", text, re.MULTILINE | re.DOTALL)
    assert len(blocks) > 5
    settled = 0
    for _, block in blocks:
        labels = re.findall(r"^([A-Z][\w ]*):", block, re.MULTILINE)
        expected = ["Content", "Reason", "Event Date", "Created at", "Expired at"]
        if "\nReason: MERGE_CONFLICT\n" in block:
            settled += 1
            expected.append("Note")
            assert block.endswith(
                "\n<merge_conflict_history>\n"
                "No resolved merge conflict found for this version.\n"
                "</merge_conflict_history>"
            )
        assert labels == expected
    assert settled == 1


@pytest.mark.check(97)
@pytest.mark.parametrize("strategy", STRUCTURED)
async def test_connected_memories_are_numbered_below_theirs(raw: Raw, strategy: str) -> None:
    user, _ = await moved(raw)
    await raw.told(user, *FACTS)
    text = await asked(
        raw,
        user,
        "Who plays an instrument?",
        recall_strategy=strategy,
        min_top_k=5,
        max_top_k=10,
        memories_threshold=0.8,
    )
    lines = re.findall(r"^(\d+(?:\.\d+)*)\. (.*)", section(text, MEMORIES), re.MULTILINE)
    children = [(number, line) for number, line in lines if "." in number]
    assert children, text
    content_at = {
        number: re.split(r" (?:\(Similarity: |\[Event Date: )", line)[0] for number, line in lines
    }
    connected = {
        item["content"]: {one["content"] for one in item["connected_memories"]}
        for item in await memories(raw, user)
    }
    for number, line in children:
        parent, last = number.rsplit(".", 1)
        assert "Similarity" not in line
        assert re.search(r" \[Event Date: .*\] \[Version \d+\]$", line)
        assert last == "1" or f"{parent}.{int(last) - 1}" in content_at
        assert content_at[number] in connected[content_at[parent]]
        ancestors = [number.rsplit(".", depth)[0] for depth in range(1, number.count(".") + 1)]
        assert content_at[number] not in [content_at[one] for one in ancestors]
    assert len(set(content_at.values())) == len(content_at), "each is listed once"
    order = [[int(part) for part in number.split(".")] for number, _ in lines]
    assert order == sorted(order), "depth first"


@pytest.mark.check(98)
@pytest.mark.parametrize("strategy", STRUCTURED)
async def test_summaries_list_their_memories_with_those_superseded(raw: Raw, strategy: str) -> None:
    user, _ = await moved(raw)
    text = await asked(
        raw,
        user,
        "I live in Porto and have a dog, so what changed?",
        recall_strategy=strategy,
        summaries_threshold=0.2,
    )
    summaries = re.split(r"^## Summary \d+ ", section(text, SUMMARIES), flags=re.MULTILINE)[1:]
    (first,) = (
        one for one in summaries if one.startswith("(Created at: Friday, January 5th, 2024")
    )
    about, listed = first.split("\n\n### Memories from this session:\n")
    assert "\n" not in about.split("\n", 1)[1]
    lines = listed.strip().split("\n")
    assert len(lines) == 3
    for number, line in enumerate(lines, start=1):
        shown = re.fullmatch(
            r"(\d+)\. (User.*) \(Event Date: .* to .*, Created at: (.*), Expired at: (.*)\)", line
        )
        assert shown, line
        assert int(shown.group(1)) == number
        assert shown.group(3) == "Friday, January 5th, 2024 at 9:00 AM UTC"
        assert TIMESTAMP.fullmatch(shown.group(4)), "all three were superseded later"


@pytest.mark.check(98)
async def test_a_summary_of_a_session_without_memories_says_so(raw: Raw) -> None:
    user = await raw.user()
    await raw.told(user, "Which spices go well with roasted pumpkin?")
    assert await memories(raw, user) == []
    text = await asked(
        raw, user, "Which spices go well with roasted pumpkin?", summaries_threshold=0.2
    )
    assert "## Summary 1 (Created at: " in text
    assert (
        "\n\n### Memories from this session:\nNo memories found from this session.\n" in text
        or (text.count("No memories found from this session.") == 1)
    )


@pytest.mark.check(99)
@pytest.mark.parametrize("strategy", STRATEGIES)
async def test_ongoing_conversations_are_newest_first_with_the_one_asking_but_for_agentic(
    raw: Raw, strategy: str
) -> None:
    user = await raw.user()
    for day, town in ((SECOND_DAY, "Lisbon"), (FIRST_DAY, "Porto"), (THIRD_DAY, "Braga")):
        session = await raw.session(user, f"Shall I go to {town}?", custom_created_at_utc=day)
        said = {"message": f"Yes, see {town}.", "role": "assistant"}
        assert (await raw.post(f"{session}/add-message", json=said)).status_code == 200
    await raw.told(user, "I live in Faro.")
    text = await asked(raw, user, "Shall I go to Tavira?", recall_strategy=strategy)
    shown = section(text, ONGOING)
    towns = ["Braga", "Lisbon", "Porto"]
    if strategy != "agentic":
        towns.insert(0, "Tavira")
    numbers = re.findall(r"^## Ongoing Conversation (\d+) \(Started: .*\)$", shown, re.MULTILINE)
    assert numbers == [str(number) for number in range(1, len(towns) + 1)]
    assert re.findall(r"^USER \(at .*\): Shall I go to (\w+)\?$", shown, re.MULTILINE) == towns
    assert shown.count("\nASSISTANT (at ") == 3
    assert "Faro" not in shown


@pytest.mark.check(101)
@pytest.mark.parametrize("strategy", STRATEGIES)
async def test_open_conflicts_are_shown_in_full(raw: Raw, strategy: str) -> None:
    user = await contradicted(raw, BIRTHDAY)
    (conflict,) = await conflicts(raw, user)
    text = await asked(raw, user, "When is my birthday?", recall_strategy=strategy)
    shown = section(text, CONFLICTS)
    assert conflict["id"] in shown
    assert f"Proposed memory: {conflict['proposed_memory_content']}\n" in shown
    for held in conflict["conflicting_memories"]:
        assert held["content"] in shown
        assert held["reason"] in shown
    for question in conflict["clarifying_questions"]:
        assert question["question"] in shown
        for option in question["options"]:
            assert f"- {option}" in shown


@pytest.mark.check(102)
async def test_an_agentic_context_begins_with_the_analysis(raw: Raw) -> None:
    user, _ = await moved(raw)
    text = await asked(raw, user, "Where do I live?", recall_strategy="agentic")
    assert body_of(text).startswith("<recalled_memory>\n## ")
    assert MEMORIES not in text
    assert SUMMARIES not in text
    assert list(gaps(text)) == [EXCERPTS, ONGOING, RECENT_MESSAGES, RECENT_SUMMARIES]
    assert gaps(text)[ONGOING] == 2
    assert "Braga" in text.split(EXCERPTS)[0]
