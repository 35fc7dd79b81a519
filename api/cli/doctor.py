"""`doctor`: what is wrong or worrying, and what to do about it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click
import msgspec

from api.cli.errors import FOUND, UNREACHABLE
from api.cli.terminal import json_option, print_json
from api.redaction import redact

if TYPE_CHECKING:
    from api.doctor.finding import Finding


@click.command()
@json_option
def doctor(*, as_json: bool) -> None:
    """Check the whole installation, and say what to do about it.

    Each check is ok, worrying or wrong, or skipped where something else must be mended first. Exit 0 when
    nothing is wrong, also when something is worrying; 1 when something is; 3 when nothing else is wrong than
    that the database, Stripe or the issuer does not answer. Nothing is changed anywhere.
    """
    from api.doctor.examination import examine
    from api.settings import load

    findings = [_without_secrets(finding) for finding in examine(load())]
    if as_json:
        print_json({"ok": _exit_code(findings) == 0, "findings": findings})
    else:
        for finding in findings:
            _print(finding)
        click.echo(_summary(findings))
    click.get_current_context().exit(_exit_code(findings))


def _without_secrets(finding: Finding) -> Finding:
    """It may repeat a setting, or what a library says of one."""
    return msgspec.structs.replace(finding, said=redact(finding.said), todo=redact(finding.todo))


def _exit_code(findings: list[Finding]) -> int:
    wrong = [finding for finding in findings if finding.level == "wrong"]
    if not wrong:
        return 0
    return FOUND if any(finding.reached for finding in wrong) else UNREACHABLE


def _print(finding: Finding) -> None:
    click.echo(f"{finding.level:8}  {finding.check:19}  {finding.said}")
    if finding.todo:
        click.echo(f"{'':31}→ {finding.todo}")


def _summary(findings: list[Finding]) -> str:
    counts = {level: sum(finding.level == level for finding in findings) for level in _LEVELS}
    return ", ".join(f"{count} {level}" for level, count in counts.items() if count or level != "skipped")


_LEVELS = ("wrong", "worrying", "ok", "skipped")
