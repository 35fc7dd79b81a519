"""Checks on real databases and on a sandbox."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any, Protocol

import psycopg
import pytest
from psycopg.conninfo import make_conninfo
from stripe import StripeClient

from api.doctor.finding import Finding
from api.sandbox import Sandbox, running_sandbox
from api.stripe.client import open_stripe


class Told(Protocol):
    def __call__(self, findings: list[Finding], check: str) -> Finding: ...


@pytest.fixture
def of() -> Told:
    """The one finding of a check."""

    def find(findings: list[Finding], check: str) -> Finding:
        [found] = [finding for finding in findings if finding.check == check]
        assert bool(found.todo) is (found.level in {"worrying", "wrong"}), "what is not well says what to do"
        return found

    return find


@pytest.fixture
def owner(database_url: str) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(database_url, autocommit=True) as conn:
        yield conn


@pytest.fixture
def login(owner: psycopg.Connection[Any]) -> Iterator[Callable[[str], str]]:
    """Makes a login with these clauses; answers with its connection string."""
    made: list[str] = []

    def make(clauses: str = "IN ROLE liberation_application") -> str:
        made.append(f"login_{uuid.uuid4().hex[:12]}")
        owner.execute(f"CREATE ROLE {made[-1]} LOGIN {clauses}".encode())
        return make_conninfo(owner.info.dsn, user=made[-1])

    yield make
    for name in made:
        owner.execute(f"DROP OWNED BY {name}".encode())
        owner.execute(f"DROP ROLE {name}".encode())


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with running_sandbox(environ={}) as running:
        yield running


@pytest.fixture
async def client(sandbox: Sandbox) -> AsyncIterator[StripeClient]:
    async with open_stripe(sandbox.api_key, api_base=sandbox.url, max_network_retries=0) as opened:
        yield opened
