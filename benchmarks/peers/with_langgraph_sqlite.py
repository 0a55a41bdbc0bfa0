"""LangGraph's SqliteStore with an index, in one file."""

from contextlib import ExitStack

from langgraph.store.sqlite import SqliteStore
from system import Place
from with_langgraph import LangGraphStore, index


class LangGraphFile(LangGraphStore):
    """The same store, kept in a file."""

    def __init__(self, place: Place) -> None:
        self._open = ExitStack()
        path = str(place.folder / "store.db")
        store = self._open.enter_context(SqliteStore.from_conn_string(path, index=index(place)))
        store.setup()
        super().__init__(store)

    def close(self) -> None:
        self._open.close()


open_system = LangGraphFile
