"""Databases made before the project was renamed open unchanged.

`before_rename/` holds a file and the rows of a PostgreSQL database, written by the last commit
under the old name: user `alice`, two processed sessions, three memories.
"""

import gzip
from pathlib import Path

import psycopg
from tests import databases
from tests.databases import Location

from hitherto import Hitherto, MessageRole, Settings
from hitherto.store.address import is_postgresql

FOLDER = Path(__file__).parent / "before_rename"
SCHEMA_VERSION = 8


def restore(location: Location) -> None:
    """Put the old database at a location."""
    if not is_postgresql(location):
        Path(location).write_bytes(gzip.decompress((FOLDER / "memory.sqlite.gz").read_bytes()))
        return
    databases.migrate_to(location, SCHEMA_VERSION)
    rows = gzip.decompress((FOLDER / "rows.sql.gz").read_bytes()).decode()
    with psycopg.connect(str(location)) as connection:
        connection.execute("set session_replication_role = replica")
        connection.execute("delete from schema_migrations")
        connection.execute(rows)


def test_an_old_database_opens_answers_and_takes_more(path: Location, settings: Settings) -> None:
    restore(path)
    with Hitherto(path, settings=settings) as memory:
        user = memory.get_user("alice")
        lives = next(item for item in user.list_memories().items if "Lisbon" in item.content)
        session = user.create_session()
        session.add_message(MessageRole.USER, "Where did I live before? My cat is called Miro.")
        context = session.get_context(max_tokens=1000).context
        session.process()
        memory.wait_until_processed(timeout_s=60)
        contents = [item.content for item in user.list_memories().items]
    assert user.metadata == {"plan": "pro"}
    assert [version.content for version in lives.previous_versions] == [
        "User lives in Porto with their dog Bica"
    ]
    assert "I live in Porto with my dog Bica." in context
    assert any("Miro" in content for content in contents)
