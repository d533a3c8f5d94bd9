"""The templates: text with `@{name}`, where every name must be given and every given name used."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pkgutil import get_data
from string import Template

from hal.errors import HalError


class _Text(Template):
    """`@{name}` stands for a value and `@@` for `@`. `$` is what it is in the bootloaders' languages."""

    delimiter = "@"
    flags = re.RegexFlag(0)
    idpattern = "(?!)"
    braceidpattern = "[a-z_]+"


def fill(name: str, values: Mapping[str, str]) -> str:
    """The template of this name, filled in. Raises `HalError` for a name that is unknown, unused or malformed."""
    return fill_text(text_of(name), values, name=name)


def fill_text(text: str, values: Mapping[str, str], *, name: str) -> str:
    """This text, filled in; `name` is for errors. Values are taken as they are, an `@` in them is no name."""
    template = _Text(text)
    found = list(re.finditer(template.pattern, text))
    if any(each["invalid"] is not None for each in found):
        raise HalError(f"template {name}: an '@' that is neither '@{{name}}' nor '@@'", path=name)
    wanted, given = {each["braced"] for each in found if each["braced"]}, set(values)
    if wanted != given:
        wrong = [f"{each!r} is not given" for each in sorted(wanted - given)]
        wrong += [f"{each!r} is not used" for each in sorted(given - wanted)]
        raise HalError(f"template {name}: {', '.join(wrong)}", path=name)
    return template.substitute(values)


def text_of(name: str) -> str:
    """The text of a template of this package."""
    data = get_data(__package__, f"templates/{name}")
    if data is None:
        raise HalError(f"template {name}: this installation lacks it", path=name)
    return data.decode()
