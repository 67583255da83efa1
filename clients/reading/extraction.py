"""The text of a PDF, taken by a process that the file may kill (clients.reading.child)."""

import errno
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from shutil import copyfileobj
from typing import IO, Any

from clients.reading.bounds import DAMAGED, ENCRYPTED, MAX_BYTES, NO_ROOM, SECONDS

ROOT = Path(__file__).resolve().parents[2]


class Unreadable(Exception):
    """There is no text to be had from this file; says why, in a word or two."""


def text_of(file: IO[bytes] | Any, *, seconds: int = SECONDS) -> str:
    """What is written on the first pages of a PDF, in lines that keep its columns (clients.reading.layout).

    Raises Unreadable where the file is encrypted, damaged, or takes more time or memory than it may, and OSError where
    the machine has no room for it, which says nothing of the file. It is read in pieces and never held in memory as a
    whole.
    """
    with tempfile.TemporaryFile() as pdf, tempfile.TemporaryFile() as answer:
        copyfileobj(file, pdf)
        pdf.seek(0)
        _run(seconds, pdf, answer)
        answer.seek(0)
        try:
            return answer.read(MAX_BYTES).decode()
        except UnicodeDecodeError as failure:
            raise Unreadable("stopped") from failure


def _run(seconds: int, pdf: IO[bytes], answer: IO[bytes]) -> None:
    command = [sys.executable, "-E", "-s", "-m", "clients.reading.child", str(seconds)]
    try:
        code = subprocess.run(  # noqa: S603 - nothing in the command comes from outside
            command, cwd=ROOT, env={}, stdin=pdf, stdout=answer, stderr=subprocess.DEVNULL, timeout=seconds, check=False
        ).returncode
    except subprocess.TimeoutExpired as failure:
        raise Unreadable("too slow") from failure
    if code == NO_ROOM:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    if code:
        raise Unreadable({ENCRYPTED: "encrypted", DAMAGED: "damaged"}.get(code, "stopped"))
