"""Addresses of databases: their kind, and how messages show them."""

import re
import unicodedata
from pathlib import Path
from urllib.parse import urlsplit

from hitherto.errors import ValidationError

SQLITE_URL = "sqlite:///"
HIDDEN_ADDRESS = "(connection string)"
"""Shown in place of an address of unknown form, since any part of it may be a password."""

_SERVERS = ("postgresql://", "postgres://")

_KEYWORDS = (
    "application_name|channel_binding|client_encoding|connect_timeout|data source|database|dbname"
    "|driver|fallback_application_name|gssencmode|gsslib|host|hostaddr|initial catalog|keepalives"
    "|krbsrvname|load_balance_hosts|options|passfile|password|port|pwd|replication|requirepeer"
    r"|server|service|ssl\w*|target_session_attrs|tcp_user_timeout|uid|user|user id|username"
)
_KEYWORD_VALUE = re.compile(rf"(?:^|[\s;'\"])(?:{_KEYWORDS})\s*=")
"""A keyword of libpq, ODBC or ADO.NET, and its sign."""

_SCHEMES = (
    "cockroachdb|duckdb|file|ftps?|https?|jdbc|libsql|mariadb|mongodb|mssql|mysql|odbc|oracle|pg"
    "|pgsql|postgres|postgresql|psql|rediss?|s3|sftp|sqlite3?|sqlserver|ssh|tcp|unix"
)
_URL = re.compile(rf"['\"]?({_SCHEMES})(?:\+\w+)*:")


def is_absent(location: str) -> bool:
    """Return whether an address names a file that is not there.

    Raises ValidationError as `path_of` does.
    """
    if is_postgresql(location):
        return False
    path = path_of(location)
    return path != ":memory:" and not Path(path).expanduser().exists()


def is_postgresql(location: str | Path) -> bool:
    """Return whether this is the address of a database on a PostgreSQL server."""
    return isinstance(location, str) and location.lower().startswith(_SERVERS)


def shown_address(location: str | Path) -> str:
    """Return the address for messages and logs: without a password, whatever its form."""
    text = str(location)
    if not is_postgresql(text):
        return HIDDEN_ADDRESS if is_connection_string(_path_of(text)) else text
    try:
        address = urlsplit(text)
    except ValueError:
        return "postgresql://..."
    before, at, hosts = address.netloc.rpartition("@")
    if "@" in address.path + address.query + address.fragment:
        # A password with a bare slash or question mark stands where it does not belong.
        return "postgresql://..."
    user = before.partition(":")[0]
    return f"postgresql://{user}{at}{hosts}{address.path}"


def path_of(location: str | Path) -> str:
    """Return the path that an address of a file names.

    Raises ValidationError for what looks like a connection string: it is not made a file of that
    name, since the name would show the password.
    """
    path = _path_of(str(location))
    if not is_connection_string(path):
        return path
    match = _URL.match(path.lower())
    kind = f"a {match[1]}:// address" if match else "what looks like a connection string"
    raise ValidationError(
        f"cannot open {kind}: give the path of a file, sqlite:///path/to/file.db or "
        "postgresql://user:password@host/database; a file of such a name is written ./name"
    )


def is_connection_string(text: str) -> bool:
    """Return whether a text is a connection string or URL rather than a path."""
    # Compatibility forms (full-width colons and letters) are read by people as what they look like.
    plain = unicodedata.normalize("NFKC", text).strip().lower()
    return (
        "://" in plain
        or _URL.match(plain) is not None
        or (_KEYWORD_VALUE.search(plain) is not None and not plain.startswith((".", "/", "~")))
        or _has_userinfo(plain)
    )


def _has_userinfo(text: str) -> bool:
    """Return whether a text begins like `user:password@host` or `//user@host`."""
    if text.startswith("//"):
        return "@" in text[2:].partition("/")[0]
    user, _, rest = text.partition(":")
    if len(user) == 1 and rest.startswith(("/", "\\")):
        # The letter of a drive.
        return False
    return user != "" and "@" in rest and "/" not in user and "\\" not in user


def _path_of(text: str) -> str:
    return text[len(SQLITE_URL) :] if text.startswith(SQLITE_URL) else text
