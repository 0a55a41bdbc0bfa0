"""Files and folders that only their owner can read, from the moment they exist.

The umask of most machines lets others read new files, and a later `chmod` leaves a moment in which
they can. Where the system has no file modes (Windows), nothing is checked.
"""

import os
import stat
from pathlib import Path
from typing import BinaryIO

PRIVATE_FILE = 0o600
PRIVATE_FOLDER = 0o700
SHARED = 0o077
"""Bits with which a group or others can read, write or enter."""

WRITABLE_BY_OTHERS = 0o022

_HAS_MODES = os.name == "posix"


def create_private_file(path: Path | str) -> bool:
    """Create an empty file with mode 0600, unless something is there; return whether it did.

    A symbolic link to nothing is followed, as by every program that creates the file later.
    Raises OSError.
    """
    target = os.path.realpath(path) if os.path.islink(path) else path
    try:
        descriptor = os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY, PRIVATE_FILE)
    except FileExistsError:
        return False
    os.close(descriptor)
    return True


def open_private_file(path: Path) -> BinaryIO:
    """Open a new file with mode 0600 for writing. Raises FileExistsError, OSError."""
    return os.fdopen(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, PRIVATE_FILE), "wb")


def make_private_folder(path: Path) -> None:
    """Make a folder with mode 0700 unless it is there; its parents get the usual mode.

    Raises OSError.
    """
    path.mkdir(mode=PRIVATE_FOLDER, parents=True, exist_ok=True)


def shared_mode(path: Path | str) -> str | None:
    """Return the mode of a file that its group or others can access, such as `-rw-r--r--`.

    None for a private file, and for one that is not there.
    """
    try:
        mode = os.stat(path).st_mode
    except OSError:
        return None
    return stat.filemode(mode) if _HAS_MODES and mode & SHARED else None


def folder_problem(path: Path, user_id: int | None = None) -> str | None:
    """Return why a folder's content cannot be trusted, or None.

    Trusted is a folder that only its owner, the user or the administrator, can write to.
    user_id: None for the user of this process. Raises OSError.
    """
    status = os.stat(path)
    if not _HAS_MODES:
        return None
    if status.st_uid not in (0, os.geteuid() if user_id is None else user_id):
        return f"it belongs to another user ({status.st_uid})"
    if status.st_mode & WRITABLE_BY_OTHERS:
        return f"other users can write to it ({stat.filemode(status.st_mode)})"
    return None
