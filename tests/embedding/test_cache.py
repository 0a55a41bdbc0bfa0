"""The cached graph: built once, verified on every start, safe against company."""

import multiprocessing
import shutil
from pathlib import Path

import numpy as np
import pytest

from hitherto.embedding import MINILM, LocalEmbedder, open_embedder
from hitherto.embedding.cache import cached_graph
from hitherto.errors import EmbedderError

TEXT = "The spare key is with the neighbours."


def graphs(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.onnx"))


@pytest.fixture
def filled_cache(embedder: LocalEmbedder, cache_dir: Path, tmp_path: Path) -> Path:
    """A copy of the built cache, to be damaged."""
    return Path(shutil.copytree(cache_dir, tmp_path / "cache"))


def test_building_leaves_one_file_and_nothing_temporary(
    embedder: LocalEmbedder, cache_dir: Path
) -> None:
    assert list(cache_dir.iterdir()) == graphs(cache_dir)
    assert len(graphs(cache_dir)) == 1


def test_a_cached_graph_needs_no_weights(embedder: LocalEmbedder, filled_cache: Path) -> None:
    graph = cached_graph(MINILM, filled_cache)
    assert graph is not None
    reopened = LocalEmbedder(MINILM.name, graph, threads=1)
    assert reopened.identity == embedder.identity
    assert np.array_equal(reopened.embed_query(TEXT), embedder.embed_query(TEXT))


def test_an_empty_cache_holds_no_graph(tmp_path: Path) -> None:
    assert cached_graph(MINILM, tmp_path / "absent") is None


def test_a_graph_with_one_wrong_bit_is_noticed_and_removed(
    filled_cache: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (path,) = graphs(filled_cache)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    assert cached_graph(MINILM, filled_cache) is None
    assert "damaged" in caplog.text
    assert graphs(filled_cache) == []


def test_a_graph_that_was_cut_off_is_built_again(
    embedder: LocalEmbedder,
    filled_cache: Path,
    weights_dir: Path,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    (path,) = graphs(filled_cache)
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    rebuilt = open_embedder(cache_dir=filled_cache, weights_dir=weights_dir)
    assert [record.name for record in caplog.records] == ["hitherto.embedding.cache"]
    assert capfd.readouterr() == ("", "")
    assert path.read_bytes() == content
    assert graphs(filled_cache) == [path]
    assert np.array_equal(rebuilt.embed_query(TEXT), embedder.embed_query(TEXT))


def test_two_processes_may_build_at_once(
    embedder: LocalEmbedder, weights_dir: Path, tmp_path: Path
) -> None:
    cache_dir = tmp_path / "cache"
    spawn = multiprocessing.get_context("spawn")
    arguments = {"cache_dir": cache_dir, "weights_dir": weights_dir}
    processes = [spawn.Process(target=open_embedder, kwargs=arguments) for _ in range(2)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(timeout=60)
    assert [process.exitcode for process in processes] == [0, 0]
    (path,) = graphs(cache_dir)
    assert list(cache_dir.iterdir()) == [path]
    assert cached_graph(MINILM, cache_dir) == path
    built = LocalEmbedder(MINILM.name, path)
    assert np.array_equal(built.embed_query(TEXT), embedder.embed_query(TEXT))


def test_a_cache_that_cannot_be_written_to_is_an_error_that_names_the_setting(
    weights_dir: Path, tmp_path: Path
) -> None:
    in_the_way = tmp_path / "cache"
    in_the_way.write_text("a file where the folder should be")
    with pytest.raises(EmbedderError) as caught:
        open_embedder(cache_dir=in_the_way, weights_dir=weights_dir)
    assert str(in_the_way) in caught.value.message
    assert "HITHERTO_CACHE_DIR" in caught.value.message


def test_a_graph_that_cannot_be_read_is_an_error_that_names_the_setting(
    filled_cache: Path, weights_dir: Path
) -> None:
    (path,) = graphs(filled_cache)
    path.unlink()
    path.mkdir()
    with pytest.raises(EmbedderError, match="HITHERTO_CACHE_DIR"):
        open_embedder(cache_dir=filled_cache, weights_dir=weights_dir)
