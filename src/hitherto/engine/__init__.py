"""Engine in process: every effect that an application asks for.

Arguments are checked, then one transaction runs, or, for a context, one read and one computation.
Processing is the worker's.
"""

from hitherto.engine.contexts import Contexts
from hitherto.engine.memories import Memories
from hitherto.engine.merge_conflicts import MergeConflicts
from hitherto.engine.resources import DEFAULT_PROJECT_ID, Resources, Signal, prepare
from hitherto.engine.sessions import Sessions
from hitherto.engine.users import Users

__all__ = ["DEFAULT_PROJECT_ID", "Engine", "Resources", "Signal", "prepare"]


class Engine(Users, Sessions, Contexts, Memories, MergeConflicts):
    """`MemoryApi` in process, for one project."""

    def __init__(self, resources: Resources, project_id: str = DEFAULT_PROJECT_ID) -> None:
        super().__init__(resources, project_id)

    async def close(self) -> None:
        """Let go of connections and of the database."""
        self._resources.executor.shutdown(wait=False)
        await self._resources.sender.close()
        await self._resources.store.close()
