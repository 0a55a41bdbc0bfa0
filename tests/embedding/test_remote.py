"""An embedder behind an endpoint: what it sends, what it believes, and what it does not."""

import json
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import httpx
import numpy as np
import pytest
from tests.embedding.endpoint import DIMENSION, INNER, Answer, Endpoint, Script, data_of
from tests.fakes import HashEmbedder

from hitherto import Settings
from hitherto.embedding import (
    EmbedderIdentity,
    Embedders,
    QuestionEmbedder,
    RemoteEmbedder,
    RemoteModel,
    RemoteParts,
    calibration_of,
    existing_factory,
    factories_of,
    remote_model,
)
from hitherto.embedding.providers import BATCH_CHARACTERS, BATCH_TEXTS, MAX_CHARACTERS, MAX_TRIES
from hitherto.errors import (
    EmbedderChangedError,
    EmbedderError,
    EmbeddingRefusedError,
    ValidationError,
)


class Time:
    """Time that passes only while it is slept."""

    def __init__(self) -> None:
        self.now = 0.0
        self.slept: list[float] = []

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    started = Endpoint()
    yield started
    started.close()


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def remote(endpoint: Endpoint, time: Time) -> Iterator[RemoteEmbedder]:
    embedder = asking(endpoint, time)
    yield embedder
    embedder.close()


def asking(
    endpoint: Endpoint, time: Time, dimension: int | None = DIMENSION, key: str | None = "sk-secret"
) -> RemoteEmbedder:
    return RemoteEmbedder(
        RemoteModel("openai:tiny", "tiny", endpoint.url, key),
        INNER.count_tokens,
        dimension=dimension,
        query_timeout_s=2.0,
        parts=RemoteParts(sleep=time.sleep, monotonic=time.monotonic),
    )


def says(code: int, body: str = "", **headers: str) -> Script:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda _request: Answer(code, body, named)


def changed(change: Callable[[list[dict[str, Any]]], Any]) -> Script:
    def answer(request: dict[str, Any]) -> Answer:
        data = data_of(request)
        replaced = change(data)
        return Answer(body=json.dumps({"data": data if replaced is None else replaced}))

    return answer


def test_texts_become_the_vectors_that_the_endpoint_gives(
    endpoint: Endpoint, remote: RemoteEmbedder
) -> None:
    texts = ["one", "two", "three"]
    np.testing.assert_allclose(remote.embed(texts), INNER.embed(texts), atol=1e-6)
    np.testing.assert_allclose(remote.embed_query("two"), INNER.embed_query("two"), atol=1e-6)
    assert remote.embed([]).shape == (0, DIMENSION)
    assert remote.identity == EmbedderIdentity("openai:tiny", DIMENSION)
    assert remote.identity.calibration is None
    assert remote.count_tokens("two words") == 2
    assert endpoint.paths == ["/v1/embeddings"] * 2
    assert endpoint.requests[0] == {
        "model": "tiny",
        "input": texts,
        "encoding_format": "float",
    }
    assert endpoint.headers[0]["Authorization"] == "Bearer sk-secret"


def test_an_endpoint_without_a_key_is_sent_none(endpoint: Endpoint, time: Time) -> None:
    asking(endpoint, time, key=None).embed_query("one")
    assert "Authorization" not in endpoint.headers[0]


def test_the_dimension_is_asked_for_where_it_is_not_known(endpoint: Endpoint, time: Time) -> None:
    assert asking(endpoint, time, dimension=None).identity.dimension == DIMENSION
    assert len(endpoint.requests) == 1


def test_vectors_are_believed_in_the_order_of_their_indexes_and_brought_to_length_1(
    endpoint: Endpoint, remote: RemoteEmbedder
) -> None:
    def shuffled(request: dict[str, Any]) -> Answer:
        return Answer(body=json.dumps({"data": data_of(request, 7.0)[::-1]}))

    endpoint.script = [shuffled]
    np.testing.assert_allclose(remote.embed(["one", "two"]), INNER.embed(["one", "two"]), atol=1e-6)


def test_many_texts_go_in_several_requests_and_come_back_in_order(
    endpoint: Endpoint, remote: RemoteEmbedder
) -> None:
    texts = [f"text {number}" for number in range(2 * BATCH_TEXTS + 5)]
    np.testing.assert_allclose(remote.embed(texts), INNER.embed(texts), atol=1e-6)
    assert sorted(len(request["input"]) for request in endpoint.requests) == [
        5,
        BATCH_TEXTS,
        BATCH_TEXTS,
    ]


