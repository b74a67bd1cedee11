"""A PDF file of any length in little memory: what reportlab keeps until the end waits on disk."""

from __future__ import annotations

import tempfile
from types import FunctionType, MethodType
from typing import IO, Any

from reportlab.lib.pagesizes import A4
from reportlab.pdfbase import pdfdoc
from reportlab.pdfgen.canvas import Canvas


class SpooledCanvas(Canvas):
    """A canvas whose pictures wait in a temporary file, and whose file is written as it is made.

    reportlab keeps every picture of a document in memory until it is saved, and the whole file once
    more while it is; pages themselves are small.

    Args:
        file: open for writing bytes.
    """

    def __init__(self, file: IO[bytes]) -> None:
        super().__init__(file, pagesize=A4, pageCompression=1)
        self._spool = tempfile.TemporaryFile()  # noqa: SIM115 -- as long as the canvas
        self._pictures = 0

    def draw_jpeg(
        self,
        jpeg: bytes,
        size: tuple[int, int],
        place: tuple[float, float, float, float],
    ) -> None:
        """Draw a picture, whose bytes go into the document as they are.

        Args:
            jpeg: a JPEG of RGB.
            size: its width and height in pixels.
            place: left, bottom, width and height in points.
        """
        name = f"picture{self._pictures}"
        self._pictures += 1
        start = self._spool.seek(0, 2)
        self._spool.write(jpeg)
        self._doc.addForm(name, _Picture(self._spool, start, len(jpeg), size))
        left, bottom, width, height = place
        self.saveState()
        self.translate(left, bottom)
        self.scale(width, height)
        self.doForm(name)
        self.restoreState()

    def save(self) -> None:
        """Write the document."""
        document, file = self._doc, self._filename
        # the function of the library, with another place for what it has made
        names = vars(pdfdoc) | {"PDFFile": lambda version: _Written(file, version)}
        made = FunctionType(pdfdoc.PDFDocument.format.__code__, names)
        document.format = MethodType(made, document)
        super().save()
        self._spool.close()


class _Picture(pdfdoc.PDFObject):
    """A picture that is read when the document is written."""

    __RefOnly__ = 1

    def __init__(self, spool: IO[bytes], start: int, length: int, size: tuple[int, int]) -> None:
        self._spool, self._start, self._length, self._size = spool, start, length, size

    def format(self, document: Any) -> bytes:
        self._spool.seek(self._start)
        width, height = self._size
        facts = {
            "Type": pdfdoc.PDFName("XObject"),
            "Subtype": pdfdoc.PDFName("Image"),
            "Width": width,
            "Height": height,
            "BitsPerComponent": 8,
            "ColorSpace": pdfdoc.PDFName("DeviceRGB"),
            "Filter": pdfdoc.PDFName("DCTDecode"),
        }
        content = self._spool.read(self._length)
        stream = pdfdoc.PDFStream(pdfdoc.PDFDictionary(facts), content)
        return bytes(stream.format(document))


class _Written(pdfdoc.PDFFile):
    """What reportlab collects the objects of a document in: here the file itself."""

    def __init__(self, file: IO[bytes], version: tuple[int, int]) -> None:
        super().__init__(version)  # collects the first line
        self.write = file.write
        for line in self.strings:
            file.write(line)

    def format(self, document: Any) -> bytes:
        return b""  # all of it is in the file
