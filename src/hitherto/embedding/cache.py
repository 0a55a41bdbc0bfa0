"""Cache of the built graph, so that only the first start needs the weights.

The hash of the graph is pinned as those of the weights are: the build gives the same bytes wherever
it runs. So a file in the cache is used only if it is the graph that these weights give, from any
author (decision 18).
"""

import hashlib
import logging
import os
import tempfile
from pathlib import Path

from hitherto.embedding.weights import WeightsSource, private_cache, unusable_cache
from hitherto.file_modes import open_private_file

_log = logging.getLogger(__name__)


def cached_graph(source: WeightsSource, cache_dir: Path) -> bytes | None:
    """Return the graph's bytes from the cache; None if missing or different.

    The bytes are those that were hashed, so a file that is changed meanwhile changes nothing.

    Raises:
        EmbedderError: the folder is not private, or it or the file cannot be used.
    """
    path = cache_dir / _file_name(source)
    try:
        if not path.exists():
            return None
        private_cache(cache_dir)
        content = path.read_bytes()
        if _is_pinned(source, content):
            return content
        _log.warning("The cached graph %s is not the pinned one; it is built again.", path)
        path.unlink(missing_ok=True)
    except OSError as error:
        raise unusable_cache(cache_dir, error) from error
    return None


def build_cached_graph(source: WeightsSource, weights_dir: Path, cache_dir: Path) -> bytes:
    """Build the int8 graph from verified weights, keep it in the cache and return its bytes.

    Safe in several threads and processes at once: each writes a file of its own and renames it
    when it is complete.

    Raises:
        EmbedderError: the weights are not the published ones, or the cache cannot be written to.
    """
    # onnx is only needed here, and costs every other start 0.2 s and 25 MB.
    from hitherto.embedding.graph import build_int8_graph  # noqa: PLC0415

    content = build_int8_graph(source, weights_dir)
    if not _is_pinned(source, content):
        # Made here from verified weights, so it can be trusted, but not known again.
        _log.warning(
            "The graph built with this release of onnx has other bytes than the pinned one; it is "
            "used, and built again at the next start."
        )
        return content
    try:
        private_cache(cache_dir)
        with tempfile.TemporaryDirectory(prefix=".building-", dir=cache_dir) as work_dir:
            finished = Path(work_dir) / "finished.onnx"
            with open_private_file(finished) as target:
                target.write(content)
                target.flush()
                os.fsync(target.fileno())
            os.replace(finished, cache_dir / _file_name(source))
    except OSError as error:
        raise unusable_cache(cache_dir, error) from error
    return content


def _is_pinned(source: WeightsSource, content: bytes) -> bool:
    return hashlib.sha256(content).hexdigest() == source.graph_sha256


def _file_name(source: WeightsSource) -> str:
    return f"{source.name}-int8-{source.graph_sha256[:24]}.onnx"