def test_long_texts_are_cut_and_fill_a_request_by_their_characters(
    endpoint: Endpoint, remote: RemoteEmbedder
) -> None:
    remote.embed(["x" * (MAX_CHARACTERS + 1)] * 40)
    sizes = [sum(map(len, request["input"])) for request in endpoint.requests]
    assert sum(sizes) == 40 * MAX_CHARACTERS
    assert max(sizes) <= BATCH_CHARACTERS


def test_texts_that_endpoints_refuse_are_sent_as_something_else(
    endpoint: Endpoint, remote: RemoteEmbedder
) -> None:
    remote.embed(["", " \n", "a\0b", "lone \ud800 surrogate"])
    assert endpoint.requests[0]["input"] == ["(blank)", "(blank)", "a b", "lone ? surrogate"]


@pytest.mark.parametrize(
    ("script", "why"),
    [
        (changed(lambda data: data[:-1]), "gave 1 vectors for 2 texts"),
        (changed(lambda data: [*data, data[0]]), "gave 3 vectors for 2 texts"),
        (changed(lambda data: [data[0], data[0]]), "not one for each"),
        (changed(lambda data: data[0]["embedding"].__delitem__(0)), "vectors of 63 and 64 numbers"),
        (changed(lambda data: [item | {"embedding": [1.0] * 3} for item in data]), "of 3 numbers"),
        (changed(lambda data: [item | {"embedding": []} for item in data]), "of 0 numbers"),
        (changed(lambda data: [item | {"embedding": "AAAA"} for item in data]), "not lists"),
        (
            changed(lambda data: [item | {"embedding": ["a"] * 64} for item in data]),
            "not numbers",
        ),
        (
            changed(lambda data: [item | {"embedding": [10**400] * 64} for item in data]),
            "not numbers",
        ),
        (
            changed(lambda data: data[1]["embedding"].__setitem__(3, float("nan"))),
            "not finite",
        ),
        (
            changed(lambda data: data[1]["embedding"].__setitem__(3, float("inf"))),
            "not finite",
        ),
        (changed(lambda data: [item | {"embedding": [0.0] * 64} for item in data]), "length zero"),
        (says(200, "<html>"), "an answer without vectors"),
        (says(200, '{"data": 7}'), "an answer without vectors"),
        (says(200, "[" * 100_000), "an answer without vectors"),
        (says(400, "no such thing"), "answered 400: no such thing"),
        (says(401), "answered 401: nothing; check HITHERTO_EMBEDDER_API_KEY"),
        (says(404), "check the model's name"),
    ],
)
def test_an_answer_that_cannot_be_believed_is_an_error_and_not_asked_for_again(
    endpoint: Endpoint, remote: RemoteEmbedder, time: Time, script: Script, why: str
) -> None:
    endpoint.script = [script]
    with pytest.raises(EmbedderError, match=why) as caught:
        remote.embed(["one", "two"])
    assert "sk-secret" not in str(caught.value)
    assert "openai:tiny" in str(caught.value)
    assert len(endpoint.requests) == 1
    assert time.slept == []


def test_a_failure_that_passes_is_waited_for_with_growing_pauses(
    endpoint: Endpoint, remote: RemoteEmbedder, time: Time
) -> None:
    endpoint.script = [says(500), says(503), says(429)]
    remote.embed(["one"])
    assert time.slept == [0.5, 1.0, 2.0]


@pytest.mark.parametrize(
    ("headers", "pause_s"),
    [
        ({"Retry_After": "7"}, 7.0),
        ({"Retry_After": "0.25"}, 0.25),
        ({"Retry_After": "-3"}, 0.0),
        ({"Retry_After": "soon"}, 0.5),
        (
            {
                "Retry_After": "Wed, 21 Oct 2015 07:28:30 GMT",
                "Date": "Wed, 21 Oct 2015 07:28:00 GMT",
            },
            30.0,
        ),
    ],
)
def test_the_pause_that_a_server_asks_for_is_kept(
    endpoint: Endpoint,
    remote: RemoteEmbedder,
    time: Time,
    headers: dict[str, str],
    pause_s: float,
) -> None:
    if "Date" in headers:
        # The standard server adds a date of its own in front.
        endpoint._server.RequestHandlerClass.send_response = (  # type: ignore[method-assign]
            lambda self, code: self.send_response_only(code)
        )
    endpoint.script = [says(429, "slow down", **headers)]
    remote.embed(["one"])
    assert time.slept == [pause_s]


