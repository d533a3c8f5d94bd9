"""What asks for a boot splash: PNG bytes, or text as in balenaOS's variable `BALENA_HOST_SPLASH_image`.

The text is base64, or a data URI `data:<type>[;parameters];base64,<base64>`. As for the supervisor, the type does not
count, only what the bytes are; white space and the URL-safe letters are accepted, and padding may be missing.
"""

from __future__ import annotations

import re
from base64 import b64decode
from binascii import Error

from hal.backends import png
from hal.errors import ValueRefused

MAX_TEXT = 2 * 1024 * 1024
"""Characters of the longest text: base64 of the largest image, with room for line ends and the start of a URI."""

_URI = re.compile(r"data:([^,]*),", re.IGNORECASE)
_LIKE_URL = str.maketrans("-_", "+/", " \t\r\n\f\v=")


def asks_for_default(wanted: bytes | str | None) -> bool:
    """Whether nothing is asked for: no value or blank text. No bytes are an empty file, and that is a mistake."""
    return wanted is None or (isinstance(wanted, str) and not wanted.strip())


def image_of(wanted: bytes | str) -> bytes:
    """The bytes that are asked for, not yet looked into. Raises `ValueRefused` for text that is no base64."""
    if isinstance(wanted, bytes):
        return wanted
    if len(wanted) > MAX_TEXT:
        raise refused(f"{len(wanted)} characters of text are too many, at most {MAX_TEXT} are allowed")
    text = wanted.strip()
    uri = _URI.match(text)
    if uri is not None:
        if uri[1].rpartition(";")[2].strip().casefold() != "base64":
            raise refused(f"the data URI 'data:{uri[1]:.40},…' is not marked as base64")
        text = text[uri.end() :]
    letters = text.translate(_LIKE_URL)
    try:
        return b64decode(letters + "=" * (-len(letters) % 4), validate=True)
    except (Error, ValueError) as error:
        raise refused(f"{text[:20]!r}… is neither a data URI nor base64: {str(error).lower()}") from error


def refused(words: str) -> ValueRefused:
    """The error for an image that is not accepted."""
    return ValueRefused(f"splash: {words}; the image in use stays", path="splash", allowed=png.ALLOWED)
