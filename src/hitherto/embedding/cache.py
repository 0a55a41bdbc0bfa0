"""Cache of the built graph, so that only the first start needs the weights."""

import hashlib
import logging
import os
import tempfile
from pathlib import Path

from hitherto.embedding.weights import WeightsSource, unusable_cache

BUILDER_VERSION = 2
"""Goes up with every change that gives the graph other bytes; older files are then left alone."""

_log = logging.getLogger(__name__)


def cached_graph(source: WeightsSource, cache_dir: Path) -> Path | None:
    """Returns the graph's file in the cache; None if it was never built or is damaged.

    The file's name carries the hash of its content, so it needs no other witness; a file that
    does not match its name is removed.

    Raises:
        EmbedderError: the folder or a file in it cannot be used.
    """
    stem = _stem(source)
    try:
        for path in sorted(cache_dir.glob(f"{stem}-*.onnx")):
            if path.name == _file_name(stem, path.read_bytes()):
                return path
            _log.warning("The cached graph %s is damaged; it is removed and built again.", path)
            path.unlink(missing_ok=True)
    except OSError as error:
        raise unusable_cache(cache_dir, error) from error
    return None


def build_cached_graph(source: WeightsSource, weights_dir: Path, cache_dir: Path) -> Path:
    """Builds the int8 graph from verified weights and returns its file in the cache.

    Safe in several threads and processes at once: each writes a file of its own and renames it
    when it is complete.

    Raises:
        EmbedderError: the weights are not the published ones, or the cache cannot be written to.
    """
    # onnx is only needed here, and costs every other start 0.2 s and 25 MB.
    from hitherto.embedding.graph import build_int8_graph  # noqa: PLC0415

    try:
        cache_dir.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".building-", dir=cache_dir) as work_dir:
            content = build_int8_graph(source, weights_dir)
            finished = Path(work_dir) / "finished.onnx"
            with finished.open("wb") as target:
                target.write(content)
                target.flush()
                os.fsync(target.fileno())
            path = cache_dir / _file_name(_stem(source), content)
            os.replace(finished, path)
    except OSError as error:
        raise unusable_cache(cache_dir, error) from error
    return path


def _stem(source: WeightsSource) -> str:
    return f"{source.name}-int8-b{BUILDER_VERSION}-{source.weights_sha256[:12]}"


def _file_name(stem: str, content: bytes) -> str:
    return f"{stem}-{hashlib.sha256(content).hexdigest()}.onnx"