def test_a_pause_of_minutes_is_not_waited_for(
    endpoint: Endpoint, remote: RemoteEmbedder, time: Time
) -> None:
    endpoint.script = [says(429, "", Retry_After="3600")]
    with pytest.raises(EmbeddingRefusedError, match=r"answered 429.*try again later"):
        remote.embed(["one"])
    assert time.slept == []


def test_it_gives_up_after_some_tries(endpoint: Endpoint, remote: RemoteEmbedder) -> None:
    endpoint.script = [says(500, "broken")] * MAX_TRIES
    with pytest.raises(EmbeddingRefusedError, match=f"500: broken .tried {MAX_TRIES} times"):
        remote.embed(["one"])
    remote.embed(["one"])


def test_a_question_is_tried_again_only_within_its_time(
    endpoint: Endpoint, remote: RemoteEmbedder, time: Time
) -> None:
    endpoint.script = [says(500)] * MAX_TRIES
    with pytest.raises(EmbeddingRefusedError):
        remote.embed_query("one")
    assert time.slept == [0.5, 1.0]
    assert time.now < 2.0


def test_an_endpoint_that_hangs_costs_a_question_its_time_and_no_more(endpoint: Endpoint) -> None:
    endpoint.script = [endpoint.hang]
    embedder = RemoteEmbedder(
        RemoteModel("openai:tiny", "tiny", endpoint.url),
        INNER.count_tokens,
        dimension=DIMENSION,
        query_timeout_s=0.1,
    )
    with pytest.raises(EmbeddingRefusedError, match=r"gave no answer in 0\.1 s"):
        embedder.embed_query("one")
    assert len(endpoint.requests) == 1
    embedder.close()


def test_an_answer_that_trickles_in_costs_a_question_its_time_and_no_more(time: Time) -> None:
    def trickle() -> Iterator[bytes]:
        while True:
            time.sleep(0.6)
            yield b" "

    embedder = RemoteEmbedder(
        RemoteModel("openai:tiny", "tiny", "http://endpoint.test"),
        INNER.count_tokens,
        dimension=DIMENSION,
        query_timeout_s=2.0,
        parts=RemoteParts(
            httpx.MockTransport(lambda _: httpx.Response(200, content=trickle())),
            time.sleep,
            time.monotonic,
        ),
    )
    with pytest.raises(EmbeddingRefusedError, match="was too slow to answer"):
        embedder.embed_query("one")
    assert len(time.slept) == 4


def test_an_endpoint_that_is_not_there_is_an_error_that_says_where(
    endpoint: Endpoint, time: Time
) -> None:
    embedder = RemoteEmbedder(
        RemoteModel("ollama:tiny", "tiny", "http://127.0.0.1:9/v1"),
        INNER.count_tokens,
        dimension=DIMENSION,
        parts=RemoteParts(sleep=time.sleep, monotonic=time.monotonic),
    )
    with pytest.raises(EmbeddingRefusedError, match=r"ollama:tiny at http://127.0.0.1:9/v1 could"):
        embedder.embed(["one"])
    assert len(time.slept) == MAX_TRIES - 1
    embedder.close()


