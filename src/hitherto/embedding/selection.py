"""Selection of embedders: by the settings of a process, and by the database.

A database records which embedder made its vectors, and that can change while processes work on it.
So a process can have several embedders, each opened when a database first requires it.
"""

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from hitherto.embedding.embedder import (
    Embedder,
    EmbedderIdentity,
)
from hitherto.embedding.local import LocalEmbedder, local_identity, open_embedder
from hitherto.embedding.providers import RemoteEmbedder, remote_model
from hitherto.errors import EmbedderChangedError
from hitherto.settings import Settings

LOCAL = "local"
"""Name of the local embedder in the settings."""


@dataclass(frozen=True, slots=True)
class EmbedderFactory:
    """Factory of an embedder.

    name, dimension: its identity's; the dimension is None if only opening shows it. open: blocking;
    takes the dimension that the database says it has, if it says one.
    """

    name: str
    open: Callable[[int | None], Embedder]
    dimension: int | None = None

    def __str__(self) -> str:
        return self.name if self.dimension is None else f"{self.name}/{self.dimension}"


def existing_factory(embedder: Embedder) -> EmbedderFactory:
    """Return the factory of an existing embedder."""
    return EmbedderFactory(embedder.identity.name, lambda _: embedder, embedder.identity.dimension)


def factory_for(name: str, settings: Settings) -> EmbedderFactory:
    """Return the factory for a setting: `local`, or `provider:model`.

    Raises ValidationError for a name that means none.
    """
    if name == LOCAL:
        identity = local_identity()
        return EmbedderFactory(identity.name, lambda _: _open_local(settings), identity.dimension)
    key = settings.embedder_api_key
    model = remote_model(
        name, settings.embedder_base_url, None if key is None else key.get_secret_value()
    )

    def open_remote(dimension: int | None) -> Embedder:
        return RemoteEmbedder(
            model,
            _open_local(settings).token_counter,
            dimension=dimension,
            query_timeout_s=settings.embedder_timeout_s,
        )

    return EmbedderFactory(model.name, open_remote)


def factories_of(settings: Settings) -> list[EmbedderFactory]:
    """Return the factories of the settings' embedders, that of new databases first."""
    names = [settings.embedder, settings.next_embedder]
    return [factory_for(name, settings) for name in names if name is not None]


def _open_local(settings: Settings) -> LocalEmbedder:
    return open_embedder(
        weights_dir=settings.weights_dir,
        cache_dir=settings.cache_dir,
        allow_network=settings.allow_network,
    )


class Embedders:
    """Embedders of a process. Methods block; any thread may call them."""

    def __init__(self, factories: Sequence[EmbedderFactory]) -> None:
        self._factories: Mapping[str, EmbedderFactory] = {
            factory.name: factory for factory in reversed(factories)
        }
        self._first = factories[0]
        self._opened: dict[str, Embedder] = {}
        self._opening = threading.Lock()

    def of(self, name: str, dimension: int) -> Embedder:
        """Return the embedder that a database requires.

        Raises EmbedderChangedError for one that this process does not have, and EmbedderError for
        one that cannot be opened.
        """
        wanted = EmbedderIdentity(name, dimension)
        factory = self._factories.get(name)
        embedder = None if factory is None else self._open(factory, dimension)
        if embedder is None or embedder.identity != wanted:
            available = " or ".join(map(str, self._factories.values()))
            if embedder is not None:
                available = str(embedder.identity)
            raise EmbedderChangedError(
                f"the database was made with the embedder {wanted}, this is {available}; their "
                "vectors cannot be compared. Open it with the embedder that it was made with "
                "(HITHERTO_EMBEDDER), change the database's with `hitherto reembed --to "
                "EMBEDDER`, or add its conversations to a new database"
            )
        return embedder

    def first(self) -> Embedder:
        """Return the embedder for a new database. Raises EmbedderError."""
        return self._open(self._first, None)

    def is_remote(self) -> bool:
        """Return whether embedding may wait for a network."""
        return any(isinstance(embedder, RemoteEmbedder) for embedder in [*self._opened.values()])

    def count_tokens(self, text: str) -> int:
        """Count tokens with the first embedder's tokenizer, so that all bounds mean the same."""
        return self.first().count_tokens(text)

    def _open(self, factory: EmbedderFactory, dimension: int | None) -> Embedder:
        with self._opening:
            embedder = self._opened.get(factory.name)
            if embedder is None:
                embedder = self._opened[factory.name] = factory.open(dimension)
            return embedder
