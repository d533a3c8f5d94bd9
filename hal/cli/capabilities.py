"""`hal capabilities`: the capability document."""

from __future__ import annotations

from typing import Any

import click

from hal.cli.common import Options, print_json, print_table, takes_options


@click.command()
@takes_options
def capabilities(options: Options) -> None:
    """What this board can do. With --json, the document described by the published schema."""
    from hal.document import capabilities as describe

    document = describe(options.open_device())
    if options.as_json:
        print_json(document)
        return
    print_table(
        ("capability", "here", "details"), [(name, *_words(value)) for name, value in document["capabilities"].items()]
    )
    for problem in document["problems"]:
        click.echo(f"note: plugin {problem['plugin']}: {problem['message']}; {problem['advice']}", err=True)


def _words(value: Any) -> tuple[str, str]:
    if isinstance(value, list):
        here = [item for item in value if item.get("absence") is None]
        return ("yes" if here else "no"), ", ".join(_label(item) for item in here)
    if not value["supported"]:
        return "no", value["reason"]
    if "error" in value:
        return "fault", value["error"]["message"]
    if "profiles" in value:
        return "yes", f"{', '.join(p['name'] for p in value['profiles'])}; configured {value['configured']}"
    if "modes" in value:
        modes = [m["name"] + (f" ({', '.join(m['levels'])})" if m["levels"] else "") for m in value["modes"]]
        return "yes", f"{', '.join(modes)}; configured {value['configured']}"
    if "firmware" in value:
        return "yes", _picture(value)
    return "yes", ""


def _picture(splash: Any) -> str:
    image = splash["image"]
    if image is None:
        return "no image"
    if image["problem"]:
        return f"{image['file']}: {image['problem']}"
    size = f"{image['width_pixels']} x {image['height_pixels']} pixels"
    return size + {True: ", custom", False: ", the default", None: ""}[splash["custom"]]


def _label(item: dict[str, Any]) -> str:
    """The name of an item of a list, and its fault where it has one."""
    return f"{item['name']} (fault: {item['error']['message']})" if "error" in item else str(item["name"])