def test_an_answer_that_never_ends_is_not_read_to_its_end(
    endpoint: Endpoint, remote: RemoteEmbedder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hitherto.embedding.providers.MAX_ANSWER_BYTES", 1_000)
    with pytest.raises(EmbeddingRefusedError, match="too large"):
        remote.embed(["one"] * 50)


@pytest.mark.parametrize("name", ["", "openai", "openai:", "openai: ", "word2vec:big", "Local"])
def test_a_name_that_means_no_embedder_is_refused(name: str) -> None:
    with pytest.raises(ValidationError, match="openai:MODEL"):
        remote_model(name)


def test_the_address_is_the_providers_unless_a_setting_says_otherwise() -> None:
    assert remote_model("openai:a:b").base_url == "https://api.openai.com/v1"
    assert remote_model("openai:a:b").model == "a:b"
    assert remote_model("ollama:nomic").base_url == "http://localhost:11434/v1"
    assert remote_model("openai:a", "http://here/v1/").base_url == "http://here/v1"
    assert "secret" not in repr(remote_model("openai:a", None, "secret"))
    with pytest.raises(ValidationError, match="begins with"):
        remote_model("openai:a", "here/v1")


def test_the_settings_name_the_embedders_of_a_process() -> None:
    settings = Settings(embedder="openai:large", next_embedder="local")
    assert [str(factory) for factory in factories_of(settings)] == [
        "openai:large",
        "all-minilm-l6-v2-int8/384",
    ]
    with pytest.raises(ValidationError):
        factories_of(Settings(embedder="nonsense"))


def test_a_process_opens_an_embedder_when_the_database_first_asks_for_it() -> None:
    embedders = Embedders([existing_factory(INNER), existing_factory(HashEmbedder(32))])
    assert embedders.first() is INNER
    assert embedders.of("hash-32", 32).identity.dimension == 32
    with pytest.raises(EmbedderChangedError, match="hash-16/16, this is hash-32/32 or hash-64/64"):
        embedders.of("hash-16", 16)
    with pytest.raises(EmbedderChangedError, match="hash-32/48, this is hash-32/32"):
        embedders.of("hash-32", 48)


def test_a_question_whose_embedder_fails_is_looked_for_by_its_words(
    endpoint: Endpoint, remote: RemoteEmbedder, caplog: pytest.LogCaptureFixture
) -> None:
    question_embedder = QuestionEmbedder(remote)
    assert question_embedder.embed(["one", "two"]).any()
    assert question_embedder.failure is None
    endpoint.script = [says(400, "gone")]
    assert not question_embedder.embed(["one", "two", "three"]).any()
    assert question_embedder.failure == "the embedder gave no vectors; the log has the details"
    assert "answered 400: gone" in caplog.text
    assert not question_embedder.embed_query("one").any()
    assert len(endpoint.requests) == 2


class Squeezed:
    """Finds everything alike: its cosines are those of another, brought nearer to 1."""

    def __init__(self, inner: Any, share: float) -> None:
        self._inner, self._share = inner, share
        dimension = inner.identity.dimension + 1
        self.identity = EmbedderIdentity("squeezed", dimension, None)

    def embed(self, texts: Sequence[str]) -> Any:
        vectors = np.asarray(self._inner.embed(texts))
        alike = np.full((len(texts), 1), np.sqrt(1 - self._share), np.float32)
        return np.hstack([np.sqrt(np.float32(self._share)) * vectors, alike])

    def embed_query(self, text: str) -> Any:
        return self.embed([text])[0]

    def count_tokens(self, text: str) -> int:
        return int(self._inner.count_tokens(text))


@pytest.mark.parametrize("share", [0.9, 0.5, 0.25])
def test_a_probe_of_sentences_tells_what_an_embedders_cosines_mean(
    embedder: Any, share: float
) -> None:
    line = calibration_of(Squeezed(embedder, share))
    assert line.scale == pytest.approx(1 / share, rel=0.01)
    cosines = np.array([0.1, 0.6], np.float32)
    np.testing.assert_allclose(line.apply(share * cosines + (1 - share)), cosines, atol=0.01)


def test_an_embedder_that_tells_nothing_apart_is_refused(embedder: Any) -> None:
    with pytest.raises(EmbedderError, match="use another model"):
        calibration_of(Squeezed(embedder, 0.001))


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("My door code is 1234, and I live in Porto.", 'bad input: "my door code is 1234,"'),
        (
            "Meine T\u00fcr \u00f6ffnet mit dem Schl\u00fcssel",
            '{"input": "T\\u00fcr \\u00f6ffnet mit dem Schl"}',
        ),
        ("cat", "{}"),
        ("diabetes", '{"detail": [{"input": "diabetes"}]}'),
        ("x" * 9_000 + "the end of a long text", "the end of xxxxxxxxxxxxxxxxxxxxxxxx"),
    ],
)
def test_an_answer_that_quotes_what_was_sent_is_not_in_the_error(
    endpoint: Endpoint, remote: RemoteEmbedder, text: str, answer: str
) -> None:
    endpoint.script = [says(400, answer)]
    with pytest.raises(EmbeddingRefusedError) as caught:
        remote.embed(["another text that was sent", text])
    if text == "cat":
        assert "answered 400: {}" in caught.value.message
    else:
        assert "answered 400: (an answer that quotes what was sent)" in caught.value.message


def test_an_answer_is_kept_without_the_key_it_was_asked_with(
    endpoint: Endpoint, time: Time
) -> None:
    key = 'very "secret" key/+'
    question_embedder = asking(endpoint, time, key=key)
    for answer in (f"{'x' * 190} {key}", json.dumps({"key": key}), "https://a:b@host failed"):
        endpoint.script = [says(401, answer)]
        with pytest.raises(EmbeddingRefusedError) as caught:
            question_embedder.embed(["one"])
        assert "very" not in caught.value.message
        assert "a:b@" not in caught.value.message
