"""Runs what the documentation shows, and holds what it printed against what it says it prints.

A ```shell block runs in one bash that lives as long as its page. A ```json or ```text block after it is
what it printed; ids, times, hashes and positions may differ, nothing else.
"""

from __future__ import annotations

import json
import re
import subprocess
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sybil import Document, Example
from sybil.parsers.markdown import CodeBlockParser

VOLATILE = re.compile(
    r"""
      \b[a-z]{2,7}_[0-9A-Za-z_]{14,}\b                       # ids, ours and Stripe's
    | \b\d{4}-\d\d-\d\dT[\d:.]+(?:Z|\+00:00)                 # times
    | \b[0-9a-f]{8}-[0-9a-f-]{27}\b                          # uuids
    | \b[0-9a-f]{32,64}\b                                    # hashes and request ids
    | \bW[A-Za-z0-9_-]{3,}\b                                 # cursors: base64 of a JSON list
    | \blk_[A-Za-z0-9_-]+                                    # API keys
    """,
    re.VERBOSE,
)
VOLATILE_KEYS = re.compile(
    r"position|hash|cursor|_at$|^(result|applied|unchanged|x|kid|public_key|number)$|^ETag|elapsed|seconds|_s$",
    re.IGNORECASE,
)


class Shell:
    """A bash; `run` answers with the standard output of some lines."""

    def __init__(self, environment: Mapping[str, str], folder: Path) -> None:
        self._bash = subprocess.Popen(
            ["bash", "--norc", "--noprofile"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=dict(environment),
            cwd=folder,
        )

    def run(self, lines: str) -> str:
        """Fails when the last command did."""
        assert self._bash.stdin is not None
        assert self._bash.stdout is not None
        mark = f"--{uuid.uuid4().hex}--"
        self._bash.stdin.write(f"{lines}\necho; echo {mark} $?\n")
        self._bash.stdin.flush()
        output: list[str] = []
        for line in self._bash.stdout:
            if line.startswith(mark):
                assert line.split()[1] == "0", f"exit code {line.split()[1]} of:\n{lines}\n{''.join(output)}"
                break
            output.append(line)
        return "".join(output).strip()

    def close(self) -> None:
        self._bash.communicate("exit 0\n", timeout=30)


@contextmanager
def shell(environment: Mapping[str, str], folder: Path) -> Iterator[Shell]:
    opened = Shell(environment, folder)
    try:
        yield opened
    finally:
        opened.close()


def run_page(page: Path, bash: Shell, settle: Callable[[], object]) -> int:
    """Every shell block of a page, in order; how many. `settle` waits until nothing is under way."""
    ran, output = 0, ""

    def run(example: Example) -> None:
        nonlocal ran, output
        settle()
        output = bash.run(str(example.parsed))
        ran += 1

    def same_json(example: Example) -> None:
        shown, printed = json.loads(example.parsed), json.loads(output)
        assert_alike(shown, printed, at=f"{page.name}:{example.line}")

    def same_text(example: Example) -> None:
        shown, printed = _steady(example.parsed.strip()), _steady(output)
        assert printed == shown, (
            f"{page.name}:{example.line} shows\n{shown}\nand this was printed:\n{printed}"
        )

    parsers = [
        CodeBlockParser(language="shell", evaluator=run),
        CodeBlockParser(language="json", evaluator=same_json),
        CodeBlockParser(language="text", evaluator=same_text),
    ]
    for example in Document.parse(str(page), *parsers).examples():
        example.evaluate()
    return ran


def assert_alike(shown: Any, printed: Any, at: str) -> None:
    """The same keys everywhere, and the same values but for what cannot be the same twice."""
    assert type(shown) is type(printed), f"{at}: {shown!r} is shown, {printed!r} was printed"
    if isinstance(shown, dict):
        assert shown.keys() == printed.keys(), f"{at}: keys differ: {shown.keys() ^ printed.keys()}"
        for key, value in shown.items():
            if not VOLATILE_KEYS.search(key) or isinstance(value, dict | list):
                assert_alike(value, printed[key], f"{at}/{key}")
    elif isinstance(shown, list):
        assert len(shown) == len(printed), f"{at}: {len(shown)} items are shown, {len(printed)} were printed"
        for index, (left, right) in enumerate(zip(shown, printed, strict=True)):
            assert_alike(left, right, f"{at}/{index}")
    elif isinstance(shown, str):
        assert _steady(shown) == _steady(printed), f"{at}: {shown!r} is shown, {printed!r} was printed"
    else:
        assert shown == printed, f"{at}: {shown!r} is shown, {printed!r} was printed"


def _steady(text: str) -> str:
    lines = [line.rstrip() for line in VOLATILE.sub("…", text).replace("\r", "").splitlines()]
    return "\n".join(re.sub(r"(?i)(ledger-position: )\d+", r"\1…", line) for line in lines)
