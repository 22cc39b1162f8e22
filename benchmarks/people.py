"""Large files of people, written fast: a block of rows again and again, with another number in each key."""

import gzip
from collections.abc import Iterator
from pathlib import Path

HEADER = b"email,firstName,lastName,company,phone,leadScore,dateOfBirth,city\n"
BLOCK_ROWS = 50_000
NUMBER = b"#######"


def _block(*, quoted: bool) -> bytes:
    wrap = '"%s"' if quoted else "%s"
    rows = []
    for n in range(BLOCK_ROWS):
        cells = (
            f"p{n:05d}.{NUMBER.decode()}@example.com",
            f"First{n % 977}",
            f"Last{n % 1301}",
            f"Company {n * 7919 % 100_003}",
            f"+44 20 {n * 104_729 % 10_000_019:08d}",
            str(n % 100),
            f"19{n % 60 + 40}-0{n % 9 + 1}-{n % 28 + 1:02d}",
            f"Some Town {n * 31 % 1009}",
        )
        rows.append(",".join(wrap % cell for cell in cells) + "\n")
    return "".join(rows).encode()


def blocks(size_bytes: int, kind: str) -> Iterator[bytes]:
    """About so many bytes: `plain`, `quoted`, or `repeated` (one row in ten has the key of an earlier one)."""
    yield HEADER
    block, left, number = _block(quoted=kind == "quoted"), size_bytes, 0
    while left > 0:
        number += 1
        text = block.replace(NUMBER, b"%07d" % number)
        if kind == "repeated" and number > 1:
            rows = text.splitlines(keepends=True)
            old = b"%07d" % (number // 2)
            rows[::10] = [row.replace(b".%07d@" % number, b".%s@" % old) for row in rows[::10]]
            text = b"".join(rows)
        if left < len(text):
            text = text[: text.index(b"\n", left - 1) + 1]
        left -= len(text)
        yield text


def write(path: Path, size_bytes: int, kind: str) -> None:
    """`gzip` is `plain`, packed."""
    with gzip.open(path, "wb", compresslevel=1) if kind == "gzip" else path.open("wb") as file:
        for block in blocks(size_bytes, "plain" if kind == "gzip" else kind):
            file.write(block)
