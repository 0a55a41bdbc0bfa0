"""Only importer of onnxruntime, which it loads with telemetry off.

From version 1.32 onnxruntime writes a device id and a queue of events below the home directory as
soon as its library is loaded, and uploads them later. The library reads ORT_DISABLE_TELEMETRY at
that moment only, so the variable is set for the import and restored after it: a program that
imports Hitherto keeps its environment. A program that imports onnxruntime first has loaded the
library with its own choice; only its later events can then be switched off.
"""

import contextlib
import os
from collections.abc import Iterator
from typing import Any

_SWITCH = "ORT_DISABLE_TELEMETRY"


@contextlib.contextmanager
def _telemetry_off() -> Iterator[None]:
    environment = os.environ  # noqa: TID251  no setting of ours: a switch of the library
    before = environment.get(_SWITCH)
    environment[_SWITCH] = "1"
    try:
        yield
    finally:
        if before is None:
            del environment[_SWITCH]
        else:
            environment[_SWITCH] = before


with _telemetry_off():
    import onnxruntime

# Windows has a second switch, for events that go to the system's own log.
onnxruntime.disable_telemetry_events()

__all__ = ["onnxruntime", "open_session"]

_LOG_ERRORS_ONLY = 3


def open_session(graph: bytes) -> Any:
    """Return the session of a serialised graph, which computes on the calling thread."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = _LOG_ERRORS_ONLY
    # A plan of memory for each length that ever occurs costs 25 MB and saves no time.
    options.enable_mem_pattern = False
    session = onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
    # It keeps the graph's bytes for a fallback to other providers, of which there is none.
    session._model_bytes = None
    return session
