"""The service with a fake embedder in a process of its own, made to be attacked.

With the arguments `memory.db` and `{"max_concurrent_requests": 2}` it serves with these settings. A
third argument is the number of file descriptors that the process may have. It prints one line of
JSON: the address, and the keys of a project and of the administrator.
"""

import asyncio
import json
import resource
import sys

from tests.fakes import HashEmbedder

from hitherto import Parts, Settings
from hitherto.engine import DEFAULT_PROJECT_ID
from hitherto.server.run import Listening, serve
from hitherto.system import open_system


async def _keys(settings: Settings, parts: Parts) -> tuple[str, str]:
    system = await open_system(settings.db, settings, parts)
    try:
        made = await system.admin.create_key(DEFAULT_PROJECT_ID)
        return made.api_key, (await system.admin.create_admin_key()).api_key
    finally:
        await system.close()


def main() -> None:
    """Serve until the process is ended."""
    db, changes, *descriptors = sys.argv[1:]
    settings = Settings(db=db, port=0, **json.loads(changes))
    parts = Parts(embedder=HashEmbedder())
    api_key, admin_key = asyncio.run(_keys(settings, parts))

    def announce(listening: Listening) -> None:
        print(json.dumps([listening.url, DEFAULT_PROJECT_ID, api_key, admin_key]), flush=True)

    if descriptors:
        most = int(descriptors[0])
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    asyncio.run(serve(settings, announce, parts))
