"""Hitherto's local embedder for the other systems, without the rest of Hitherto.

Its modules need numpy, onnxruntime and tokenizers only. The packages around them are made here
without running their `__init__`, which would import more than the embedder and count as memory of
the system that is measured.
"""

import sys
from pathlib import Path
from types import ModuleType
from typing import Any

SOURCE = Path(__file__).parents[2] / "src"
DIMENSION = 384


def open_embedder(cache_dir: Path) -> Any:
    """Opens the graph in the cache. Its `embed` and `embed_query` return float32 unit vectors."""
    for name in ("hitherto", "hitherto.core", "hitherto.embedding"):
        package = ModuleType(name)
        package.__path__ = [str(SOURCE.joinpath(*name.split(".")))]
        sys.modules[name] = package
    from hitherto.embedding.local import open_embedder as opened  # noqa: PLC0415

    return opened(cache_dir=cache_dir)
