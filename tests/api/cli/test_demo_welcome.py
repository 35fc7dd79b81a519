"""What the welcome tells to do works, in any order with the README and as often as somebody likes."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from msgspec.structs import replace

from api.demo import welcome as saying
from api.demo.authors import UPGRADED, YEARLY
from api.demo.folder import LOG
from api.demo.welcome import welcome
from api.leaderboards.resources import Ranked
from api.serve.service import Running
from api.settings import Settings, load
from tests.docs.runner import run_page, shell
from tests.flows import licensed, paid
from tests.service import ROOT, Service, eventually

needs_curl = pytest.mark.skipif(
    not (shutil.which("curl") and shutil.which("bash")), reason="curl and bash are not installed"
)


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """Its instructor has sold a course and was paid, its organisation has a licence: as in the history."""
    data = tmp_path_factory.mktemp("service") / "data"
    with paid.running_with_a_sale(data, user=YEARLY) as running:
        paid.pay(running, YEARLY)
        licensed.licensed(running, UPGRADED)
        yield running


def said_by(service: Service) -> str:
    return welcome(Running(service.settings, service.url, service.sandbox_url))


@needs_curl
def test_the_welcome_and_the_readme_work_in_either_order_and_twice(
    service: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(saying, "which", lambda _: None)
    said = said_by(service)
    environment = {**os.environ, "S": f"{service.sandbox_url}/_sandbox"}
    # as pasted: what is set for a terminal, and the lines to try
    pasted = re.sub(r"\A.*?(?=^  URL=)|^\w[^\n]*$", "", said, flags=re.DOTALL | re.MULTILINE)
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    (subscribing,) = re.findall(r"```shell\n([^`]*/subscriptions/create[^`]*)```", readme)
    with shell(environment, tmp_path) as bash:
        shown = bash.run(pasted)
        assert '"status":"trialing"' in shown
        assert "(5 rows)" in shown, "the facts, with SQL"
        assert '"valid":true,"code":"valid"' in shown, "a licence's key"
        assert run_page(ROOT / "README.md", bash, lambda: eventually(service.settled)) > 0
        again = bash.run(pasted)
        assert '"status":"trialing"' in again
        assert '"status":409' not in again
        assert '"status":"active"' in bash.run(subscribing.replace("go-pro", "go-pro-again"))


def test_the_welcome_names_where_the_logs_are(service: Service) -> None:
    own, *others = re.findall(r"^ +(?:Logs +)?(\S+\.log)$", said_by(service), re.MULTILINE)
    assert own == str(service.data_dir / LOG)
    assert [Path(log).exists() for log in others] == [True, True]


def place(rank: int, user_id: str, score: int, name: str | None = None) -> Ranked:
    return Ranked(
        rank=rank, user_id=user_id, name=name, score=score, score_now=score, reached_at=datetime.now(UTC)
    )


def test_the_leading_ten_stand_beside_each_other_with_where_to_read_more(tmp_path: Path) -> None:
    leading = [place(1, "usr_first", 2_500), place(2, "usr_2", 150, "Mona Lindqvist")]
    leading += [place(rank, f"usr_{rank}", 150 - rank) for rank in range(3, 11)]
    running = Running(Settings(data_dir=tmp_path), "http://x", "http://y")
    said = welcome(running, leading)
    assert "    1  usr_first             2,500      6  usr_6                   144\n" in said
    assert "    2  Mona Lindqvist          150      7  usr_7                   143\n" in said
    assert said.index("/api/leaderboard/global?window=all") < said.index("For another terminal")
    assert "\n    1  usr_first             2,500\n" in welcome(running, leading[:1])
    assert "Who earned" not in welcome(running)


def test_with_an_issuer_of_their_own_credentials_come_from_there(tmp_path: Path) -> None:
    running = Running(Settings(data_dir=tmp_path, jwks="https://issuer.example/jwks"), "http://x", "http://y")
    said = welcome(running)
    assert "get credentials from that issuer" in said
    assert "liberation token" not in said


def test_whatever_the_service_is_set_to_commands_of_another_terminal_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else they go by another catalogue than the service, without a word."""
    monkeypatch.chdir(tmp_path)
    given = Settings(
        data_dir=tmp_path / "my data",
        catalogue="our plans.toml",
        jwks="https://issuer.example/jwks",
        licence_keys="/etc/keys",
        schema="ours",
        seller="Ours\nAt home",
    )
    said = welcome(Running(given, "http://x", "http://y"))
    with shell({"PATH": os.environ["PATH"]}, tmp_path / "..") as bash:
        exports = "\n".join(re.findall(r"^  (export [^']*(?:'[^']*')?.*)$", said, re.MULTILINE))
        told = load(
            dict(
                line.split("=", 1)
                for line in bash.run(f"{exports}\nenv -0 | tr '\\n\\0' '|\\n'").splitlines()
            )
        )
    assert told == replace(given, catalogue=str(tmp_path / "our plans.toml"), seller="Ours|At home")
    bare = welcome(Running(Settings(data_dir=tmp_path), "http://x", "http://y"))
    assert re.findall(r"export (\w+)", bare) == ["LIBERATION_DATA_DIR"]
