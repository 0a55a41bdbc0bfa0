"""Output of secrets, which other users of the machine must not read."""

import io
import os
import stat
import sys
from pathlib import Path

import typer

from hitherto.errors import ValidationError
from hitherto.file_modes import PRIVATE_FILE, create_private_file


def secret_file(path: Path) -> Path:
    """Create a file for a secret, which only this user can read.

    Raises ValidationError for a file that exists already, and OSError.
    """
    if not create_private_file(path):
        raise ValidationError(f"{path} exists already; name another file, or remove it first")
    return path


def protect_output() -> None:
    """Keep other users from reading the file that the standard output is written to.

    A shell creates the file of `> key.json` before the command runs, readable for everybody under
    the usual umask. Call it before a secret is printed.
    """
    try:
        descriptor = sys.stdout.fileno()
        status = os.fstat(descriptor)
    except (OSError, ValueError, io.UnsupportedOperation):
        return
    if not (os.name == "posix" and stat.S_ISREG(status.st_mode) and status.st_mode & stat.S_IRWXO):
        return
    if status.st_size == 0 and status.st_uid == os.geteuid():
        os.fchmod(descriptor, PRIVATE_FILE)
    else:
        typer.echo("warning: other users can read the file that the output is written to", err=True)
