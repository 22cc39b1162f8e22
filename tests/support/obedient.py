"""A caller that does what a refusal says, to the letter, and knows nothing else."""

import ast
import bz2
import csv
import io
import lzma
import re
from dataclasses import dataclass, field
from typing import Any

import httpx

SEPARATORS = {"csv": ",", "tsv": "\t", "ssv": ";"}
QUOTED = r"""('(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")"""
RENAME = re.compile(rf"Rename {QUOTED} to {QUOTED}\.|Marketo has no field {QUOTED}\. Did you mean {QUOTED}\?")
LEAVE_OUT = re.compile(rf"(?:Marketo has no field|Marketo lets nobody write) {QUOTED}\. Leave the column out")
DOUBLED = re.compile(rf"Column {QUOTED} stands in the header twice\. Keep one of them\.")
NAMELESS = re.compile(r"Column (\d+) has no name\. Name every column by its API name, or leave the column out\.")
COMMANDS = {"bunzip2": bz2.decompress, "unxz": lzma.decompress}


@dataclass
class Attempt:
    """An upload, as somebody sends it. `as_csv`: what comes of the file where it is to be saved as CSV."""

    content: bytes
    form: bool = False
    part: str = "file"
    parameters: dict[str, str] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=lambda: {"Content-Type": "text/csv"})
    as_csv: bytes = b""
    path: str = "/v1/imports"

    async def send(self, api: httpx.AsyncClient) -> httpx.Response:
        if self.form:
            headers = {name: value for name, value in self.headers.items() if name != "Content-Type"}
            files = {self.part: ("f.csv", self.content)}
            return await api.post(self.path, files=files, data=self.parameters, headers=headers)
        return await api.post(self.path, content=self.content, params=self.parameters, headers=self.headers)

    def obey(self, told: dict[str, Any]) -> None:
        """Do what the sentence says: parameters between backticks, and what stands in plain words."""
        words = told["detail"]
        for quoted in words.split("`")[1::2]:
            for name, sign, value in (one.partition("=") for one in quoted.split("&")):
                if sign and name.isidentifier():
                    self.parameters[name] = value
        if "Content-Encoding: gzip" in words or "Content-Encoding: zstd" in words:
            self.headers["Content-Encoding"] = "gzip" if "gzip" in words else "zstd"
            self.headers["Content-Type"] = "text/csv"
        if "without Content-Encoding" in words:
            del self.headers["Content-Encoding"]
        if "without that header" in words:
            self.headers = {name: value for name, value in self.headers.items() if name.lower() not in words.lower()}
        if "call it `file`" in words:
            self.part = "file"
        for command, cleanup in COMMANDS.items():
            if f"`{command} FILE`" in words:
                self.content = cleanup(self.content)
        if any(tool in words for tool in ("`unlz4 FILE`", "`uncompress FILE`")):  # which Python has not
            self.content = self.as_csv
        if re.search(r"as CSV|CSV UTF-8|Send CSV|takes it out|with one of these|--data-binary", words):
            self.content, self.headers = self.as_csv, {"Content-Type": "text/csv"}
        if "Take it out." in words:
            self.content = self.content.replace(b"\0", b"")
        self._mend_header(words)

    def _mend_header(self, words: str) -> None:
        renamed = {
            ast.literal_eval(found[1] or found[3]): ast.literal_eval(found[2] or found[4])
            for found in RENAME.finditer(words)
        }
        left_out = {ast.literal_eval(found[1]) for found in LEAVE_OUT.finditer(words)}
        doubled = {ast.literal_eval(found[1]) for found in DOUBLED.finditer(words)}
        nameless = {int(found[1]) - 1 for found in NAMELESS.finditer(words)}
        if not (renamed or left_out or doubled or nameless):
            return
        charset = self.parameters.get("charset", "utf-8-sig")
        separator = SEPARATORS[self.parameters.get("format", "csv")]
        rows = list(csv.reader(io.StringIO(self.content.decode(charset), newline=""), delimiter=separator))
        names = [name.strip() for name in rows[0]]
        kept = [place for place, name in enumerate(names) if name not in left_out and place not in nameless]
        kept = [place for place in kept if names[place].lower() not in doubled or _is_first(names, place)]
        text = io.StringIO()
        writer = csv.writer(text, delimiter=separator)
        writer.writerow([renamed.get(names[place], names[place]) for place in kept])
        writer.writerows([row[place] for place in kept] for row in rows[1:])
        self.content = text.getvalue().encode(charset)


def _is_first(names: list[str], place: int) -> bool:
    return names[place].lower() not in [name.lower() for name in names[:place]]
