"""Redis over TLS: with the right certificates all goes as without, and with the wrong ones it says so."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode

import pytest

from sprintwarden.fitness import look_at_redis
from sprintwarden.settings import Complaint, Settings
from store.connect import connect, connect_for_rq
from tests.redis_site import MASTER, Site, certificates, tls_access
from tests.unit.front_door import House, jira_body

pytestmark = pytest.mark.process


@pytest.fixture(scope="module")
def papers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture
def site(papers: Path, tmp_path: Path) -> Iterator[Site]:
    with Site(tmp_path, papers) as made:
        yield made


def settings(monkeypatch: pytest.MonkeyPatch, url: str) -> Settings:
    monkeypatch.setenv("REDIS_URL", url)
    return Settings()


def test_a_server_that_takes_tls_only(site: Site, papers: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = f"rediss://127.0.0.1:{site.server().port}/0"
    url = f"{place}?{urlencode(tls_access(papers))}"
    look_at_redis(settings(monkeypatch, url))
    assert House(url).jira(jira_body("1")).status == 200
    assert connect(url).llen("sw:hints:jira:issue:1") == 1
    assert connect_for_rq(url).type("sw:pending") == b"zset"
    with pytest.raises(Complaint, match=r"certificate of Redis does not hold: .*\?ssl_ca_certs="):
        look_at_redis(settings(monkeypatch, place))


def test_sentinels_that_take_tls_only(site: Site, papers: Path) -> None:
    master = site.server()
    site.server(of=master)
    place = f"127.0.0.1:{site.sentinel(master).port}/{MASTER}"
    url = f"rediss+sentinel://{place}?{urlencode(tls_access(papers))}"
    assert House(url).jira(jira_body("1")).status == 200
    assert connect_for_rq(url).type("sw:pending") == b"zset"
