"""Embedders behind an OpenAI-compatible `/embeddings` endpoint, asked over HTTP.

Answers are checked: as many vectors as texts, each of the right length, finite and not zero; they
are normalised to length 1. Temporary failures are retried, after Retry-After or a growing delay.
"""

import contextlib
import json
import time
import weakref
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import httpx
import numpy as np

from hitherto.backoff import Backoff, retry_after_s
from hitherto.disclosure import without_secrets
from hitherto.embedding.embedder import EmbedderIdentity, Vectors
from hitherto.errors import EmbedderError, EmbeddingRefusedError, ValidationError
from hitherto.settings import checked_base_url

PROVIDERS = {
    "openai": "https://api.openai.com/v1",
    "ollama": "http://localhost:11434/v1",
}
"""Default address of each provider."""

BATCH_TEXTS = 128
BATCH_CHARACTERS = 200_000
"""Limits of one request: a quarter of OpenAI's, and few enough for Ollama to answer in time."""

MAX_CHARACTERS = 8_000
"""Maximum characters of a text: endpoints take 8,191 tokens, each of at least one character."""

REQUESTS_AT_ONCE = 4
BATCH_TIMEOUT_S = 60.0
MAX_TRIES = 6
BACKOFF = Backoff(first_s=0.5, longest_s=60.0)
"""With a longer Retry-After, the request fails."""

MAX_ANSWER_BYTES = 64 * 2**20
"""More than the JSON of a full batch of vectors of 4,096 dimensions."""

BLANK = "(blank)"
"""Sent instead of a text without visible characters, which endpoints refuse."""

_PROBE = "dimension"
_READ_BYTES = 4_000
_QUOTED_CHARACTERS = 200
"""Maximum characters that are quoted of a refusal."""

_RUN_CHARACTERS = 16
_SHORTEST_CHARACTERS = 4
"""An answer with this much of a text, or with a whole shorter text, quotes a user."""

_PASSING = frozenset({408, 409, 425, 429, 500, 502, 503, 504, 529})
_ADVICE = {
    401: "check HITHERTO_EMBEDDER_API_KEY",
    403: "check what the key in HITHERTO_EMBEDDER_API_KEY may do",
    404: "check the model's name, and HITHERTO_EMBEDDER_BASE_URL",
}


@dataclass(frozen=True, slots=True)
class RemoteModel:
    """A model and where it is asked. name: provider and model, as in the settings."""

    name: str
    model: str
    base_url: str
    api_key: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class RemoteParts:
    """Transport and timing of requests; replaceable in tests."""

    transport: httpx.BaseTransport | None = None
    sleep: Callable[[float], None] = time.sleep
    monotonic: Callable[[], float] = time.monotonic


def remote_model(name: str, base_url: str | None = None, api_key: str | None = None) -> RemoteModel:
    """Return provider and model of a setting `provider:model`.

    base_url: None for the provider's own. Raises ValidationError for another form or provider.
    """
    if base_url is not None:
        try:
            base_url = checked_base_url(base_url, "embedder_base_url")
        except ValueError as error:
            raise ValidationError(str(error)) from error
    provider, _, model = name.partition(":")
    if provider not in PROVIDERS or not model.strip():
        names = ", ".join(f"{provider}:MODEL" for provider in PROVIDERS)
        raise ValidationError(f"there is no embedder {name!r}; give local, or one of {names}")
    return RemoteModel(name, model, base_url or PROVIDERS[provider], api_key)


class _PassingError(EmbeddingRefusedError):
    """A temporary failure: the same request may succeed later."""

    def __init__(self, message: str, pause_s: float | None = None) -> None:
        super().__init__(message)
        self.pause_s = pause_s


