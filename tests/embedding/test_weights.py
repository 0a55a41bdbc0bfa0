"""Search for the weights; unverified files are neither used nor kept."""

import hashlib
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from hitherto.embedding import MINILM, WeightsSource, open_embedder
from hitherto.embedding.weights import (
    TOKENIZER_FILE,
    WEIGHTS_FILE,
    find_weights,
    installed_folder,
    read_verified,
)
from hitherto.errors import EmbedderError

WEIGHTS = b"pretended weights " * 100_000
TOKENIZER = b'{"pretended": "tokenizer"}'
FILES = {WEIGHTS_FILE: WEIGHTS, TOKENIZER_FILE: TOKENIZER}

PRETENDED = WeightsSource(
    name="pretended",
    repository="someone/pretended",
    revision="0123456789abcdef0123456789abcdef01234567",
    weights_sha256=hashlib.sha256(WEIGHTS).hexdigest(),
    tokenizer_sha256=hashlib.sha256(TOKENIZER).hexdigest(),
    graph_sha256="0" * 64,
    module="hitherto_module_that_does_not_exist",
    distribution="hitherto-distribution-that-does-not-exist",
    base_url="http://127.0.0.1:9",
)


@contextmanager
def hub(files: dict[str, bytes], withheld: int = 0) -> Iterator[tuple[str, list[str]]]:
    """Serve files like the model hub; yield its URL and the requested paths.

    withheld: bytes at the end of each file that are announced and then not sent.
    """
    paths: list[str] = []

    class Hub(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            paths.append(self.path)
            content = files.get(self.path.rsplit("/", 1)[-1])
            if content is None:
                self.send_error(404)
                return
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content[: len(content) - withheld])

        def log_message(self, format: str, *args: object) -> None:
            """Keeps the test output quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}", paths
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def fill(folder: Path, files: dict[str, bytes]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return folder


def find(
    tmp_path: Path,
    source: WeightsSource = PRETENDED,
    weights_dir: Path | None = None,
    allow_network: bool = False,
) -> Path:
    return find_weights(
        source,
        weights_dir=weights_dir,
        cache_dir=tmp_path / "cache",
        allow_network=allow_network,
    )


def files_below(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def test_the_installed_files_are_the_published_ones(weights_dir: Path) -> None:
    assert len(read_verified(MINILM, weights_dir, WEIGHTS_FILE)) == 90_868_376
    assert len(read_verified(MINILM, weights_dir, TOKENIZER_FILE)) == 466_247


def test_the_wheel_is_found_without_being_imported(tmp_path: Path, weights_dir: Path) -> None:
    assert find(tmp_path, MINILM) == weights_dir == installed_folder(MINILM)
    assert MINILM.module not in sys.modules


def test_a_named_folder_comes_before_the_wheel(tmp_path: Path) -> None:
    folder = fill(tmp_path / "mine", FILES)
    assert find(tmp_path, MINILM, weights_dir=folder) == folder


def test_a_named_folder_without_the_files_is_an_error_even_if_the_wheel_is_there(
    tmp_path: Path,
) -> None:
    folder = fill(tmp_path / "mine", {WEIGHTS_FILE: WEIGHTS})
    with pytest.raises(EmbedderError, match=r"HITHERTO_WEIGHTS_DIR .* has no tokenizer\.json"):
        find(tmp_path, MINILM, weights_dir=folder)


def test_missing_weights_name_the_three_ways_to_get_them(tmp_path: Path) -> None:
    with pytest.raises(EmbedderError) as caught:
        find(tmp_path)
    for way in ("HITHERTO_WEIGHTS_DIR", PRETENDED.distribution, "HITHERTO_ALLOW_NETWORK"):
        assert way in caught.value.message


@pytest.mark.parametrize("damaged", [WEIGHTS_FILE, TOKENIZER_FILE])
def test_other_bytes_than_the_pinned_ones_are_refused(tmp_path: Path, damaged: str) -> None:
    folder = fill(tmp_path / "mine", FILES | {damaged: FILES[damaged] + b"!"})
    with pytest.raises(EmbedderError, match="is not the published file"):
        open_embedder(cache_dir=tmp_path / "cache", weights_dir=folder, source=PRETENDED)
    assert files_below(tmp_path / "cache") == []


def test_the_download_takes_the_pinned_revision_and_is_kept(tmp_path: Path) -> None:
    with hub(FILES) as (base_url, paths):
        source = replace(PRETENDED, base_url=base_url)
        folder = find(tmp_path, source, allow_network=True)
        assert find(tmp_path, source, allow_network=True) == folder
    assert {path.name: path.read_bytes() for path in files_below(tmp_path)} == FILES
    assert sorted(paths) == [
        f"/someone/pretended/resolve/{PRETENDED.revision}/{name}"
        for name in (WEIGHTS_FILE, TOKENIZER_FILE)
    ]
    assert find(tmp_path, PRETENDED, allow_network=False) == folder


def test_the_network_is_not_used_unless_it_is_allowed(tmp_path: Path) -> None:
    with hub(FILES) as (base_url, paths), pytest.raises(EmbedderError):
        find(tmp_path, replace(PRETENDED, base_url=base_url), allow_network=False)
    assert paths == []


@pytest.mark.parametrize(
    ("files", "withheld", "message"),
    [
        (FILES | {TOKENIZER_FILE: b"other bytes"}, 0, "is not the published file"),
        (FILES, 5, "is not the published file"),
        ({}, 0, "could not be downloaded"),
    ],
    ids=["wrong hash", "cut off", "not found"],
)
def test_a_failed_download_is_an_error_and_leaves_nothing(
    tmp_path: Path, files: dict[str, bytes], withheld: int, message: str
) -> None:
    with hub(files, withheld) as (base_url, _):
        source = replace(PRETENDED, base_url=base_url)
        with pytest.raises(EmbedderError, match=message):
            find(tmp_path, source, allow_network=True)
    assert files_below(tmp_path) == []


def test_a_hub_that_does_not_answer_is_an_error(tmp_path: Path) -> None:
    with hub(FILES) as (base_url, _):
        pass
    with pytest.raises(EmbedderError, match="could not be downloaded"):
        find(tmp_path, replace(PRETENDED, base_url=base_url), allow_network=True)
    assert files_below(tmp_path) == []
