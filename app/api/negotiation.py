"""Accept (RFC 9110, 12.5.1): which of the forms that an answer may have its caller likes best."""

from fastapi import Request

from app.api.header_fields import options_of

RANGES = 32  # that are looked at, from the first on


def preferred(request: Request, *offers: str) -> str:
    """One of these media types: of those liked equally the one that is named most exactly, then the one named first.

    The first of the offers where none is named, or none fits: better another form than no answer.
    """
    written = ",".join(request.headers.getlist("accept")).split(",", RANGES)[:RANGES]
    ranges = [_range(item) for item in written if item.strip()]
    liking = {offer: _liking(offer, ranges) for offer in offers}
    return max(offers, key=lambda offer: liking[offer])


def _range(written: str) -> tuple[str, float]:
    """(media range, its weight); a weight that is none weighs nothing."""
    media, options = options_of(written.strip())
    try:
        weight = float(options.get(b"q", b"1"))
    except ValueError:
        weight = 0.0
    return media, weight


def _liking(offer: str, ranges: list[tuple[str, float]]) -> tuple[float, int, int]:
    """(weight, exactness, place from behind): of the most exact range that the offer falls under."""
    exactness = {offer: 3, f"{offer.partition('/')[0]}/*": 2, "*/*": 1}
    matches = [(exactness[media], -place, weight) for place, (media, weight) in enumerate(ranges) if media in exactness]
    exact, place, weight = max(matches, default=(0, 0, 0.0))
    return (weight, exact, place) if weight > 0 else (0.0, 0, 0)
