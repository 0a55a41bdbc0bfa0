"""Cached graph: built once, verified on every start, safe with other processes."""

import hashlib
import multiprocessing
import os
import shutil
import stat
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from hitherto.embedding import MINILM, LocalEmbedder, open_embedder
from hitherto.embedding.cache import cached_graph
from hitherto.embedding.graph import build_int8_graph
from hitherto.errors import EmbedderError
from hitherto.file_modes import folder_problem

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


def test_the_build_gives_the_pinned_bytes(weights_dir: Path) -> None:
    content = build_int8_graph(MINILM, weights_dir)
    assert hashlib.sha256(content).hexdigest() == MINILM.graph_sha256


def planted(cache: Path) -> bytes:
    """A graph that answers otherwise, whole in itself, in place of the cached one."""
    (path,) = graphs(cache)
    model = onnx.load_model_from_string(path.read_bytes())
    words = next(item for item in model.graph.initializer if item.name == "words.scale")
    words.CopyFrom(numpy_helper.from_array(np.array(0.5, np.float32), "words.scale"))
    content: bytes = model.SerializeToString()
    path.write_bytes(content)
    return content


def test_a_planted_graph_is_not_used_whatever_its_name_says(
    embedder: LocalEmbedder, filled_cache: Path, weights_dir: Path
) -> None:
    (path,) = graphs(filled_cache)
    content = planted(filled_cache)
    for name in (
        f"{path.stem[:-24]}{hashlib.sha256(content).hexdigest()[:24]}.onnx",
        f"all-minilm-l6-v2-int8-b2-{MINILM.weights_sha256[:12]}"
        f"-{hashlib.sha256(content).hexdigest()}.onnx",
        "aaa.onnx",
    ):
        (filled_cache / name).write_bytes(content)
    opened = open_embedder(cache_dir=filled_cache, weights_dir=weights_dir, threads=1)
    assert np.array_equal(opened.embed_query(TEXT), embedder.embed_query(TEXT))
    assert hashlib.sha256(path.read_bytes()).hexdigest() == MINILM.graph_sha256


def test_a_file_that_is_changed_after_it_was_read_changes_nothing(
    embedder: LocalEmbedder, filled_cache: Path
) -> None:
    graph = cached_graph(MINILM, filled_cache)
    planted(filled_cache)
    assert graph is not None
    reopened = LocalEmbedder(MINILM.name, graph, threads=1)
    assert np.array_equal(reopened.embed_query(TEXT), embedder.embed_query(TEXT))


def test_a_link_in_place_of_the_graph_is_read_and_not_believed(
    filled_cache: Path, tmp_path: Path
) -> None:
    (path,) = graphs(filled_cache)
    elsewhere = tmp_path / "elsewhere.onnx"
    elsewhere.write_bytes(b"another graph")
    path.unlink()
    path.symlink_to(elsewhere)
    assert cached_graph(MINILM, filled_cache) is None
    assert elsewhere.read_bytes() == b"another graph"


def test_a_graph_with_other_bytes_than_the_pinned_is_used_and_not_kept(
    embedder: LocalEmbedder, weights_dir: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    source = replace(MINILM, graph_sha256="0" * 64)
    opened = open_embedder(
        cache_dir=tmp_path / "cache", weights_dir=weights_dir, source=source, threads=1
    )
    assert np.array_equal(opened.embed_query(TEXT), embedder.embed_query(TEXT))
    assert "built again at the next start" in caplog.text
    assert not (tmp_path / "cache").exists()


@pytest.fixture(params=[0o022, 0o000, 0o002], ids=oct)
def umask(request: pytest.FixtureRequest) -> Iterator[None]:
    before = os.umask(request.param)
    yield
    os.umask(before)


@pytest.mark.usefixtures("umask")
def test_the_folder_and_the_graph_are_private(weights_dir: Path, tmp_path: Path) -> None:
    cache = tmp_path / "new" / "cache"
    open_embedder(cache_dir=cache, weights_dir=weights_dir, threads=1)
    (path,) = graphs(cache)
    assert stat.S_IMODE(cache.stat().st_mode) == 0o700
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize("mode", [0o777, 0o1777, 0o770, 0o702, 0o720, 0o757])
@pytest.mark.parametrize("filled", [True, False], ids=["filled", "empty"])
def test_a_folder_that_others_can_write_to_is_refused(
    filled_cache: Path, weights_dir: Path, mode: int, filled: bool
) -> None:
    if not filled:
        graphs(filled_cache)[0].unlink()
    filled_cache.chmod(mode)
    with pytest.raises(EmbedderError, match="cannot be trusted: other users can write") as caught:
        open_embedder(cache_dir=filled_cache, weights_dir=weights_dir)
    assert "HITHERTO_CACHE_DIR" in caught.value.message
    assert "chmod 700" in caught.value.message


@pytest.mark.parametrize("filled", [True, False], ids=["filled", "empty"])
def test_a_folder_that_others_can_only_read_is_used(
    filled_cache: Path, weights_dir: Path, filled: bool
) -> None:
    if not filled:
        graphs(filled_cache)[0].unlink()
    filled_cache.chmod(0o755)
    open_embedder(cache_dir=filled_cache, weights_dir=weights_dir, threads=1)


def test_a_folder_of_another_user_is_refused_and_one_of_the_administrator_is_not(
    tmp_path: Path,
) -> None:
    owner = tmp_path.stat().st_uid
    if owner == 0:
        os.chown(tmp_path, 4_321, -1)
        assert "another user (4321)" in (folder_problem(tmp_path, 0) or "")
        assert folder_problem(tmp_path, 4_321) is None
        os.chown(tmp_path, 0, -1)
        assert folder_problem(tmp_path, 4_321) is None
    else:
        assert f"another user ({owner})" in (folder_problem(tmp_path, owner + 1) or "")
        assert folder_problem(tmp_path, owner) is None


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
    assert "is not the pinned one" in caplog.text
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
    graph = cached_graph(MINILM, cache_dir)
    assert graph == path.read_bytes()
    built = LocalEmbedder(MINILM.name, graph)
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
