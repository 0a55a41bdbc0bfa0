"""Rules about SQL that a reader cannot be asked to remember."""

import re
from importlib import resources
from pathlib import Path

import pytest

from hitherto.store.database import parse_statements
from hitherto.store.migrate import migrations

TEXT = resources.files("hitherto.store").joinpath("queries.sql").read_text(encoding="utf-8")
STATEMENTS = parse_statements(TEXT)
SCHEMA = "".join(step.sql for step in migrations()).replace("${text}", "text")
OWNED = {
    name
    for name, body in re.findall(r"create table (\w+) \((.*?)\n\)", SCHEMA, re.DOTALL)
    if re.search(r"^    user_id text not null", body, re.MULTILINE)
}
ACROSS_USERS = {
    "find_user": "turns the application's id into ours; bound to the project",
    "insert_project": "no user is concerned",
    "count_users": "bound to the project",
    "page_users": "bound to the project",
    "scan_users": "bound to the project",
    "list_user_ids": "bound to the project, which is deleted with its users",
    "count_project_sessions": "bound to the project, and counts only",
    "count_project_memories": "bound to the project, and counts only",
    "count_project_merge_conflicts": "bound to the project, and counts only",
    "project_day_reserved": "bound to the project, and sums only",
    "lapse_reservations": "bound to the project, and concerns what is over",
    "list_users_usage": "bound to the project, whose users are summed up one by one",
    "count_project_calls": "bound to the project, and counts only",
    "page_project_calls": "bound to the project, whose ledger is read",
    "resume_waiting_sessions": "bound to the project, whose budgets were changed",
    "forget_coming_revisions": "no vector of any user is there of an embedder that is to come",
    "find_waiting_user": "a change of the embedder looks for users to embed, and reads only ids",
    "find_next_user": "a change of the embedder goes through all users, and reads only ids",
    "count_waiting_users": "a change of the embedder counts whom it has yet to embed",
    "rebuild_users": "a change of the embedder concerns every user alike",
    "count_vectors": "a change of the embedder counts what it has to do, and nothing else",
    "find_queued_projects": "the worker looks for projects with work and reads only ids",
    "find_queued_user": "bound to the project, whose users the worker looks through",
    "queue_waiting_users": "bound to the project, whose budgets were changed",
    "find_due_webhook_delivery": "looks for deliveries of any user and reads only ids",
    "take_webhook_delivery": "one user's delivery, unless another of its webhook is being sent",
    "end_webhook_deliveries": "bound to the project, one webhook of which is switched off",
    "count_webhook_deliveries": "bound to the project, and counts only",
    "page_webhook_deliveries": "bound to the project, and reads nothing that a user said",
    "delete_ended_webhook_deliveries": "removes what is over, whoever it was about",
    "next_due": "the worker reads when there will be work, and nothing else",
    "count_unprocessed": "counts the sessions that are waited for, and nothing else",
}


def test_the_owned_tables_are_those_of_the_schema() -> None:
    assert {
        "users",
        "sessions",
        "messages",
        "passages",
        "summaries",
        "memories",
        "memory_evidence",
        "memory_connections",
        "merge_conflicts",
        "merge_conflict_memories",
        "merge_conflict_new_memories",
        "memory_categories",
        "webhook_deliveries",
        "model_calls",
        "model_call_reservations",
        "quarantine",
    } == OWNED


def test_the_user_leads_every_primary_key_of_an_owned_table() -> None:
    for name, body in re.findall(r"create table (\w+) \((.*?)\n\)", SCHEMA, re.DOTALL):
        if name in OWNED:
            assert re.search(r"primary key \(user_id|user_id text not null primary key", body), name


def owned_tables(sql: str) -> set[str]:
    """The tables with rows of users that a statement names."""
    return set(re.findall(r"\b(?:from|join|into|update)\s+(\w+)", sql)) & OWNED


def unbound(sql: str) -> str:
    """What keeps a statement from being bound to one user; "" if nothing does."""
    if ":user_id" not in sql:
        return "does not name :user_id"
    if sql.startswith("insert"):
        return ""
    # Each owned table after the first is reached through the user's id too.
    bound = re.findall(r"\b(?:\w+\.)?user_id = (?::user_id|\w+\.user_id)", sql)
    read = re.findall(r"\b(?:from|join|update)\s+(\w+)", sql)
    tables = sum(name in OWNED for name in read)
    return "" if len(bound) >= tables else f"binds {len(bound)} of {tables} tables"


def test_a_statement_on_an_owned_table_names_the_user() -> None:
    owned = {
        name: sql
        for name, sql in STATEMENTS.items()
        if name not in ACROSS_USERS and owned_tables(sql)
    }
    assert len(owned) > 100
    assert {name: why for name, sql in owned.items() if (why := unbound(sql))} == {}


@pytest.mark.parametrize(
    "sql",
    [
        "select content from messages where session_id = :session_id",
        "delete from memories where memory_id = :memory_id",
        "select m.content from memories m join messages e on e.session_id = m.session_id"
        " where m.user_id = :user_id",
    ],
)
def test_a_statement_that_reaches_other_users_is_found(sql: str) -> None:
    assert unbound(sql)


def test_the_exceptions_are_still_there_and_bound_otherwise() -> None:
    assert set(ACROSS_USERS) <= set(STATEMENTS)
    for name, why in ACROSS_USERS.items():
        assert "bound to the project" not in why or ":project_id" in STATEMENTS[name]


FOREIGN = {
    r":\w+ is (not )?null": "PostgreSQL cannot tell the type",
    r"\b(like|lower|ifnull|datetime|glob)\b": "differs between the databases",
    r"\?": "parameters have names",
}


def test_every_statement_keeps_to_the_shared_dialect() -> None:
    assert [
        f"{name}: {why}"
        for name, sql in STATEMENTS.items()
        for pattern, why in FOREIGN.items()
        if re.search(pattern, sql)
    ] == []


OWN = resources.files("hitherto.store").joinpath("postgres.sql").read_text(encoding="utf-8")


def test_postgresql_has_no_statement_of_its_own_but_in_place_of_a_shared_one() -> None:
    replaced, locking = parse_statements(OWN), parse_statements(OWN, "writing")
    assert set(replaced) | set(locking) <= set(STATEMENTS)
    assert replaced.keys() & locking.keys() == set()


@pytest.mark.parametrize("name", sorted(parse_statements(OWN, "writing")))
def test_what_writes_on_postgresql_reads_the_same_and_locks_it(name: str) -> None:
    locking = parse_statements(OWN, "writing")[name]
    assert re.search(r"for (no key )?(update|share)( of \w)?( skip locked)?$", locking)
    held = re.sub(r"\s*for (no key )?(update|share)( of \w)?( skip locked)?$", "", locking)
    held = re.sub(
        r" ?(\n)?\bjoin (users u on u.user_id = \w.user_id|webhooks w on .*)\n", "\n", held
    )
    plain = "\n".join(STATEMENTS[name].split())
    assert "\n".join(held.split()) == plain


def test_every_statement_is_used() -> None:
    folder = Path(str(resources.files("hitherto.store")))
    source = "".join(path.read_text(encoding="utf-8") for path in folder.rglob("*.py"))
    assert {name for name in STATEMENTS if f'"{name}"' not in source} == set()
