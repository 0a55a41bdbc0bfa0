"""Local embedder: all-MiniLM-L6-v2 in int8 on onnxruntime, on the CPU."""

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from hitherto.embedding.cache import (
    build_cached_graph,
    cached_graph,
)
from hitherto.embedding.embedder import EmbedderIdentity, Vectors
from hitherto.embedding.token_counter import TokenCounter, well_formed
from hitherto.embedding.weights import (
    DIMENSION,
    MINILM,
    TOKENIZER_KEY,
    WeightsSource,
    find_weights,
    require_files,
)
from hitherto.onnx_runtime import open_session
from hitherto.threads import is_crowded, measured

MAX_TOKENS = 256
"""Tokens of a text that are embedded, with [CLS] and [SEP]; the model was published with 256."""

MAX_CHARACTERS = 4_000
"""Characters of a text that are tokenised for embedding: over 15 for each token that is used."""


def local_identity(source: WeightsSource = MINILM) -> EmbedderIdentity:
    """Return the identity of the local embedder: model and number format."""
    return _identity(source.name)


def _identity(name: str) -> EmbedderIdentity:
    return EmbedderIdentity(name=f"{name}-int8", dimension=DIMENSION)


class LocalEmbedder:
    """Embeds with a graph that is loaded once; its methods may be called from any thread.

    Texts are embedded one by one, on several threads when there are several. Measured on 4 cores,
    that is a quarter to a third faster than padded batches; and a vector depends on its text
    alone, whereas in an int8 batch the neighbours move it (down to a cosine of 0.965 with itself).
    """

    def __init__(self, name: str, graph: bytes, threads: int | None = None) -> None:
        """Load a graph that `cached_graph` or `build_cached_graph` returned.

        threads: how many texts are embedded at once; by default one per core of this process.
        """
        self._session = open_session(graph)
        metadata = self._session.get_modelmeta().custom_metadata_map
        self._tokenizer = Tokenizer.from_str(metadata[TOKENIZER_KEY])
        # As published it cuts at 128 tokens and pads to 128.
        self._tokenizer.no_truncation()
        self._tokenizer.no_padding()
        self._start = self._tokenizer.token_to_id("[CLS]")
        self._end = self._tokenizer.token_to_id("[SEP]")
        self._counter = TokenCounter(self._tokenizer)
        self._threads = _cores() if threads is None else threads
        self._identity = _identity(name)

    @property
    def identity(self) -> EmbedderIdentity:
        """Name model and number format."""
        return self._identity

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Embed the first 254 tokens of each text: float32, shape (len(texts), 384)."""
        vectors = np.empty((len(texts), DIMENSION), np.float32)
        ids = [self._token_ids(text) for text in texts]
        # Longest first, so that no thread starts a long text when the others have finished.
        order = sorted(range(len(ids)), key=lambda row: ids[row].size, reverse=True)
        # Texts of one project must not take all processors while other projects wait.
        threads = self._threads - 1 if is_crowded() else self._threads
        workers = min(threads, len(texts))
        if workers <= 1:
            for row in order:
                vectors[row] = self._run(ids[row])
            return vectors
        with ThreadPoolExecutor(workers, thread_name_prefix="hitherto-embed") as pool:
            for row, vector in zip(
                order, pool.map(measured(self._run), [ids[row] for row in order]), strict=True
            ):
                vectors[row] = vector
        return vectors

    def embed_query(self, text: str) -> Vectors:
        """Embed like `embed`, on the calling thread: float32, shape (384,)."""
        return self._run(self._token_ids(text))

    def count_tokens(self, text: str) -> int:
        """Count as `TokenCounter` does."""
        return self._counter(text)

    @property
    def token_counter(self) -> TokenCounter:
        """Return a token counter that does not keep the graph in memory."""
        return self._counter

    def _token_ids(self, text: str) -> NDArray[np.int64]:
        shortened = well_formed(text.lstrip()[:MAX_CHARACTERS])
        ids = self._tokenizer.encode(shortened, add_special_tokens=False).ids[: MAX_TOKENS - 2]
        return np.array([self._start, *ids, self._end], np.int64)

    def _run(self, ids: NDArray[np.int64]) -> Vectors:
        vector: Vectors = self._session.run(None, {"ids": ids[np.newaxis]})[0][0]
        return vector


def open_embedder(
    *,
    cache_dir: Path,
    weights_dir: Path | None = None,
    allow_network: bool = False,
    source: WeightsSource = MINILM,
    threads: int | None = None,
) -> LocalEmbedder:
    """Open the local embedder; build its graph first if it is not in the cache.

    The cached graph includes the tokenizer and has a pinned hash, so once it is there the weights
    are not read, or needed, again. A weights_dir that lacks the
    files is an error all the same.

    Raises:
        EmbedderError: no weights, other weights than the pinned ones, or an unusable cache.
    """
    if weights_dir is not None:
        require_files(weights_dir)
    graph = cached_graph(source, cache_dir)
    if graph is None:
        folder = find_weights(
            source, weights_dir=weights_dir, cache_dir=cache_dir, allow_network=allow_network
        )
        graph = build_cached_graph(source, folder, cache_dir)
    return LocalEmbedder(source.name, graph, threads)


def _cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