class RemoteEmbedder:
    """Embedder behind an endpoint. Its cosines must be calibrated before use.

    Tokens are counted with the local tokenizer, so that budgets mean the same for every embedder.
    """

    def __init__(
        self,
        model: RemoteModel,
        count_tokens: Callable[[str], int],
        *,
        dimension: int | None = None,
        query_timeout_s: float = 2.0,
        parts: RemoteParts | None = None,
    ) -> None:
        """Request one embedding if the dimension is not known.

        query_timeout_s: maximum time of `embed_query`, including attempts and delays.
        Raises EmbedderError if the endpoint gives no answer.
        """
        self._model = model
        self._count_tokens = count_tokens
        self._query_timeout_s = query_timeout_s
        self._parts = RemoteParts() if parts is None else parts
        headers = {} if model.api_key is None else {"Authorization": f"Bearer {model.api_key}"}
        self._http = httpx.Client(transport=self._parts.transport, headers=headers)
        # Clients share the embedder, so its last user closes the connections.
        self._closing = weakref.finalize(self, self._http.close)
        self._dimension = dimension
        if dimension is None:
            dimension = self._request_with_retries([_PROBE], BATCH_TIMEOUT_S).shape[1]
        self._dimension = dimension
        self._identity = EmbedderIdentity(model.name, dimension, None)

    @property
    def identity(self) -> EmbedderIdentity:
        """Name provider and model; the calibration is not known."""
        return self._identity

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Embed the first 8,000 characters of each text: float32, (len(texts), dimension)."""
        sent = [_sendable(text) for text in texts]
        batches = _batches(sent)
        if not batches:
            return np.empty((0, self._identity.dimension), np.float32)
        if len(batches) == 1:
            return self._request_with_retries(batches[0], BATCH_TIMEOUT_S)
        with ThreadPoolExecutor(
            min(REQUESTS_AT_ONCE, len(batches)), thread_name_prefix="hitherto-embed"
        ) as pool:
            batches_sent = [
                pool.submit(self._request_with_retries, batch, BATCH_TIMEOUT_S) for batch in batches
            ]
            try:
                return np.concatenate([future.result() for future in batches_sent])
            finally:
                pool.shutdown(cancel_futures=True)

    def embed_query(self, text: str) -> Vectors:
        """Embed like `embed`, within the time that a query may take: float32, (dimension,)."""
        vector: Vectors = self.embed_queries([text])[0]
        return vector

    def embed_queries(self, texts: Sequence[str]) -> Vectors:
        """Embed several queries in the time of one: float32, (len(texts), dimension)."""
        return self._request_with_retries([_sendable(text) for text in texts], None)

    def count_tokens(self, text: str) -> int:
        """Count WordPiece tokens with the local tokenizer, whatever the model's own are."""
        return self._count_tokens(text)

    def close(self) -> None:
        """Close the connections; the last reference closes them, too."""
        self._closing()

    def _request_with_retries(self, texts: Sequence[str], timeout_s: float | None) -> Vectors:
        """Return the vectors of texts, with retries after temporary failures.

        timeout_s: of each of `MAX_TRIES` attempts; None for the time of a query, over all attempts.
        """
        start = self._parts.monotonic()
        for attempt in range(1, MAX_TRIES + 1):
            left_s = timeout_s
            if left_s is None:
                left_s = self._query_timeout_s - (self._parts.monotonic() - start)
            try:
                return self._ask_once(texts, left_s)
            except _PassingError as error:
                wait_s = BACKOFF.delay_s(attempt) if error.pause_s is None else error.pause_s
                spent_s = self._parts.monotonic() - start + wait_s
                too_late = timeout_s is None and spent_s >= self._query_timeout_s
                if attempt == MAX_TRIES or too_late or wait_s > BACKOFF.longest_s:
                    raise EmbeddingRefusedError(
                        f"{error.message} (tried {attempt} times); try again later"
                    ) from error
                self._parts.sleep(wait_s)
        raise EmbeddingRefusedError(self._message("was not asked"))

    def _ask_once(self, texts: Sequence[str], timeout_s: float) -> Vectors:
        deadline = self._parts.monotonic() + timeout_s
        request = {"model": self._model.model, "input": texts, "encoding_format": "float"}
        try:
            with self._http.stream(
                "POST", f"{self._model.base_url}/embeddings", json=request, timeout=timeout_s
            ) as response:
                body = self._read(response, deadline)
        except httpx.TimeoutException as error:
            raise _PassingError(self._message(f"gave no answer in {timeout_s:.3g} s")) from error
        except httpx.TransportError as error:
            raise _PassingError(self._message(f"could not be reached: {error}")) from error
        except (httpx.InvalidURL, httpx.HTTPError) as error:
            raise EmbeddingRefusedError(
                self._message(f"could not be asked: {error}; check HITHERTO_EMBEDDER_BASE_URL")
            ) from error
        if response.status_code != httpx.codes.OK:
            raise self._refusal(response, body, texts)
        return self._check_vectors(body, len(texts))

    def _read(self, response: httpx.Response, deadline: float) -> bytes:
        body = bytearray()
        for chunk in response.iter_bytes():
            body += chunk
            if len(body) > MAX_ANSWER_BYTES:
                raise EmbeddingRefusedError(self._message("sent an answer that is too large"))
            if self._parts.monotonic() > deadline:
                raise _PassingError(self._message("was too slow to answer"))
        return bytes(body)

    def _refusal(
        self, response: httpx.Response, body: bytes, texts: Sequence[str]
    ) -> EmbedderError:
        code = response.status_code
        reason = _excerpt(body, texts, self._model.api_key)
        message = self._message(f"answered {code}: {reason or 'nothing'}")
        if code in _PASSING:
            return _PassingError(message, retry_after_s(response.headers))
        return EmbeddingRefusedError(f"{message}; {_ADVICE.get(code, 'nothing was embedded')}")

    def _check_vectors(self, body: bytes, count: int) -> Vectors:
        """Return the vectors of an answer, in the order of the texts, with length 1."""
        rows = self._rows(body, count)
        lengths = {len(row) for row in rows}
        wanted = {self._dimension} if self._dimension else lengths
        if lengths != wanted or len(lengths) != 1 or 0 in lengths:
            raise EmbeddingRefusedError(
                self._message(
                    f"gave vectors of {_count_list(lengths)} numbers, not of {_count_list(wanted)};"
                    " it is not the model that the memory was created with"
                )
            )
        try:
            vectors = np.array(rows, np.float64)
        except (TypeError, ValueError, OverflowError) as error:
            raise EmbeddingRefusedError(
                self._message("gave vectors with values that are not numbers")
            ) from error
        norms = np.linalg.norm(vectors, axis=1, keepdims=True)
        if not np.isfinite(vectors).all() or not np.isfinite(norms).all() or not norms.all():
            raise EmbeddingRefusedError(
                self._message("gave a vector of length zero, or one that is not finite")
            )
        return np.asarray(vectors / norms, np.float32)

    def _rows(self, body: bytes, count: int) -> list[list[float]]:
        try:
            data: Any = json.loads(body)["data"]
            rows = {item["index"]: item["embedding"] for item in data}
        except (ValueError, TypeError, KeyError, RecursionError) as error:
            raise EmbeddingRefusedError(self._message("gave an answer without vectors")) from error
        if len(data) != count or set(rows) != set(range(count)):
            raise EmbeddingRefusedError(
                self._message(f"gave {len(data)} vectors for {count} texts, or not one for each")
            )
        if not all(isinstance(row, list) for row in rows.values()):
            raise EmbeddingRefusedError(self._message("gave vectors that are not lists"))
        return [rows[number] for number in range(count)]

    def _message(self, what: str) -> str:
        secrets = (self._model.api_key,)
        message = f"the embedder {self._model.name} at {self._model.base_url} {what}"
        return without_secrets(message, secrets)


