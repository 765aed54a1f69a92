"""Command lines of this program, in the form that the reader can paste."""

import os
import shlex
import shutil
import sys
from pathlib import Path

from gateway.paths import SERVICE, default_config

ROOT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"  # of sudo
NAME = "sleepgate"


def own_command(arguments: str, file: Path | None = None, *, root: bool = False) -> str:
    """Return a command line that runs this program.

    Parameters
    ----------
    arguments : str
        Verb and options, e.g. ``"pair --auto --name bedroom"``.
    file : Path, optional
        Configuration it is about; ``--config`` is added if another would be read.
    root : bool
        If the command needs root's rights, e.g. to write the service's configuration.

    Notes
    -----
    In a virtual environment that is not on ``PATH``, or is not on the one that sudo
    sets, the program is named by its path.
    """
    is_root = os.geteuid() == 0
    sudo = root and not is_root
    found = shutil.which(NAME, path=ROOT_PATH if sudo else None)
    program = NAME if found else _own_path()
    words = [*(["sudo"] if sudo else []), program, arguments]
    if file is not None and file != (SERVICE if sudo else default_config()):
        words.append(f"--config {shlex.quote(str(file))}")
    return " ".join(words)


def pair_command(file: Path) -> str:
    """Return the command that adds the first headband to the configuration `file`."""
    return own_command("pair --auto --name bedroom", file, root=file == SERVICE)


def _own_path() -> str:
    program = Path(sys.argv[0])
    if program.name == NAME:
        return shlex.quote(str(program.absolute()))
    return f"{shlex.quote(sys.executable)} -m gateway"
