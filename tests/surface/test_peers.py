"""The comparison with other stores works: on an own tiny conversation, with a peer of its own."""

import importlib.util
import json
import re
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from hitherto import Settings
from hitherto.evaluation.conversations import Conversation, read_conversations

ROOT = Path(__file__).parents[2]
PEER_BY_WORDS = Path(__file__).parent / "peer_by_words.py"
PYTHON = Path(sys.executable)

TURNS = [
    ("Mara", "D1:1", "I bought a cello from the old music shop near the harbour."),
    ("Piet", "D1:2", "Lovely, will you take lessons with somebody this winter?"),
    ("Mara", "D1:3", "The roof of our greenhouse was broken by hail in the night."),
    ("Piet", "D1:4", "Our neighbour Anneke repairs greenhouses, so do ask her for help."),
]


def question(text: str, *evidence: str, category: int = 4) -> dict[str, Any]:
    return {"question": text, "answer": "x", "evidence": list(evidence), "category": category}


SAMPLE = {
    "sample_id": "one",
    "conversation": {
        "speaker_a": "Mara",
        "speaker_b": "Piet",
        "session_1_date_time": "2024-02-01T18:00",
        "session_1": [{"speaker": who, "dia_id": at, "text": text} for who, at, text in TURNS],
    },
    "qa": [
        question("Where did Mara buy the cello?", "D1:1"),
        question("Which roof was broken by hail?", "D1:3"),
        question("Where did Piet buy the harp?", "D1:1", category=5),
        question("Is Mara musical?", category=3),
    ],
}


@pytest.fixture(scope="module")
def peers() -> ModuleType:
    spec = importlib.util.spec_from_file_location("peers", ROOT / "benchmarks" / "peers.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    # A dataclass looks its module up by name.
    sys.modules["peers"] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def conversations(tmp_path: Path) -> list[Conversation]:
    path = tmp_path / "tiny.json"
    path.write_text(json.dumps([SAMPLE]))
    return read_conversations(path)


def environment(peers: ModuleType) -> Any:
    return peers.Environment(PYTHON, "1.0", 1, 2.0, 3, 4.0)


def test_hitherto_and_a_peer_are_measured_side_by_side(
    peers: ModuleType, conversations: list[Conversation]
) -> None:
    hitherto = peers.CONTENDERS[0]
    peer = peers.Contender("by words", PEER_BY_WORDS, "words", peers.EMBEDDER)
    environments = {one: environment(peers) for one in (hitherto, peer)}
    found = peers.measure(environments, conversations, 1, Settings().cache_dir)
    for rounds in found.values():
        (figures,) = rounds
        # Every message of so short a conversation fits, so whoever finds anything finds all.
        assert figures.recall == {2_000: 100.0, 4_000: 100.0}
        assert figures.ready >= figures.added_s * 1_000 / len(TURNS)
        assert all(0 < p50 <= p95 for p50, p95 in [figures.add, *figures.search.values()])
        assert figures.peak_mb > 5
        assert figures.data_mb > 0
    text = peers.report(environments, "3.11", {"tiny": found}, {"tiny": conversations}).splitlines()
    assert "**tiny**: 1 users, 4 messages, 2 questions with evidence." in text
    assert "| | Hitherto | by words |" in text
    assert "| `ev_recall` within 2,000 tokens, % | 100.0 | 100.0 |" in text


def test_a_worker_adds_every_message_once_and_with_its_day_and_speaker(
    peers: ModuleType, conversations: list[Conversation]
) -> None:
    peer = peers.Contender("by words", PEER_BY_WORDS, "words", peers.EMBEDDER)
    job = peers.job_of(conversations, Settings().cache_dir)
    one_by_one = peers.work(peer, PYTHON, job)
    at_once = peers.work(peer, PYTHON, job, bulk=True)
    assert len(one_by_one["add_ms"]) == len(TURNS)
    assert len(at_once["add_ms"]) == 1
    found = one_by_one["answers"]["2000"][0]["found"]
    told = [f"[01 February 2024] {who}: {text}" for who, _, text in TURNS]
    assert found[0] == told[0]
    assert sorted(found) == sorted(told)


def test_the_evidence_of_the_questions_is_no_part_of_a_job(
    peers: ModuleType, conversations: list[Conversation]
) -> None:
    job = peers.job_of(conversations, Settings().cache_dir)
    (conversation,) = job["conversations"]
    assert [list(one) for one in conversation["questions"]] == [["text", "asked_at"]] * 2


def test_a_system_that_fails_is_named_with_its_reason(
    peers: ModuleType, conversations: list[Conversation], tmp_path: Path
) -> None:
    broken = tmp_path / "broken.py"
    broken.write_text("open_system = lambda place: 1 / 0\n")
    contender = peers.Contender("broken one", broken, "words", peers.EMBEDDER)
    with pytest.raises(SystemExit, match=r"broken one failed:\n[\s\S]*ZeroDivisionError"):
        peers.work(contender, PYTHON, peers.job_of(conversations, Settings().cache_dir))


def test_a_context_is_cut_at_the_budget_and_passes_over_what_is_too_long(
    peers: ModuleType,
) -> None:
    texts = ["one two", "three four five", "six", "seven"]
    assert peers.filled(texts, 4, lambda text: len(text.split())) == "one two\nsix\nseven"


def test_what_a_peer_did_not_find_counts_nothing(
    peers: ModuleType, conversations: list[Conversation]
) -> None:
    questions = peers.asked(conversations[0])
    answers = [{"found": [TURNS[0][2]]}, {"found": [TURNS[0][2]]}]
    assert peers.recall_of(answers, questions, 2_000, len) == 50.0
    assert peers.recall_of([{"found": []}] * 2, questions, 2_000, len) is None


def test_every_system_is_pinned_with_hashes(peers: ModuleType) -> None:
    for one in peers.CONTENDERS:
        lock = one.requirements.read_text()
        assert lock.count("--hash=sha256:") >= len(peers.pinned(one.requirements)) > 0
        if one.distribution not in {None, "hitherto"}:
            assert one.distribution in peers.pinned(one.requirements)
            wanted = one.requirements.with_suffix(".in").read_text()
            asked = set(re.findall(r"^\S+==\S+", wanted, re.MULTILINE))
            assert asked
            assert asked <= peers.normal_pins(lock)


def test_an_installation_is_counted_without_the_weights(peers: ModuleType) -> None:
    counted = peers.installed(PYTHON, peers.CONTENDERS[0])
    assert counted.version == "0.1.0"
    assert 10 < counted.packages <= counted.packages_with_embedder
    assert 50 < counted.mb <= counted.mb_with_embedder


def test_the_tables_of_a_page_are_replaced_and_nothing_else(
    peers: ModuleType, tmp_path: Path
) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"before\n{peers.BEGIN}\nold\n{peers.END}\nafter\n")
    peers.put_into(page, "new")
    assert page.read_text() == f"before\n{peers.BEGIN}\n\nnew\n\n{peers.END}\nafter\n"
    page.write_text("no marks\n")
    with pytest.raises(SystemExit, match="lacks the line"):
        peers.put_into(page, "new")