def _excerpt(body: bytes, texts: Sequence[str], api_key: str | None) -> str:
    """Return the start of a refusal for the log, without secrets or quoted texts."""
    text = body[:_READ_BYTES].decode("utf-8", "replace")
    # Escapes could hide quoted text.
    with contextlib.suppress(ValueError, RecursionError):
        text = json.dumps(json.loads(text), ensure_ascii=False)
    excerpt = without_secrets(" ".join(text.split()), (api_key,))[:_QUOTED_CHARACTERS]
    return "(an answer that quotes what was sent)" if _quotes(excerpt, texts) else excerpt


def _quotes(answer: str, texts: Sequence[str]) -> bool:
    """Return whether an answer repeats a part of the request."""
    answer = answer.lower()
    runs = {answer[start : start + _RUN_CHARACTERS] for start in range(len(answer))}
    for text in texts:
        sent = " ".join(text.split()).lower()
        if len(sent) < _RUN_CHARACTERS:
            if len(sent) >= _SHORTEST_CHARACTERS and sent in answer:
                return True
        elif any(run in sent for run in runs if len(run) == _RUN_CHARACTERS):
            return True
    return False


def _sendable(text: str) -> str:
    """A text as endpoints take it: UTF-8, not blank, not too long."""
    kept = text.strip()[:MAX_CHARACTERS].encode("utf-8", "replace").decode("utf-8")
    return kept.replace("\0", " ").strip() or BLANK


def _batches(texts: Sequence[str]) -> list[Sequence[str]]:
    """Run of texts, each small enough for one request."""
    borders, characters = [0], 0
    for number, text in enumerate(texts):
        full = number - borders[-1] == BATCH_TEXTS or characters + len(text) > BATCH_CHARACTERS
        if full and number > borders[-1]:
            borders.append(number)
            characters = 0
        characters += len(text)
    return [texts[start:end] for start, end in pairwise([*borders, len(texts)]) if start < end]


def _count_list(lengths: set[int]) -> str:
    return " and ".join(f"{length:,}" for length in sorted(lengths)) or "no"
