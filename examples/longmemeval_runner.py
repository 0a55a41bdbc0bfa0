"""Ask the questions of LongMemEval to a service, through the released client `recallrai`.

    python examples/longmemeval_runner.py longmemeval_s.json --base-url http://127.0.0.1:8000 \\
        --api-key rai_... --project-id ... --output contexts.json

For each question a user is made whose sessions are those of its haystack, with their dates. When
they are processed, the question is asked in a session of its own, once per strategy, and what came
back is written as JSON. A run that was interrupted goes on where it stopped.
"""

import argparse
import json
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

from recallrai import RecallrAI, Session, User
from recallrai.exceptions import RateLimitError, RecallrAIError, UserAlreadyExistsError
from recallrai.models import ContextResponse, MessageRole, RecallStrategy, SessionStatus

T = TypeVar("T")

FIRST_PAUSE_S = 1.0
LONGEST_PAUSE_S = 60.0
MAX_TRIES = 10
BUSY_STATUS = 503
MESSAGES_PER_PAGE = 500


@dataclass(frozen=True, slots=True)
class Options:
    """What a run is given."""

    data: Path
    base_url: str
    api_key: str
    project_id: str
    strategies: tuple[RecallStrategy, ...]
    limit: int | None
    parallel: int
    poll_s: float
    timeout_s: float
    output: Path


def patiently(call: Callable[[], T]) -> T:
    """Make a call again as long as the service refuses it for being asked too much."""
    pause_s = FIRST_PAUSE_S
    for _ in range(MAX_TRIES - 1):
        try:
            return call()
        except RateLimitError:
            pass
        except RecallrAIError as error:
            if error.http_status != BUSY_STATUS:
                raise
        time.sleep(pause_s)
        pause_s = min(2 * pause_s, LONGEST_PAUSE_S)
    return call()


def date_of(text: str) -> datetime:
    """A date of the data set, such as `2023/05/20 (Sat) 02:21`, which is meant as UTC."""
    day, _, clock = text.split()
    return datetime.strptime(f"{day} {clock}", "%Y/%m/%d %H:%M").replace(tzinfo=UTC)


def user_for(client: RecallrAI, question: dict[str, Any]) -> User:
    """The user of a question, made unless an earlier run has made it."""
    user_id = str(question["question_id"])
    metadata = {"question_type": question.get("question_type")}
    try:
        return patiently(lambda: client.create_user(user_id, metadata=metadata))
    except UserAlreadyExistsError:
        return patiently(lambda: client.get_user(user_id))


def filled_session(
    user: User, index: int, created_at: datetime, messages: list[dict[str, str]]
) -> Session:
    """A session of the haystack with all its messages; what is there already is not added again."""
    found = patiently(
        lambda: user.list_sessions(limit=1, metadata_filter={"haystack_index": index})
    )
    if found.total:
        session = found.sessions[0]
    else:
        session = patiently(
            lambda: user.create_session(
                metadata={"haystack_index": index}, custom_created_at_utc=created_at
            )
        )
    said = [message for message in messages if message["content"].strip()]
    if session.status is SessionStatus.PENDING:
        held = patiently(lambda: session.get_messages(limit=1)).total
        for message in said[held:]:
            role, content = MessageRole(message["role"]), message["content"]
            patiently(lambda role=role, content=content: session.add_message(role, content))
    return session


def process(sessions: list[Session], poll_s: float, timeout_s: float) -> None:
    """Have sessions processed and wait for it; one that failed is tried once more."""
    for session in sessions:
        if session.status is SessionStatus.PENDING:
            patiently(session.process)
    waiting, tried_again = list(sessions), set()
    deadline = time.monotonic() + timeout_s
    while waiting:
        for session in list(waiting):
            patiently(session.refresh)
            if session.status is SessionStatus.PROCESSED:
                waiting.remove(session)
            elif session.status is SessionStatus.FAILED:
                if session.session_id in tried_again:
                    raise RuntimeError(f"session {session.session_id} failed twice")
                tried_again.add(session.session_id)
                patiently(session.process)
        if waiting:
            if time.monotonic() > deadline:
                raise TimeoutError(f"{len(waiting)} sessions are not processed yet")
            time.sleep(poll_s)


