"""The codecs of Python's standard library, all loaded when the service starts.

Python itself loads a codec when its name is first used. That fails where no more files can be opened; and Python keeps
every name that it was asked for, known or not, so callers could fill the memory with names.
"""

import codecs
import pkgutil
from collections.abc import Iterator
from encodings import __path__ as places
from encodings import normalize_encoding
from encodings.aliases import aliases


def find(name: str) -> codecs.CodecInfo | None:
    """The codec with this name in any spelling; None where there is none. Nothing is loaded or remembered."""
    spelled = normalize_encoding(name.lower())
    return _KNOWN.get(aliases.get(spelled) or aliases.get(spelled.replace(".", "_")) or spelled)


def _every_codec() -> Iterator[tuple[str, codecs.CodecInfo]]:
    for module in pkgutil.iter_modules(places):
        try:
            yield module.name, codecs.lookup(module.name)
        except LookupError:  # no codec, or one of another operating system
            continue


_KNOWN = dict(_every_codec())
