"""Addresses of databases: which kind they are of, and how they are shown."""

from pathlib import Path
from urllib.parse import urlsplit

_SERVERS = ("postgresql://", "postgres://")


def is_postgresql(location: str | Path) -> bool:
    """Whether this is the address of a database on a PostgreSQL server."""
    return isinstance(location, str) and location.lower().startswith(_SERVERS)


def shown_address(location: str | Path) -> str:
    """The address for messages and logs: a file's as it is, a server's without the password."""
    text = str(location)
    if not is_postgresql(text):
        return text
    try:
        found = urlsplit(text)
    except ValueError:
        return "postgresql://..."
    before, at, hosts = found.netloc.rpartition("@")
    if "@" in found.path + found.query + found.fragment:
        # A password with a bare slash or question mark stands where it does not belong.
        return "postgresql://..."
    user = before.partition(":")[0]
    return f"postgresql://{user}{at}{hosts}{found.path}"
