"""A provider's file as text: its header and its lines, or why it cannot be read."""

from __future__ import annotations

import codecs
import csv
import dataclasses
import io
from collections.abc import Iterator

from projects.problems import BadLines

MOST_BYTES = 64 * 1024 * 1024
MOST_LINES = 250_000
SEPARATORS = (",", ";", "\t", "|")
MOST_BAD = 200
PIECE = 2**20
_WIDE = (b"\xff\xfe", b"\xfe\xff")


@dataclasses.dataclass(frozen=True)
class Sheet:
    """A CSV file with its header; `lines` reads it once more from the start, without holding its text."""

    header: list[str]
    separator: str
    content: bytes

    def lines(self) -> Iterator[tuple[int, list[str]]]:
        """Line number and cells, without empty lines. Raises BadLines where it is no CSV."""
        reader = csv.reader(_text(self.content), delimiter=self.separator, strict=True)
        header = False
        try:
            for cells in reader:
                if not any(map(str.strip, cells)):
                    continue
                if not header:
                    header = True
                    continue
                yield reader.line_num, cells
        except csv.Error as error:
            raise bad(reader.line_num, f"is no CSV from here on ({error}); close the quotes") from None


def bad(line: int, reason: str) -> BadLines:
    return BadLines([{"line": line, "reason": reason}])


def refuse_large(size: int) -> None:
    """Raises BadLines where a file is larger than is read."""
    if size > MOST_BYTES:
        said = f"the file has {size / 2**20:,.0f} MB, at most {MOST_BYTES // 2**20} are read"
        raise bad(1, f"{said}; export it in parts, such as half a month each")


def read(content: bytes) -> Sheet:
    """The sheet of a file. Raises BadLines (422) for what is no CSV in UTF-8 with a header."""
    refuse_large(len(content))
    _refuse_bytes(content)
    first = next((line for line in _text(content) if line.strip()), None)
    if first is None:
        raise bad(1, "the file is empty; export it with its header row")
    separator = max(SEPARATORS, key=first.count)
    try:
        rows = csv.reader(_text(content), delimiter=separator, strict=True)
        header = next(cells for cells in rows if any(map(str.strip, cells)))
    except csv.Error as error:
        raise bad(1, f"the header cannot be read ({error})") from None
    header = [name.strip() for name in header]
    _refuse_header(header)
    return Sheet(header, separator, content)


def _text(content: bytes) -> io.TextIOWrapper:
    return io.TextIOWrapper(io.BytesIO(content), "utf-8-sig", newline="")


def _refuse_bytes(content: bytes) -> None:
    if content.startswith(_WIDE):
        raise bad(1, "the file is UTF-16; save it as “CSV UTF-8”")
    if b"\x00" in content:
        line = content[: content.index(b"\x00")].count(b"\n") + 1
        raise bad(line, "there are NUL bytes, so this is no text file; export it as CSV in UTF-8")
    decoder = codecs.getincrementaldecoder("utf-8")()
    for start in range(0, len(content), PIECE):
        held = len(decoder.getstate()[0])  # the beginning of a character, at the end of the piece before
        try:
            decoder.decode(content[start : start + PIECE], final=start + PIECE >= len(content))
        except UnicodeDecodeError as error:
            line = content[: start - held + error.start].count(b"\n") + 1
            raise bad(line, "the file is not UTF-8; save it as “CSV UTF-8”") from None


def _refuse_header(header: list[str]) -> None:
    lowered = [name.lower() for name in header]
    twice = sorted({name for name in lowered if name and lowered.count(name) > 1})
    if twice:
        raise bad(1, f"columns stand there twice: {', '.join(twice)}; rename or remove one of them")
    if len(header) < 2:
        raise bad(1, "the header has one column only; separate columns by comma, semicolon or tab")
