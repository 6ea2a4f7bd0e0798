"""LibreOffice without a window, as a converter that is run once for every document."""

from __future__ import annotations

import ctypes
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from docpipe.convert.profile import write_profile
from docpipe.errors import ConfigurationError, ParseFailed

OFF = "off"
"""The value of DOCPIPE_LIBREOFFICE that leaves LibreOffice unused."""
_COMMANDS = ("soffice", "libreoffice")
_PLACES = ("usr/lib/libreoffice/program/soffice", "opt/libreoffice*/program/soffice", "Applications/LibreOffice.app/Contents/MacOS/soffice")
_FIRST_START = 81
"""LibreOffice ends with this status once it has set up a new profile, and wants to be started again."""
_VERSION = re.compile(r"LibreOffice\s+([\w.]+)")
_VERSION_SECONDS = 30
_MAX_SAID = 300
_MAX_OUTPUT = 4_000
_RICH_TEXT = b"{\\rtf"
_INCLUDES = re.compile(rb"INCLUDE(?:PICTURE|TEXT)", re.IGNORECASE)
_PR_SET_PDEATHSIG = 1
_CLONE_NEWNET, _CLONE_NEWUSER = 0x4000_0000, 0x1000_0000


@dataclass(frozen=True, slots=True)
class LibreOffice:
    """An installation."""

    program: str
    """Path of the executable."""
    version: str


def find_libreoffice(configured: str) -> LibreOffice | None:
    """The installation that DOCPIPE_LIBREOFFICE names, or one in the usual places; None where there is none.

    Looked up once a process. Raises `ConfigurationError` where the named one cannot be run.
    """
    return None if configured.strip().lower() == OFF else _found(configured.strip())


@cache
def _found(configured: str) -> LibreOffice | None:
    program = shutil.which(configured) if configured else _program()
    if program is None:
        if configured:
            raise ConfigurationError(f"DOCPIPE_LIBREOFFICE: {configured} is no program: name soffice, leave it empty, or write {OFF}")
        return None
    program = _without_its_shell(program)
    try:
        said = subprocess.run(  # noqa: S603 - the program that the operator named or installed
            [program, "--version"], stdin=subprocess.DEVNULL, capture_output=True, timeout=_VERSION_SECONDS, check=False
        ).stdout.decode(errors="replace")
    except (OSError, subprocess.TimeoutExpired):
        said = ""
    version = _VERSION.search(said)
    if version is None and configured:
        raise ConfigurationError(f"DOCPIPE_LIBREOFFICE: {configured} does not say that it is LibreOffice: name soffice")
    return LibreOffice(program, version[1]) if version else None


def _program() -> str | None:
    named = (shutil.which(command) for command in _COMMANDS)
    usual = (str(found) for pattern in _PLACES for found in sorted(Path("/").glob(pattern), reverse=True))
    return next(filter(None, (*named, *usual)), None)


def _without_its_shell(program: str) -> str:
    """The executable beside the script `soffice`: one process, so that a signal to it ends all of it."""
    executable = Path(program).resolve().with_name("soffice.bin")
    return str(executable) if executable.is_file() else program


def convert(source: Path, to: str, program: str, folder: Path, read_as: str = "") -> Path:
    """The document as a file of another type (`docx`, `pptx`, `xlsx`, `pdf`) in `folder`; raises `ParseFailed`.

    `read_as` names LibreOffice's filter for the source; without one its content decides, and what is nothing else is text.
    For worker processes alone: the worker's limits on time and memory are those of LibreOffice too, which dies with it.
    Each call has a profile of its own, so that no document leaves anything behind for the next. Nothing is executed and
    nothing fetched: macros, links and Java are off, and where the kernel allows it there is no network to reach.
    """
    with TemporaryDirectory(prefix="libreoffice-", dir=folder) as home:
        profile = Path(home) / "profile"
        write_profile(profile)
        # A name of our own: what a stranger calls a file is no argument of a program, nor what its content is.
        document = Path(home) / "document"
        _place(source, document)
        command = [
            program,
            "--headless",
            "--norestore",
            "--nolockcheck",
            "--nodefault",
            "--nologo",
            f"-env:UserInstallation={profile.as_uri()}",
            *([f"--infilter={read_as}"] if read_as else []),
            "--convert-to",
            to,
            "--outdir",
            home,
            str(document),
        ]
        status, said = _run(command, home)
        if status == _FIRST_START:
            status, said = _run(command, home)
        made = document.with_suffix(f".{to}")
        if status != 0 or not made.is_file() or made.stat().st_size == 0:
            why = " ".join(said.split())[-_MAX_SAID:] or f"it ended with status {status}"
            raise ParseFailed(f"LibreOffice cannot convert it: open it in its program and save it as {to.upper()} ({why})")
        return made.rename(folder / f"{Path(home).name}.{to}")


def _place(source: Path, document: Path) -> None:
    """The document where LibreOffice looks for it; RTF as a copy that includes no file of this machine.

    LibreOffice's setting against links stops those of every other format, but not the picture that a field of RTF names.
    """
    with source.open("rb") as file:
        rich_text = file.read(len(_RICH_TEXT)) == _RICH_TEXT
    if rich_text:
        document.write_bytes(_INCLUDES.sub(lambda field: b"X" * len(field[0]), source.read_bytes()))
    else:
        document.symlink_to(source.resolve())


def _run(command: list[str], home: str) -> tuple[int, str]:
    """Its exit status and what it said. Started in the worker's process group, which the pool ends as a whole."""
    environment = {"PATH": os.environ.get("PATH", os.defpath), "HOME": home, "TMPDIR": home, "LANG": "C.UTF-8"}
    done = subprocess.run(  # noqa: S603 - no shell, and every argument is ours
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=environment,
        cwd=home,
        preexec_fn=_confine(),
        check=False,
    )
    return done.returncode, done.stdout[-_MAX_OUTPUT:].decode(errors="replace")


def _confine() -> Callable[[], None] | None:
    """What the new process does before it becomes LibreOffice: it will die with the worker, and leaves the network."""
    if sys.platform != "linux":
        return None
    # Loaded here: between fork and exec nothing may be imported.
    libc = ctypes.CDLL(None)

    def confine() -> None:
        libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        # As root without a user namespace, else with one; where the kernel forbids both, the profile alone keeps the network off.
        if libc.unshare(_CLONE_NEWNET) != 0:
            libc.unshare(_CLONE_NEWUSER | _CLONE_NEWNET)

    return confine
