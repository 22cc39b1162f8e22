"""URLs as they may be shown: passwords, tokens and secrets in them are masked (SECRETS_STAY_IN)."""

from urllib.parse import urlsplit

MASK = "***"
SECRET_WORDS = ("password", "passwd", "secret", "token")  # in the name of a parameter, as `sslpassword`


def masked_url(url: str) -> str:
    """The URL with user info and the values of secret parameters masked; one that cannot be parsed is masked whole."""
    try:
        parts = urlsplit(url)
    except ValueError:  # the error itself would quote what must be masked
        return MASK
    _, at, place = parts.netloc.rpartition("@")
    masked = parts._replace(netloc=f"{MASK}@{place}" if at else place, query=_masked_query(parts.query))
    return masked.geturl()


def masked_database_url(url: str) -> str:
    """The same, but with the user's name and the path of a SQLite file, for operators need them."""
    scheme, _, rest = url.partition("://")
    user_info, at, place = rest.partition("@")
    user, colon, _ = user_info.partition(":")
    if at and scheme != "sqlite" and "/" not in user:  # as SQLAlchemy reads it: a password may have all but an @
        scheme, rest = f"{scheme}://{user}{colon and colon + MASK}@", place
    else:
        scheme = f"{scheme}://"
    rest, mark, query = rest.partition("?")
    return f"{scheme}{rest}{mark}{_masked_query(query)}"


def _masked_query(query: str) -> str:
    return "&".join(_masked_parameter(parameter) for parameter in query.split("&"))


def _masked_parameter(parameter: str) -> str:
    name, sign, _ = parameter.partition("=")
    return f"{name}{sign}{MASK}" if sign and any(word in name.lower() for word in SECRET_WORDS) else parameter
