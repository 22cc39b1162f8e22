"""Which URLs an endpoint may have, as far as that can be seen when it is given. The address is checked at each try."""

import asyncio
from contextlib import suppress

import httpx

from app.domain.errors import BadParameter, Detail, quoted
from app.domain.timeouts import WEBHOOK_LOOKUP_SECONDS
from app.webhooks.addresses import AddressRefused, AddressRules, Lookup

MOST_CHARACTERS, LAST_PORT = 2_000, 65_535
FIELD = "url"


def check_url(text: str, *, takes_http: bool) -> httpx.URL:
    """An absolute https URL (or http, where that is allowed) that names a host. Errors: BadParameter."""
    try:
        if len(text) > MOST_CHARACTERS or not text.isprintable() or " " in text:
            raise ValueError(f"use {MOST_CHARACTERS} printable characters at most, and no blank")
        url = httpx.URL(text)
        if url.scheme != "https" and not (url.scheme == "http" and takes_http):
            remedy = "" if takes_http else "; plain http takes SLUICE_WEBHOOK_HTTP=on"
            raise ValueError(f"it has to begin with https://{remedy}")
        if not url.raw_host:
            raise ValueError("it names no host")
        if url.userinfo or url.fragment:
            raise ValueError("leave user, password and #fragment out; deliveries are signed instead")
        if url.port is not None and not 1 <= url.port <= LAST_PORT:
            raise ValueError(f"{url.port} is no port")
    except (ValueError, httpx.InvalidURL) as mistake:
        message = f"{quoted(text)} is not a URL that webhooks can point to: {mistake}"
        raise BadParameter(message, details=(Detail(message, field=FIELD),)) from None
    return url


async def check_address(url: httpx.URL, rules: AddressRules, lookup: Lookup) -> None:
    """Refuse a host with an address that is not allowed. One that nobody knows yet is taken: it may come.

    Network: one look-up. Errors: BadParameter with the code `webhook_address_refused`.
    """
    with suppress(OSError, TimeoutError, UnicodeError):
        async with asyncio.timeout(WEBHOOK_LOOKUP_SECONDS):
            addresses = await lookup(url.raw_host.decode("ascii"), url.port or (443 if url.scheme == "https" else 80))
        try:
            rules.check(url.host, addresses)
        except AddressRefused as refused:
            message = f"{refused}. Where they may point is the setting SLUICE_WEBHOOK_NETWORKS."
            details = (Detail(message, field=FIELD),)
            raise BadParameter(message, code="webhook_address_refused", details=details) from None
