"""Removal of secrets from what leaves the process: texts for logs and operators, and errors.

Errors of outside systems (databases, embedders, providers of models, receivers) quote addresses,
keys and what was sent to them. Tenants are shown a fixed sentence in their place
(`errors.tenant_message`); the log gets the text, without what is secret in it.
"""

import json
import logging
import re
from collections.abc import Iterable
from urllib.parse import quote

from hitherto.errors import RecallrAIError, tenant_message

HIDDEN = "***"

MIN_SECRET_CHARS = 4
"""Shorter secrets are not looked for: as parts of words they would take every text apart."""

MAX_CAUSES = 20
"""Errors of one chain that are kept."""

_TOKEN = re.compile(r"\S+")
_AUTHORISATION = re.compile(r"\b(bearer|basic)\s+[\w\-.~+/=*]{6,}", re.IGNORECASE)
_NAMED = re.compile(
    r"(?<![a-z])((?:password|passwd|passphrase|passfile|pwd|secret|token|api[-_ ]?key)"
    r"[\"']?\s*[:=]\s*)"
    r"('(?:[^'\\]|\\.|'')*'|\"(?:[^\"\\]|\\.|\"\")*\"|[^\s,;&}'\"]+)",
    re.IGNORECASE,
)
"""A value that is named as a secret: in a connection string, a query, JSON, a header."""

_KEYS = re.compile(
    r"\b(?:(?:sk|pk|rk|rai|rca|whsec|ghp|gho|github_pat|xai|gsk|hf|nvapi)[-_][\w\-*+/=.]{6,}"
    r"|AIza[\w-]{10,}|eyJ[\w.-]{8,})"
)
"""Keys by the beginnings that their makers give them, ours among them, and signed tokens."""


def without_secrets(text: str, secrets: Iterable[str | None] = ()) -> str:
    """Return a text without user names and passwords of addresses, keys, and the secrets given."""
    for secret in secrets:
        if secret is not None and len(secret) >= MIN_SECRET_CHARS:
            for form in (secret, quote(secret, safe=""), json.dumps(secret)[1:-1]):
                text = text.replace(form, HIDDEN)
    text = _TOKEN.sub(lambda token: without_userinfo(token[0]), text)
    text = _AUTHORISATION.sub(rf"\1 {HIDDEN}", text)
    text = _NAMED.sub(rf"\1{HIDDEN}", text)
    return _KEYS.sub(HIDDEN, text)


def without_userinfo(address: str) -> str:
    """Return an address without the user name and the password in front of its host."""
    end = address.rfind("@")
    if end < 0:
        return address
    scheme = address.find("://", 0, end)
    start = scheme + 3 if scheme >= 0 else address.find(":", 0, end) + 1
    return f"{address[:start]}{HIDDEN}{address[end:]}" if start else address


def sanitised(error: BaseException, secrets: Iterable[str | None] = ()) -> Exception:
    """Return a stand-in for an error, safe to log with its traceback.

    It has the same names, code locations and chain of causes, and texts without secrets.
    """
    hidden = tuple(secrets)
    first = current = _stand_in(error, hidden)
    cause = error
    for _ in range(MAX_CAUSES):
        following = cause.__cause__ or (None if cause.__suppress_context__ else cause.__context__)
        if following is None:
            break
        current.__cause__ = _stand_in(following, hidden)
        current, cause = current.__cause__, following
    return first


def _stand_in(error: BaseException, secrets: Iterable[str | None]) -> Exception:
    kind = type(error)
    names = {"__module__": kind.__module__, "__qualname__": kind.__qualname__}
    made: Exception = type(kind.__name__, (Exception,), names)(without_secrets(str(error), secrets))
    return made.with_traceback(error.__traceback__)


def disclosed(
    error: BaseException, log: logging.Logger, doing: str, secrets: Iterable[str | None] = ()
) -> str:
    """Return what tenants may read of an error, and log what they may not.

    doing: what failed, for the log.
    """
    detail = operator_message(error, secrets)
    if detail is not None:
        log.warning("%s: %s", doing, detail)
    return tenant_message(error)


def operator_message(error: BaseException, secrets: Iterable[str | None] = ()) -> str | None:
    """Return the log's text of an error that tenants may not read, or None.

    For an unforeseen error it is the type alone: its text may quote what users said.
    """
    kind = type(error).__name__
    if not isinstance(error, RecallrAIError):
        return kind
    if error.tenant_message is None:
        return None
    return f"{kind}: {without_secrets(error.message, secrets)}"
