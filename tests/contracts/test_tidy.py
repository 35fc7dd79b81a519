"""Nothing long, nothing dead, nothing without a word about it: the product's sources, read as trees."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from ledger.chart import CHART
from tests.service import ROOT

PACKAGES = ("ledger", "projections", "api")
LONGEST = 70
"""Lines of a function, its signature and docstring included."""
CALLED_BY_LIBRARIES = {
    "to_domain_event": "eventsourcing's mapper",
    "select_events": "eventsourcing's recorder",
    "to_asgi_response": "Litestar, of a response",
    "capture_signals": "uvicorn, whose signals are ours",
    "send_400_response": "uvicorn's protocol",
    "connection_lost": "asyncio, of a protocol",
    "eof_received": "asyncio, of a protocol",
    "list_": "click, of commands called list",
}
"""Names that nothing here says, by who calls them."""
CODE = re.compile(r"```.*?```|`[^`\n]+`|{{.*?}}|{%.*?%}", re.DOTALL)
"""In a page or a template."""
Function = ast.FunctionDef | ast.AsyncFunctionDef


def sources(*packages: str) -> Iterator[tuple[Path, ast.Module]]:
    for package in packages:
        for file in sorted((ROOT / package).rglob("*.py")):
            yield file.relative_to(ROOT), ast.parse(file.read_text(encoding="utf-8"))


def long_functions(tree: ast.AST) -> list[str]:
    functions = (node for node in ast.walk(tree) if isinstance(node, Function))
    return [each.name for each in functions if (each.end_lineno or 0) - each.lineno >= LONGEST]


def defined(tree: ast.Module) -> Iterator[str]:
    """What a module gives a name to: functions, classes, their methods, and constants."""
    classes = [node for node in tree.body if isinstance(node, ast.ClassDef)]
    methods = (each for one in classes for each in one.body if isinstance(each, Function))
    for node in (*tree.body, *methods):
        match node:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                yield name
            case ast.Assign(targets=[ast.Name(id=name)]) | ast.AnnAssign(target=ast.Name(id=name)):
                yield name
            case _:
                continue


def named(tree: ast.Module) -> Iterator[str]:
    """What a module speaks of: names, attributes, and texts that are names, as for `getattr`. No imports."""
    for node in ast.walk(tree):
        match node:
            case ast.Name(id=name, ctx=ast.Load()) | ast.Attribute(attr=name):
                yield name
            case ast.Constant(value=str(text)) if re.fullmatch(r"[\w.:]+", text):
                yield from re.findall(r"\w+", text)
            case _:
                continue


def unnamed(definitions: set[str], mentions: set[str]) -> list[str]:
    dead = definitions - mentions - CALLED_BY_LIBRARIES.keys()
    return sorted(name for name in dead if not re.fullmatch(r"__\w+__|_", name))


@pytest.fixture(scope="module")
def product() -> dict[Path, ast.Module]:
    return dict(sources(*PACKAGES))


@pytest.fixture(scope="module")
def mentions(product: dict[Path, ast.Module]) -> set[str]:
    pages = [*(ROOT / "docs").rglob("*.md"), *ROOT.glob("*.md"), *(ROOT / "api").rglob("*.html")]
    code = [piece for page in pages for piece in CODE.findall(page.read_text(encoding="utf-8"))]
    words = {word for piece in code for word in re.findall(r"\w+", piece)}
    trees = [*product.values(), *(tree for _, tree in sources("tests"))]
    return words.union(*map(named, trees))


def test_no_function_is_longer_than_a_screen(product: dict[Path, ast.Module]) -> None:
    assert [f"{file}: {name}" for file, tree in product.items() for name in long_functions(tree)] == []


def test_nothing_is_defined_that_nobody_names(product: dict[Path, ast.Module], mentions: set[str]) -> None:
    dead = {str(file): unnamed(set(defined(tree)), mentions) for file, tree in product.items()}
    assert {file: names for file, names in dead.items() if names} == {}


def test_every_module_says_what_it_is_for(product: dict[Path, ast.Module]) -> None:
    """An empty `__init__.py` has nothing to say."""
    assert [str(file) for file, tree in product.items() if tree.body and not ast.get_docstring(tree)] == []


def test_what_libraries_call_is_there(product: dict[Path, ast.Module]) -> None:
    assert set().union(*map(defined, product.values())) >= CALLED_BY_LIBRARIES.keys()


def test_accounts_have_their_numbers_in_the_chart_alone() -> None:
    quoted = re.compile(f"[\"']({'|'.join(CHART)})[\"']")
    files = [one for package in PACKAGES for one in (ROOT / package).rglob("*.*")]
    texts = {one.relative_to(ROOT).as_posix(): one for one in files if one.suffix in {".py", ".sql", ".html"}}
    there = [name for name, file in texts.items() if quoted.search(file.read_text(encoding="utf-8"))]
    assert there == ["ledger/chart.py"]


def test_the_hooks_before_a_commit_run_what_make_check_runs() -> None:
    [checks] = re.findall(
        r"^check:.*\n((?:\t.*\n)+)", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE
    )
    hooks = (ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8")
    assert re.findall(r"entry: \.venv/bin/(.*)", hooks) == re.findall(r"\$\(BIN\)/(.*)", checks)


def test_what_is_planted_is_found() -> None:
    planted = ast.parse(
        "SPARE = 1\n"
        "class Lonely:\n    def unheard(self): ...\n    def __len__(self): ...\n"
        "def endless():\n" + "    ...\n" * LONGEST
    )
    assert long_functions(planted) == ["endless"]
    assert unnamed(set(defined(planted)), {"endless"}) == ["Lonely", "SPARE", "unheard"]
    assert set(named(ast.parse("getattr(Lonely, 'unheard')\nprint('SPARE time', SPARE)"))) == {
        *("getattr", "Lonely", "unheard", "print", "SPARE")
    }
