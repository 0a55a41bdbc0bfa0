"""Removal of secrets from texts and errors."""

import inspect
import logging
import time
import traceback
from typing import Any

import pytest

from hitherto import errors
from hitherto.disclosure import HIDDEN, disclosed, sanitised, without_secrets, without_userinfo
from hitherto.errors import (
    EmbedderError,
    InferenceError,
    RecallrAIError,
    StoreError,
    UserNotFoundError,
    tenant_message,
)

MARK = "Zx8qMARKED"

SECRET_TEXTS = [
    f"no answer from https://me:{MARK}@host.example/v1",
    f"no answer from https://{MARK}@host.example/v1",
    f"no answer from 'HTTPS://me:{MARK}@host.example:8443/v1?x=y'",
    f"connect http://me:pa/{MARK}@host.example",
    f"connect http://me:p@ss{MARK}@host.example, then http://a:{MARK}@other.example",
    f"postgresql+psycopg://me:{MARK}@db.example/memory",
    f"could not connect to me:{MARK}@db.example",
    f"host=db.example user=me password={MARK} dbname=memory",
    f"host=db.example password = 'it''s {MARK}'",
    f"host=db.example password='with \\' quote {MARK}' user=me",
    f"Server=db.example;Password={MARK};Database=memory",
    f"PASSWORD: {MARK}",
    f'{{"api_key": "{MARK}", "model": "tiny"}}',
    f"{{'api-key': '{MARK}'}}",
    f"GET /v1?api_key={MARK}&x=y",
    f"HITHERTO_EMBEDDER_API_KEY={MARK}",
    f"Authorization: Bearer {MARK}",
    f"headers {{'authorization': 'bearer {MARK}'}}",
    f"Proxy-Authorization: Basic {MARK}==",
    f"Incorrect API key provided: sk-{MARK}*****abcd. Find yours",
    f"Invalid key rai_{MARK}",
    f"Invalid key rca_{MARK}-_x",
    f"secret whsec_{MARK}/+=",
    f"key AIza{MARK}000000",
    f"token eyJ{MARK}.eyJzdWIi.c2ln",
    f"xai-{MARK}",
    f"session_token={MARK}",
]
HARMLESS = [
    "openai:tiny at http://127.0.0.1:8080/v1 answered 503: try again in 20 s",
    "check HITHERTO_EMBEDDER_API_KEY",
    "password authentication failed for user",
    "This model's maximum context length is 8192 tokens; you sent 9000 tokens",
    "the skeleton key-ring of bob@example.com",
    "/srv/data/memory.db: database is locked",
    "[Errno 111] Connection refused",
]


@pytest.mark.parametrize("text", SECRET_TEXTS)
def test_secrets_are_taken_out_of_a_text(text: str) -> None:
    disclosed_text = without_secrets(text)
    assert MARK not in disclosed_text
    assert HIDDEN in disclosed_text


@pytest.mark.parametrize("text", HARMLESS)
def test_what_is_no_secret_stays(text: str) -> None:
    assert without_secrets(text) == text


@pytest.mark.parametrize(
    ("address", "printed"),
    [
        ("https://me:word@host/v1", "https://***@host/v1"),
        ("https://host/v1", "https://host/v1"),
        ("https://host/v1/@tag", "https://***@tag"),
        ("me:word@host", "me:***@host"),
        ("bob@example.com", "bob@example.com"),
        ("", ""),
        ("@", "@"),
    ],
)
def test_an_address_is_shown_without_who_logs_in(address: str, printed: str) -> None:
    assert without_userinfo(address) == printed


@pytest.mark.parametrize("secret", [MARK, f"{MARK}/+ =ü", f'{MARK}"quoted"', f"{MARK}\\"])
@pytest.mark.parametrize("form", ["plain {}", "in a query ?x={quoted}", "in JSON {dumped}"])
def test_known_secrets_are_taken_out_in_every_form(secret: str, form: str) -> None:
    import json
    from urllib.parse import quote

    text = form.format(secret, quoted=quote(secret, safe=""), dumped=json.dumps(secret))
    assert MARK not in without_secrets(text, [None, secret])


def test_secrets_too_short_to_be_any_leave_the_text() -> None:
    assert without_secrets("an answer", ["an", "", None]) == "an answer"


