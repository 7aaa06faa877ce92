"""Text of other programs in any encoding and with any line ends: decoded, bounded, never interpreted."""

from __future__ import annotations

import codecs
import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from multimil_gui.core.errors import Refusal
from multimil_gui.data.sniff import HDF5_MAGIC, ZIP_MAGIC, foreign_kind
from multimil_gui.data.words import shown, size_text

#: Bytes of a file, characters of a line and of a field.
MAX_FILE = 256 << 20
MAX_LINE = 1 << 20
MAX_FIELD = 1 << 16
_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_AS_TEXT = "Save it as a CSV or text file (UTF-8) and open that."


@dataclass(frozen=True)
class TextFile:
    """A decoded file.

    Attributes
    ----------
    name
        Its name, for messages.
    text
        Its text without a byte order mark.
    remarks
        What was guessed, as sentences.
    """

    name: str
    text: str
    remarks: tuple[str, ...]

    def lines(self) -> Iterator[tuple[int, str]]:
        """Yield (number from 1, line without its end); LF, CR LF and CR end a line.

        Raises
        ------
        Refusal
            When a line is longer than programs write.
        """
        for number, line in enumerate(io.StringIO(self.text, newline=""), start=1):
            if len(line) > MAX_LINE:
                raise Refusal(
                    f"Line {number:,} is longer than {MAX_LINE:,} characters.",
                    f"{self.name}.",
                    "Write one entry a line.",
                )
            yield number, line.rstrip("\r\n")


def read_text_file(path: Path) -> TextFile:
    """Read and decode a text file.

    Raises
    ------
    Refusal
        When it is no text: empty, too large, a table of a spreadsheet program, compressed, or binary.
    """
    name = shown(path.name)
    try:
        if not path.is_file():
            raise Refusal("This is not a file.", f"{name}.", "Choose a CSV or text file.")
        size = path.stat().st_size
        if size > MAX_FILE:
            raise Refusal(
                f"The list is larger than {size_text(MAX_FILE)}.", f"{name} has {size_text(size)}.", "Shorten it."
            )
        data = path.read_bytes()
    except OSError as error:
        raise Refusal("The file cannot be read.", f"{name}: {error.strerror}.", "Check the path.") from error
    _check_kind(data, name)
    encoding, remark = _encoding(data, name)
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        raise Refusal("The file is not text.", f"{name}: byte {error.start:,} is none.", _AS_TEXT) from error
    if "\0" in text:
        raise Refusal("The file is not text: it contains NUL bytes.", f"{name}.", _AS_TEXT)
    return TextFile(name, text, (remark,) if remark else ())


def _check_kind(data: bytes, name: str) -> None:
    if not data.strip():
        raise Refusal("The file is empty.", f"{name} has {size_text(len(data))}.", "Choose another file.")
    if data.startswith(ZIP_MAGIC):
        raise Refusal("This is an Excel table or a zip archive, not text.", f"{name}.", _AS_TEXT)
    if data.startswith(HDF5_MAGIC):
        raise Refusal("This is an HDF5 file (such as .h5ad or .loom), not a list.", f"{name}.", "Open it as data.")
    foreign = foreign_kind(data[:1024])
    if foreign is not None:
        raise Refusal(foreign[0], f"{name}.", _AS_TEXT)


def _encoding(data: bytes, name: str) -> tuple[str, str]:
    """Return the encoding, and the sentence that says so when it was guessed."""
    for mark, encoding in _BOMS:
        if data.startswith(mark):
            return encoding, "" if encoding == "utf-8-sig" else f"The file is written in {encoding.upper()}."
    if b"\0" in data[:4096]:
        for encoding, zeros in (("utf-16-le", data[1:4096:2]), ("utf-16-be", data[0:4096:2])):
            if zeros.count(0) > 0.8 * len(zeros):
                return encoding, "The file is written in UTF-16."
        raise Refusal("The file is not text: it contains NUL bytes.", f"{name}.", _AS_TEXT)
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        remark = "The file is not UTF-8; its accents were read as a Western European Windows writes them."
        return ("cp1252" if _decodes(data, "cp1252") else "latin-1"), remark
    return "utf-8", ""


def _decodes(data: bytes, encoding: str) -> bool:
    try:
        data.decode(encoding)
    except UnicodeDecodeError:
        return False
    return True
