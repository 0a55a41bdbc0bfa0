"""Folder of a database for which no place is named: this user's data folder."""

from pathlib import Path

from hitherto.errors import StoreError
from hitherto.settings import Settings


def make_data_folder(settings: Settings) -> None:
    """Make the data folder of this user, if that is where the database is to be.

    Raises StoreError. A folder that somebody names has to be there, as for any other file.
    """
    if "db" in settings.model_fields_set:
        return
    folder = Path(settings.db).parent
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(
            f"cannot make the folder {folder}: {error.strerror}; name a file with --db"
        ) from error
