"""The service with a fake embedder, made to be killed.

With the argument `memory.db` it forks a process for each line of its input, so that a restart costs
no loading: the service for an empty line, for `front` one that leaves the work to others, for
`worker` a worker. Reports are lines of JSON: the process id, the address and the first key of each
start, then how the process ended.
"""

import asyncio
import json
import os
import sys
from typing import Any

from tests.fakes import HashEmbedder

from hitherto import Parts, Settings
from hitherto.server.run import Listening, serve
from hitherto.server.worker_process import work

LEASE_S = 0.5


def settings_for(db: str) -> Settings:
    """Any free port, and a lease that a killed process does not hold for long."""
    return Settings(db=db, port=0, poll_interval_s=0.02, lease_s=LEASE_S)


def announce(listening: Listening) -> None:
    """Report where the service listens."""
    first = listening.first_key
    _report(os.getpid(), listening.url, first and [first.api_key, first.key.project_id])


def _report(*words: Any) -> None:
    os.write(sys.stdout.fileno(), (json.dumps(words) + "\n").encode())


def run(kind: str) -> None:
    """Be a process of this kind until it is ended."""
    settings, parts = settings_for(sys.argv[1]), Parts(embedder=HashEmbedder())
    if kind == "worker":
        chosen = settings.model_copy(update={"worker_concurrency": 3})
        asyncio.run(work(chosen, lambda _: _report(os.getpid(), "", None), parts))
    else:
        chosen = settings.model_copy(update={"worker": kind != "front"})
        asyncio.run(serve(chosen, announce, parts))


def main() -> None:
    """Fork for each line of the input and report how each process ended."""
    for line in sys.stdin:
        pid = os.fork()
        if pid == 0:
            run(line.strip())
            os._exit(0)
        _report(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
