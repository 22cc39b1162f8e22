"""What a server of ours needs before it can start."""

import socket

BACKLOG = 2048  # connections that may wait to be taken


class CannotStart(Exception):
    """The settings are good, and what is around is not: a port that is taken, a database that does not answer."""


def listening(host: str, port: int) -> socket.socket:
    """A listening socket, opened before anything else is done. Errors: CannotStart."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=BACKLOG)
    except OSError as reason:
        why = (reason.strerror or str(reason)).lower()
        raise CannotStart(f"cannot listen on {address(host, port)}: {why}.") from None


def url_of(door: socket.socket) -> str:
    host, port = door.getsockname()[:2]
    return f"http://{address(host, port)}"


def address(host: str, port: int) -> str:
    """As a URL has it: IPv6 in brackets."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
