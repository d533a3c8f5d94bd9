"""`hal identify`: which device type, and the evidence."""

from __future__ import annotations

from collections.abc import Iterable

import click

from hal.cli.common import Options, print_facts, print_value, takes_options
from hal.errors import BoardUnknown
from hal.identify import identify as find_out
from hal.model import Candidate, Evidence
from hal.plugins import Catalog


@click.command()
@click.option("--explain", is_flag=True, help="Print every piece of evidence and what it decided.")
@takes_options
def identify(options: Options, explain: bool) -> None:
    """Which device type was this system built for, and on which board does it run?"""
    try:
        identity = find_out(options.open_root(), Catalog(), options.board)
    except BoardUnknown as error:
        if explain and not options.as_json:
            _explain(error.evidence, error.candidates)
        raise
    row = identity.device_type
    if options.as_json:
        print_value(
            {
                "slug": row.slug,
                "name": row.name,
                "machine": row.machine,
                "plugin": identity.plugin,
                "board": identity.board.name if identity.board else None,
                "compatible": identity.compatible,
                "model": identity.model,
                "evidence": identity.evidence,
                "candidates": identity.candidates,
                "warnings": identity.warnings,
            }
        )
        return
    print_facts(
        (
            ("device type", f"{row.slug} ({row.name})"),
            ("board", identity.board.name if identity.board else " ".join(identity.compatible[:1]) or "not known"),
            ("plugin", identity.plugin),
        )
    )
    for warning in identity.warnings:
        click.echo(f"note: {warning}", err=True)
    if explain:
        click.echo()
        _explain(identity.evidence, identity.candidates)


def _explain(evidence: Iterable[Evidence], candidates: Iterable[Candidate]) -> None:
    for item in evidence:
        click.echo(f"{item.kind:8}  {item.source}: {item.value or 'nothing'}")
        click.echo(f"          -> {item.verdict}")
    for candidate in candidates:
        click.echo(f"fits      {candidate.slug} [{candidate.plugin}]: {'; '.join(candidate.reasons)}")
