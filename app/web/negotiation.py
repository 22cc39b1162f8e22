"""Accept (RFC 9110, 12.5.1): which of the media types on offer the caller prefers."""

from fastapi import Request

from app.web.header_fields import options_of

RANGES = 32  # media ranges that are read, from the first on


def preferred(request: Request, *offers: str) -> str:
    """The offer with the highest weight; among equals the one named most exactly, then the one named first.

    It is the first offer where none is named or none fits: another form is better than no answer.
    """
    written = ",".join(request.headers.getlist("accept")).split(",", RANGES)[:RANGES]
    ranges = [_range(item) for item in written if item.strip()]
    liking = {offer: _liking(offer, ranges) for offer in offers}
    return max(offers, key=lambda offer: liking[offer])


def _range(written: str) -> tuple[str, float]:
    """(media range, its weight). A weight that is not a number counts as 0."""
    media, options = options_of(written.strip())
    try:
        weight = float(options.get(b"q", b"1"))
    except ValueError:
        weight = 0.0
    return media, weight


def _liking(offer: str, ranges: list[tuple[str, float]]) -> tuple[float, int, int]:
    """(weight, exactness, negative place) of the most exact range that covers the offer."""
    exactness = {offer: 3, f"{offer.partition('/')[0]}/*": 2, "*/*": 1}
    matches = [(exactness[media], -place, weight) for place, (media, weight) in enumerate(ranges) if media in exactness]
    exact, place, weight = max(matches, default=(0, 0, 0.0))
    return (weight, exact, place) if weight > 0 else (0.0, 0, 0)