def asked(
    user: User, question: dict[str, Any], strategies: tuple[RecallStrategy, ...]
) -> dict[str, Any]:
    """What each strategy gives for the question, asked on its own date."""
    session = patiently(
        lambda: user.create_session(
            metadata={"is_query": True},
            custom_created_at_utc=date_of(question["question_date"]),
        )
    )
    patiently(lambda: session.add_message(MessageRole.USER, question["question"]))
    return {strategy.value: answered(session, strategy) for strategy in strategies}


def answered(session: Session, strategy: RecallStrategy) -> dict[str, Any]:
    """The context of a session, with what it took and where it came from."""
    began_s = time.monotonic()
    response: ContextResponse = patiently(
        lambda: session.get_context(recall_strategy=strategy, include_metadata_ids=True)
    )
    took_s = time.monotonic() - began_s
    metadata = response.metadata
    return {
        "context": response.context,
        "seconds": round(took_s, 3),
        "metadata": None if metadata is None else metadata.model_dump(mode="json"),
    }


def run_question(client: RecallrAI, question: dict[str, Any], options: Options) -> dict[str, Any]:
    """Everything about one question."""
    user = user_for(client, question)
    haystack = sorted(
        zip(question["haystack_dates"], question["haystack_sessions"], strict=True),
        key=lambda pair: date_of(pair[0]),
    )
    sessions = [
        filled_session(user, index, date_of(date), messages)
        for index, (date, messages) in enumerate(haystack)
    ]
    process(sessions, options.poll_s, options.timeout_s)
    processed = [
        patiently(
            lambda index=index: user.list_sessions(
                limit=1,
                metadata_filter={"haystack_index": index},
                status_filter=[SessionStatus.PROCESSED],
            )
        ).total
        for index in range(len(haystack))
    ]
    return {
        "question_id": question["question_id"],
        "question_type": question.get("question_type"),
        "question": question["question"],
        "answer": question.get("answer"),
        "sessions_processed": sum(processed),
        "strategies": asked(user, question, options.strategies),
    }


def run(options: Options) -> list[dict[str, Any]]:
    """Ask all questions and write the results, those that are there so far after each one."""
    questions = json.loads(options.data.read_text(encoding="utf-8"))[: options.limit]
    client = RecallrAI(options.api_key, options.project_id, options.base_url)
    results: list[dict[str, Any]] = []
    with ThreadPoolExecutor(options.parallel) as pool:
        for result in pool.map(lambda question: run_question(client, question, options), questions):
            results.append(result)
            options.output.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")
            print(f"{len(results)} of {len(questions)}: {result['question_id']}", file=sys.stderr)
    return results


def options_of(arguments: list[str]) -> Options:
    """The options of a command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("data", type=Path, help="questions in LongMemEval's JSON format")
    parser.add_argument("--base-url", default="http://127.0.0.1:8000")
    parser.add_argument("--api-key", required=True)
    parser.add_argument("--project-id", required=True)
    parser.add_argument(
        "--strategy",
        action="append",
        choices=[strategy.value for strategy in RecallStrategy],
        help="may be repeated; default: low_latency, balanced and agentic",
    )
    parser.add_argument("--limit", type=int, help="only the first questions")
    parser.add_argument("--parallel", type=int, default=4, help="questions at a time")
    parser.add_argument("--poll-s", type=float, default=1.0, help="seconds between looks")
    parser.add_argument("--timeout-s", type=float, default=3600, help="longest wait per question")
    parser.add_argument("--output", type=Path, default=Path("contexts.json"))
    given = vars(parser.parse_args(arguments))
    named = given.pop("strategy") or ["low_latency", "balanced", "agentic"]
    return Options(strategies=tuple(map(RecallStrategy, named)), **given)


if __name__ == "__main__":
    run(options_of(sys.argv[1:]))
