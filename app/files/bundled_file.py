"""The file of a job that has several parts: the header once, and then the records of each part.

The parts' files begin with the same header, byte for byte. A line end is put behind a part's last record where that has
none and another part follows. All is unpacked block by block, so no text is held as a whole.
"""

from collections.abc import Iterator, Sequence

from app.files.compression import unpacked
from app.files.records import line_end_of

LINE_ENDS = (b"\n", b"\r")


def bundled(blobs: Sequence[bytes], header_bytes: int) -> Iterator[bytes]:
    """The text of the job, in blocks. `blobs`: the parts' files, compressed; `header_bytes`: with its line end.

    One blob is given as it is.
    """
    line_end, has_ended = b"", True
    for index, blob in enumerate(blobs):
        to_skip = header_bytes if index else 0
        if not has_ended:
            yield line_end
        head = b""  # what has come of the first header
        for block in unpacked(blob):
            if index == 0 and len(head) < header_bytes:
                head += block[: header_bytes - len(head)]
                line_end = line_end_of(head)
            skipped = min(to_skip, len(block))
            to_skip -= skipped
            if len(block) > skipped:
                has_ended = block.endswith(LINE_ENDS)
                yield block[skipped:]


def bundled_size(blobs: Sequence[bytes], header_bytes: int) -> int:
    """The size of the job's text in bytes. It takes as long as unpacking all of it once."""
    return sum(map(len, bundled(blobs, header_bytes)))
