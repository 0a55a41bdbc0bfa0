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

__all__ = ["onnxruntime"]