PUMPS = [
    "://",
    "@",
    "a:@",
    "http://a",
    "password=",
    "password='",
    'password="',
    'password="\\',
    "password=' \\'",
    "token ",
    "bearer ",
    "basic ",
    "sk-",
    "sk-a ",
    "eyJ-",
    "eyJaaaaaaaa.",
    "a-",
    "api key",
    "api_key:",
    "\\",
    "'",
    "token=''",
    'token=""',
    " ",
    "x",
    "secret\t",
]


@pytest.mark.parametrize("piece", PUMPS)
def test_a_long_text_takes_time_in_proportion_to_its_length(piece: str) -> None:
    def seconds(characters: int) -> float:
        text = piece * (characters // len(piece))
        began = time.process_time()
        without_secrets(text, [MARK])
        return time.process_time() - began

    short = min(seconds(25_000) for _ in range(3))
    assert min(seconds(200_000) for _ in range(3)) < 8 * 4 * short + 0.2


def raised() -> RecallrAIError:
    try:
        try:
            raise ConnectionError(f"to http://me:{MARK}@host")
        except ConnectionError as error:
            raise KeyError(f"api_key={MARK}") from error
    except KeyError as error:
        try:
            raise EmbedderError(f"asked with Bearer {MARK}")
        except EmbedderError as last:
            last.__cause__ = error
            return last


def test_an_error_for_the_log_keeps_its_kind_places_and_causes_and_no_secret() -> None:
    error = raised()
    stand_in = sanitised(error)
    text = "".join(traceback.format_exception(stand_in))
    assert MARK not in text
    assert MARK in "".join(traceback.format_exception(error))
    assert "hitherto.errors.EmbedderError: asked with Bearer ***" in text
    assert text.index("ConnectionError: to http://***@host") < text.index("KeyError: ")
    assert text.count(__file__) == 3
    assert sanitised(ValueError("plain")).args == ("plain",)


def test_a_circle_of_causes_ends() -> None:
    first, second = ValueError("one"), ValueError("two")
    first.__cause__, second.__cause__ = second, first
    assert "two" in "".join(traceback.format_exception(sanitised(first)))


def kinds() -> list[type[RecallrAIError]]:
    return [
        kind
        for _, kind in inspect.getmembers(errors, inspect.isclass)
        if issubclass(kind, RecallrAIError)
    ]


def error_of(kind: type[RecallrAIError], message: str) -> RecallrAIError:
    needed: dict[str, Any] = {}
    if "invalid_categories" in inspect.signature(kind).parameters:
        needed["invalid_categories"] = []
    return kind(message, **needed)


OURS_TO_SAY = {"ClosedError", "OverloadedError", "BudgetSpentError", "UnavailableError"}


@pytest.mark.parametrize("kind", kinds(), ids=lambda kind: kind.__name__)
def test_tenants_read_messages_about_their_own_calls_and_no_other(
    kind: type[RecallrAIError],
) -> None:
    printed = tenant_message(error_of(kind, MARK))
    about_calls = not issubclass(kind, errors.UnavailableError | errors.NetworkError) and not (
        issubclass(kind, errors.InternalServerError)
    )
    assert (MARK in printed) is (about_calls or kind.__name__ in OURS_TO_SAY)


def test_the_text_of_an_error_that_nobody_foresaw_is_not_shown() -> None:
    assert tenant_message(ValueError(MARK)) == "an unexpected error; the log has the details"


@pytest.mark.parametrize(
    ("error", "logged"),
    [
        (StoreError("disk full"), "reading: StoreError: disk full"),
        (
            EmbedderError(f"http://me:{MARK}@host answered 500"),
            "reading: EmbedderError: http://***@host answered 500",
        ),
        (InferenceError("tiny said no", tenant_message="no"), "InferenceError: tiny said no"),
        (ValueError("my door code"), "reading: ValueError"),
    ],
)
def test_what_tenants_may_not_read_is_logged(
    error: Exception, logged: str, caplog: pytest.LogCaptureFixture
) -> None:
    printed = disclosed(error, logging.getLogger("hitherto.test"), "reading")
    assert printed == tenant_message(error)
    assert caplog.messages[0].endswith(logged)
    assert "my door code" not in caplog.text


def test_what_tenants_may_read_is_not_logged(caplog: pytest.LogCaptureFixture) -> None:
    sentence = disclosed(
        UserNotFoundError("no alice"), logging.getLogger("hitherto.test"), "reading"
    )
    assert (sentence, caplog.messages) == ("no alice", [])
