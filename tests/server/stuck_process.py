"""The service, or a worker, whose processing of sessions never ends.

With the arguments `memory.db service lock` it reports lines of JSON: the address and
the first key, then `"stuck"` whenever a session is begun. `lock` computes in C and keeps the
interpreter lock; `loop` computes in Python.
"""

import asyncio
import json
import os
import re
import sys
from typing import Any

from tests.fakes import HashEmbedder

from hitherto import Parts, Settings
from hitherto.inference import LocalInference
from hitherto.models import Extraction
from hitherto.server.run import Listening, serve
from hitherto.server.stop_guard import stop_guard
from hitherto.server.worker_process import work
from hitherto.threads import in_thread

CLOSE_TIMEOUT_S = 0.3
GUARD_TIMEOUT_S = {"lock": 0.3, "loop": 20.0}
"""Until a process is killed that cannot end by itself, or that should."""

_EXPONENTIAL = re.compile(r"(a+)+b")


def keep_the_lock() -> Any:
    """Match until the end of the world."""
    return _EXPONENTIAL.match("a" * 100)


def loop() -> None:
    """Compute until the process ends."""
    while True:
        pass


class Stuck(LocalInference):
    """Never ends to extract."""

    def __init__(self, compute: Any) -> None:
        super().__init__()
        self._compute = compute

    async def extract(self, *given: Any, **named: Any) -> Extraction:
        _report("stuck")
        await in_thread(self._compute)
        raise AssertionError


def _report(what: Any) -> None:
    os.write(sys.stdout.fileno(), (json.dumps(what) + "\n").encode())


def _announce(listening: Listening) -> None:
    key = listening.first_key
    _report([listening.url, key and [key.api_key, key.key.project_id]])


def main() -> None:
    """Run until a stop signal."""
    db, kind, way = sys.argv[1:]
    settings = Settings(
        db=db,
        port=0,
        poll_interval_s=0.02,
        lease_s=0.2,
        max_starts=1,
        close_timeout_s=CLOSE_TIMEOUT_S,
        shutdown_timeout_s=1,
    )
    stuck = Stuck({"lock": keep_the_lock, "loop": loop}[way])
    parts = Parts(embedder=HashEmbedder(), inference=stuck)
    with stop_guard(GUARD_TIMEOUT_S[way]):
        if kind == "service":
            asyncio.run(serve(settings, _announce, parts))
        else:
            asyncio.run(work(settings, lambda _: _report(["", None]), parts))
