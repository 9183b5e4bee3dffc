"""Who gets into the console, who does not, and what strangers learn: nothing."""

from __future__ import annotations

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from ipaddress import ip_network
from threading import Event, Semaphore

import pytest
import structlog
from flask import Blueprint, Flask, Request, Response
from gunicorn.http import RequestParser, wsgi
from itsdangerous import TimestampSigner
from redis import Redis
from structlog.typing import EventDict
from typer.testing import CliRunner

from rules.secret import Secret
from sprintwarden.cli import app as command
from sprintwarden.embedded import EmbeddedRedis
from sprintwarden.serving import Web, options
from sprintwarden.settings import Complaint, Settings
from sprintwarden.wiring import build_web
from store import keys
from tests.unit.console_scene import HASH, PASSWORD, TOKEN, console_app, csrf_of, log_in
from webhook_app import console
from webhook_app.app import WebSettings, create_app
from webhook_app.console import guard, sessions
from webhook_app.console.access import Access, NoAccess, access, hash_of
from webhook_app.console.attempts import FREE, FREE_IN_ALL, Attempts, address_of
from webhook_app.console.changes import changes, note_change
from webhook_app.console.frame import ask, done, user
from webhook_app.console.house import House, Page

BY_PROXY = Access(header="X-Forwarded-User", proxies=(ip_network("127.0.0.1/32"), ip_network("10.1.0.0/16")))
STRANGER = "203.0.113.9"
ALL_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; script-src 'self'; "
    "img-src 'self' data:; connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
    "X-Frame-Options": "DENY",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


class Bell:
    """A page with a change, asked for and done."""

    PAGE = Page("bell", "/console/bell", "Bell")

    def add(self, blueprint: Blueprint, house: House, /) -> None:
        def look() -> Response:
            return ask("Ring?", ["It is loud."], action="/console/bell", verb="Ring", back="/console")

        def ring() -> Response:
            note_change(house.redis, user(), "rang", "the bell")
            return done("/console/bell", "It rang <loudly>.")

        blueprint.get(self.PAGE.path, endpoint="bell")(look)
        blueprint.post(self.PAGE.path, endpoint="ring")(ring)
        blueprint.get("/api/v1/bell", endpoint="bell_data")(lambda: {"rung": 0})


@pytest.fixture(autouse=True)
def bell(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(console, "PAGES", (Bell(),))


@pytest.fixture
def app(redis_server: EmbeddedRedis, redis: Redis) -> Flask:
    return console_app(redis_server.url)


@pytest.fixture
def lines() -> Iterator[list[EventDict]]:
    with structlog.testing.capture_logs() as captured:
        yield captured


def status(app: Flask, path: str, **headers: str) -> int:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return app.test_client().get(path, headers=named).status_code


def test_without_configuration_there_is_no_console(redis_server: EmbeddedRedis) -> None:
    app = create_app(WebSettings(redis_url=redis_server.url, connections=(), metrics_token=Secret(TOKEN)))
    for path in ("/console", "/console/login", "/console/static/console.css", "/api/v1/bell"):
        assert status(app, path, Authorization=f"Bearer {TOKEN}") == 404


def test_who_knows_the_password_gets_in(app: Flask) -> None:
    client = log_in(app)
    page = client.get("/console/bell")
    assert page.status_code == 200
    assert ">ada<" in page.text
    assert client.get("/api/v1/bell").json == {"rung": 0}


def test_a_wrong_password_is_refused_and_nothing_set(app: Flask) -> None:
    answer = app.test_client().post("/console/login", data={"password": "not that", "user": "ada"})
    assert answer.status_code == 403
    assert "Set-Cookie" not in answer.headers
    assert "not that" not in answer.text
    assert status(app, "/console/bell") == 303


def test_cookies_are_for_the_server_alone(redis_server: EmbeddedRedis) -> None:
    app = console_app(redis_server.url, access=Access(Secret(HASH), public_url="https://hooks.acme.example"))
    answer = app.test_client().post("/console/login", data={"password": PASSWORD})
    cookies = answer.headers.getlist("Set-Cookie")
    assert len(cookies) == 2
    for cookie in cookies:
        assert cookie.startswith("__Host-sprintwarden-")
        assert {"Secure", "HttpOnly", "Path=/", "SameSite=Lax"} <= set(cookie.split("; "))


@pytest.mark.parametrize(
    ("url", "secure", "host"),
    [
        ("HTTPS://Hooks.acme.example:443", True, "hooks.acme.example"),
        ("https://hooks.acme.example:8443", True, "hooks.acme.example:8443"),
        ("http://hooks.acme.example:80", False, "hooks.acme.example"),
        (None, False, None),
    ],
)
def test_the_public_address_is_read_as_browsers_write_it(
    url: str | None, secure: bool, host: str | None
) -> None:
    found = Access(Secret(HASH), public_url=url)
    assert (found.secure, found.public_host) == (secure, host)


def strangers_routes(app: Flask) -> list[tuple[str, str]]:
    """Every route of the console and the API with a method of it, but for those of strangers."""
    return [
        (method, re.sub(r"<[^>]+>", "1", rule.rule))
        for rule in app.url_map.iter_rules()
        if rule.rule.startswith(("/console", "/api/")) and rule.endpoint not in guard.OPEN
        for method in sorted(rule.methods or ())
    ]


def test_strangers_see_no_route_of_the_console(app: Flask, redis: Redis) -> None:
    routes = strangers_routes(app)
    assert ("POST", "/console/bell") in routes
    for method, path in routes:
        answer = app.test_client().open(path, method=method)
        refused = 401 if path.startswith("/api/") else 303
        assert (method, path, answer.status_code) == (method, path, refused)
        assert answer.headers.get("Location", "/console/login").startswith("/console/login")
    assert changes(redis) == ()


def test_real_pages_refuse_strangers_too(
    redis_server: EmbeddedRedis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.undo()
    app = console_app(redis_server.url)
    for method, path in strangers_routes(app):
        assert app.test_client().open(path, method=method).status_code in (401, 303), (method, path)


def test_every_answer_has_the_headers(app: Flask) -> None:
    known = log_in(app)
    stranger = app.test_client()
    for path in ("/console", *(f"/console/{name}" for name in ("bell", "login", "no")), "/api/v1/bell"):
        for client in (known, stranger):
            headers = client.get(path).headers
            assert {name: headers.get(name) for name in ALL_HEADERS} == ALL_HEADERS
            assert headers["Cache-Control"] == "no-store"
    put = known.put("/console/bell").headers
    assert {name: put.get(name) for name in ALL_HEADERS} == ALL_HEADERS
    assert "Content-Security-Policy" not in known.get("/healthz").headers


def test_forged_and_foreign_cookies_are_worth_nothing(app: Flask, redis: Redis) -> None:
    cookie = log_in(app).get_cookie("sprintwarden-session")
    assert cookie is not None
    id_, stamp, _ = cookie.value.split(".")
    other = TimestampSigner("another key").sign(id_).decode()
    for forged in (f"{id_}x.{stamp}.{_}", f"{id_}.{stamp}.", other, id_, "é", ""):
        client = app.test_client()
        client.set_cookie("sprintwarden-session", forged)
        assert client.get("/console/bell").status_code == 303


def test_a_browser_mark_is_no_session(app: Flask) -> None:
    mark = log_in(app).get_cookie("sprintwarden-browser")
    assert mark is not None
    client = app.test_client()
    client.set_cookie("sprintwarden-session", mark.value)
    assert client.get("/console/bell").status_code == 303


def test_a_session_ends_after_its_life(app: Flask, redis: Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    held = sessions.Sessions(redis, Secret(HASH))
    now = TimestampSigner("any").get_timestamp()
    twelve_hours = int(sessions.LIFE.total_seconds())
    for age, answer in ((twelve_hours - 60, 200), (twelve_hours + 60, 303)):
        monkeypatch.setattr(TimestampSigner, "get_timestamp", lambda _, age=age: now - age)
        cookie = held.begin("ada")
        monkeypatch.undo()
        client = app.test_client()
        client.set_cookie("sprintwarden-session", cookie)
        assert client.get("/console/nowhere").status_code == (404 if answer == 200 else 303)


def test_an_idle_session_ends_and_use_renews_it(app: Flask, redis: Redis) -> None:
    client = log_in(app)
    (row,) = redis.scan_iter(f"{keys.CONSOLE_SESSION}*")
    assert redis.ttl(row) == 3600
    redis.expire(row, 5)
    client.get("/console/bell")
    assert redis.ttl(row) == 3600
    redis.expire(row, 5)
    client.get("/console/bell", headers={"X-Unattended": "1"})
    assert redis.ttl(row) <= 5, "a page that reads itself again is no use of the session"
    redis.delete(row)  # as Redis does after an hour
    assert client.get("/console/bell").status_code == 303


def test_log_out_ends_the_session_for_whoever_kept_its_cookie(app: Flask, redis: Redis) -> None:
    client = log_in(app)
    kept = client.get_cookie("sprintwarden-session")
    assert kept is not None
    token = csrf_of(client.get("/console/bell").text)
    assert client.post("/console/logout", data={"csrf": token}).status_code == 303
    thief = app.test_client()
    thief.set_cookie("sprintwarden-session", kept.value)
    assert thief.get("/console/bell").status_code == 303
    assert list(redis.scan_iter(f"{keys.CONSOLE_SESSION}*")) == []


def test_a_new_password_ends_all_sessions(app: Flask, redis_server: EmbeddedRedis) -> None:
    client = log_in(app)
    kept = client.get_cookie("sprintwarden-session")
    assert kept is not None
    changed = console_app(redis_server.url, access=Access(Secret(hash_of("another plain password"))))
    again = changed.test_client()
    again.set_cookie("sprintwarden-session", kept.value)
    assert again.get("/console/bell").status_code == 303


def test_after_a_new_password_no_browser_is_known(redis: Redis) -> None:
    """Somebody who left may have logged in often, and kept each mark to guess by."""
    before, after = (sessions.Sessions(redis, Secret(hash_of(f"the {word} password"))) for word in "ab")
    mark = before.mark_browser()
    assert before.browser(mark)
    assert after.browser(mark) is None


def test_another_process_knows_the_session(app: Flask, redis_server: EmbeddedRedis) -> None:
    kept = log_in(app).get_cookie("sprintwarden-session")
    assert kept is not None
    sibling = console_app(redis_server.url).test_client()
    sibling.set_cookie("sprintwarden-session", kept.value)
    assert sibling.get("/console/bell").status_code == 200


def test_a_change_needs_the_token_of_its_own_session(app: Flask, redis: Redis) -> None:
    ada, eve = log_in(app), log_in(app, user="eve")
    own, foreign = (csrf_of(client.get("/console/bell").text) for client in (ada, eve))
    assert own != foreign
    for data in ({}, {"csrf": ""}, {"csrf": "é" * 64}, {"csrf": foreign}):
        assert ada.post("/console/bell", data=data).status_code == 403
    assert changes(redis) == ()
    assert ada.post("/console/bell", data={"csrf": own}).headers["Location"] == "/console/bell"
    assert [(one.user, one.did, one.about) for one in changes(redis)] == [("ada", "rang", "the bell")]


@pytest.mark.parametrize(
    ("headers", "answer"),
    [
        ({"Sec-Fetch-Site": "same-origin"}, 303),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Origin": "http://localhost"}, 303),
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "http://["}, 403),
    ],
)
def test_a_change_comes_from_our_own_pages(app: Flask, headers: dict[str, str], answer: int) -> None:
    client = log_in(app)
    token = csrf_of(client.get("/console/bell").text)
    assert client.post("/console/bell", data={"csrf": token}, headers=headers).status_code == answer


def test_what_another_site_sends_is_not_even_read(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    client, read = log_in(app), list[bool]()
    monkeypatch.setattr(Request, "_load_form_data", lambda _: read.append(True))
    for headers in ({"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://evil.example"}):
        assert client.post("/console/bell", data={"csrf": "x"}, headers=headers).status_code == 403
    assert read == []


def test_what_was_done_is_said_once_and_escaped(app: Flask) -> None:
    client = log_in(app)
    token = csrf_of(client.get("/console/bell").text)
    client.post("/console/bell", data={"csrf": token})
    assert "It rang &lt;loudly&gt;." in client.get("/console/bell").text
    assert "It rang" not in client.get("/console/bell").text


def test_a_stranger_sends_little_and_a_visitor_a_rules_file(app: Flask) -> None:
    big = {"password": PASSWORD, "text": "x" * 1_000_000}
    assert app.test_client().post("/console/login", data=big).status_code == 413
    client = log_in(app)
    token = csrf_of(client.get("/console/bell").text)
    assert client.post("/console/bell", data={**big, "csrf": token}).status_code == 303


def test_waits_grow_after_wrong_passwords_and_end(app: Flask, redis: Redis) -> None:
    client = app.test_client()
    tries = [client.post("/console/login", data={"password": "wrong"}).status_code for _ in range(FREE + 1)]
    assert tries == [403] * FREE + [429]
    right = client.post("/console/login", data={"password": PASSWORD})
    assert (right.status_code, right.headers["Retry-After"]) == (429, "1")
    redis.delete(keys.console_wait("127.0.0.1"))  # as Redis does after that second
    client.post("/console/login", data={"password": "wrong"})
    assert client.post("/console/login", data={"password": PASSWORD}).headers["Retry-After"] == "2"
    redis.delete(keys.console_wait("127.0.0.1"))
    assert client.post("/console/login", data={"password": PASSWORD}).status_code == 303
    assert redis.exists(keys.console_tries("127.0.0.1"), keys.console_wait("127.0.0.1")) == 0


def test_no_wait_is_longer_than_five_minutes_and_others_do_not_wait(redis: Redis) -> None:
    attempts = Attempts(redis)
    redis.set(keys.console_tries("198.51.100.7"), 10**9)
    assert attempts.wait("198.51.100.7", known=False) == 0
    assert attempts.wait("198.51.100.7", known=False) == 300
    assert attempts.wait("198.51.100.8", known=False) == 0


def test_guesses_from_everywhere_are_slowed_but_not_a_browser_that_was_here(redis: Redis) -> None:
    attempts = Attempts(redis)
    for number in range(FREE_IN_ALL):
        assert attempts.wait(f"198.51.100.{number}", known=False) == 0
    assert attempts.wait("203.0.113.1", known=False) == 1
    assert attempts.wait("browser x", known=True) == 0


def test_a_home_is_one_address(app: Flask) -> None:
    assert address_of("2001:db8:1:2:3::4") == address_of("2001:db8:1:2:ffff::1")
    assert address_of("::ffff:192.0.2.1") == "192.0.2.1"
    assert address_of("") == address_of("unix:") == "nowhere"


def test_few_passwords_are_looked_at_at_a_time(
    app: Flask, redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While all places are taken, an attempt costs nothing and counts for nothing."""
    looked_at, go_on = Semaphore(0), Event()

    def slow(*_: str) -> bool:
        looked_at.release()
        return go_on.wait(30)

    monkeypatch.setattr("webhook_app.console.access.check_password_hash", slow)
    with ThreadPoolExecutor() as pool:
        inside = [pool.submit(log_in, app) for _ in range(2)]
        try:
            assert looked_at.acquire(timeout=30) and looked_at.acquire(timeout=30)
            refused = app.test_client().post("/console/login", data={"password": PASSWORD})
            tried = redis.get(keys.console_tries("127.0.0.1"))
        finally:
            go_on.set()
        assert [client.result().get("/console/bell").status_code for client in inside] == [200, 200]
    assert (refused.status_code, tried) == (429, "2")


def test_who_follows_a_link_comes_to_its_page_after_log_in(app: Flask) -> None:
    client = app.test_client()
    sent = client.get("/console/bell?connection=a&x=%3C")
    assert sent.headers["Location"] == "/console/login?next=%2Fconsole%2Fbell%3Fconnection%3Da%26x%3D%253C"
    assert 'value="/console/bell?connection=a&amp;x=%3C"' in client.get(sent.headers["Location"]).text


@pytest.mark.parametrize(
    "following",
    ["//evil.example/console/", "https://evil.example/console/a", "/console/\\evil", "/webhooks/x",
     "/console/login", "/consolex", "javascript:alert(1)", "/console/a\nb", "//["],
)  # fmt: skip
def test_nobody_is_sent_elsewhere_after_log_in(app: Flask, following: str) -> None:
    answer = app.test_client().post("/console/login", data={"password": PASSWORD, "next": following})
    assert answer.headers["Location"] == "/console"


def test_a_machine_reads_the_api_with_the_token_of_the_metrics(app: Flask) -> None:
    assert status(app, "/api/v1/bell", Authorization=f"Bearer {TOKEN}") == 200
    assert status(app, "/api/v1/bell", Authorization="Bearer another-token") == 401
    assert status(app, "/console/bell", Authorization=f"Bearer {TOKEN}") == 303
    refused = app.test_client().get("/api/v1/bell")
    assert refused.headers["WWW-Authenticate"] == "Bearer"
    assert refused.json is not None and refused.json["status"] == "refused"


class TestByProxy:
    @pytest.fixture
    def app(self, redis_server: EmbeddedRedis, redis: Redis) -> Flask:
        return console_app(redis_server.url, access=BY_PROXY)

    @pytest.mark.parametrize(
        ("peer", "host", "user", "answer"),
        [
            ("127.0.0.1", "127.0.0.1:8000", "ada", 200),
            ("::ffff:127.0.0.1", "localhost", "ada", 200),
            ("10.1.2.3", "console.acme.example", "ada", 200),
            (STRANGER, "localhost", "ada", 403),
            ("10.2.0.1", "localhost", "ada", 403),
            ("", "localhost", "ada", 403),
            ("127.0.0.1", "rebound.example", "ada", 403),
            ("127.0.0.1", "localhost", "", 403),
            ("127.0.0.1", "localhost", "eve,ada", 403),
            ("127.0.0.1", "localhost", "x" * 61, 403),
        ],
    )
    def test_only_a_proxy_says_who_somebody_is(
        self, app: Flask, peer: str, host: str, user: str, answer: int
    ) -> None:
        headers = {"X-Forwarded-User": user, "Host": host}
        got = app.test_client().get("/console/bell", headers=headers, environ_base={"REMOTE_ADDR": peer})
        assert got.status_code == answer

    @pytest.mark.parametrize("name", ["José Ángel", "Élodie", "Zoë à la plage", "李"])
    def test_names_are_told_in_utf_8(self, app: Flask, name: str) -> None:
        told = {"HTTP_X_FORWARDED_USER": name.encode().decode("latin-1")}
        assert f">{name}<" in app.test_client().get("/console/bell", environ_base=told).text

    @pytest.mark.parametrize(
        ("target", "header"),
        [
            ("/webhooks/console/bell", "SCRIPT_NAME: /webhooks\r\nX-Forwarded-User: eve"),
            ("/webhooks/jira", "PATH_INFO: /console/bell\r\nX-Forwarded-User: eve"),
            ("/console/bell", "X_Forwarded_User: eve"),
        ],
    )
    def test_no_header_of_a_stranger_leads_past_the_proxy(self, app: Flask, target: str, header: str) -> None:
        """Proxies pass names with underscores on, and guard the path that they see."""
        cfg = Web(app, options(Settings())).cfg
        sent = f"GET {target} HTTP/1.1\r\nHost: localhost\r\n{header}\r\n\r\n".encode()
        asked = next(RequestParser(cfg, iter([sent]), ("127.0.0.1", 50000)))
        _, environ = wsgi.create(asked, None, ("127.0.0.1", 50000), ("127.0.0.1", 8000), cfg)
        assert environ["REMOTE_ADDR"] == "127.0.0.1"
        with app.request_context(environ):
            assert app.full_dispatch_request().status_code in (403, 404, 405)

    def test_the_name_of_another_header_counts_for_nothing(self, app: Flask) -> None:
        assert status(app, "/console/bell", X_Remote_User="ada") == 403

    def test_a_change_needs_its_users_token(self, app: Flask, redis: Redis) -> None:
        client, ada, eve = app.test_client(), {"X-Forwarded-User": "ada"}, {"X-Forwarded-User": "eve"}
        page = client.get("/console/bell", headers=ada).text
        assert "/console/logout" not in page
        token = csrf_of(page)
        assert client.post("/console/bell", headers=eve, data={"csrf": token}).status_code == 403
        assert client.post("/console/bell", headers=ada, data={"csrf": token}).status_code == 303
        assert [one.user for one in changes(redis)] == ["ada"]

    def test_there_is_no_log_in(self, app: Flask) -> None:
        assert app.test_client().post("/console/login", data={"password": ""}).status_code == 403

    def test_the_address_behind_proxies_is_the_last_that_is_none(self) -> None:
        environ = {"REMOTE_ADDR": "127.0.0.1", "HTTP_X_FORWARDED_FOR": "1.1.1.1, 203.0.113.9, 10.1.0.4"}
        assert BY_PROXY.address(environ) == STRANGER
        assert BY_PROXY.address(environ | {"REMOTE_ADDR": "198.51.100.1"}) == "198.51.100.1"


@pytest.mark.parametrize(
    ("password", "header", "proxies", "said"),
    [
        ("my plain password", None, "127.0.0.1", "is no hash of a password"),
        ("scrypt:1:1", None, "127.0.0.1", "is no hash of a password"),
        (None, "X-Forwarded-User", " ", "it is not known who may set that header"),
        (None, "X-Forwarded-User", "0.0.0.0/0", "0.0.0.0/0 is everybody"),
        (None, "X-Forwarded-User", "proxy.local", "'proxy.local' is no address"),
        (None, "X Forwarded", "127.0.0.1", "no name of a header"),
        (None, "Host", "127.0.0.1", "no name of a header"),
        (None, "X-Forwarded-For", "127.0.0.1", "no name of a header"),
        (None, "User-Agent", "127.0.0.1", "no name of a header"),
        (None, "Sec-Fetch-Site", "127.0.0.1", "no name of a header"),
    ],
)
def test_what_cannot_be_safe_is_refused_at_start(
    password: str | None, header: str | None, proxies: str, said: str
) -> None:
    with pytest.raises(NoAccess, match=re.escape(said)) as refused:
        access(Secret(password) if password else None, header, proxies, None)
    assert password is None or password not in str(refused.value)


@pytest.mark.parametrize(
    "header",
    [
        "X-Forwarded-User",
        "Remote-User",
        "X-Auth-Request-Email",
        "X-authentik-username",
        "Tailscale-User-Login",
    ],
)
def test_headers_that_log_in_proxies_send_are_taken(header: str) -> None:
    assert access(None, header, "127.0.0.1", None) is not None


def test_settings_reach_the_console(
    redis_server: EmbeddedRedis, monkeypatch: pytest.MonkeyPatch, tmp_path: object
) -> None:
    monkeypatch.setenv("REDIS_URL", redis_server.url)
    monkeypatch.setenv("SPRINTWARDEN_CONSOLE_PASSWORD_HASH", HASH)
    settings = Settings()
    assert HASH not in repr(settings)
    monkeypatch.setattr("sprintwarden.wiring.read_connections", lambda _: ())
    app = build_web(settings)
    assert log_in(app).get("/console/bell").status_code == 200
    monkeypatch.setenv("SPRINTWARDEN_CONSOLE_PASSWORD_HASH", "a plain password")
    with pytest.raises(Complaint, match="console-password"):
        build_web(Settings())


def test_no_secret_is_shown_logged_or_kept(app: Flask, redis: Redis, lines: list[EventDict]) -> None:
    client = log_in(app)
    app.test_client().post("/console/login", data={"password": "a wrong secret"})
    cookie = client.get_cookie("sprintwarden-session")
    assert cookie is not None
    id_ = cookie.value.split(".")[0]
    kept = " ".join(str(redis.get(name)) for name in redis.scan_iter(f"{keys.CONSOLE_SESSION}*"))
    told = f"{lines} {replace(BY_PROXY, password=Secret(HASH))!r} {kept} {list(redis.scan_iter())}"
    assert "logged in" in told
    for secret in (PASSWORD, HASH, "a wrong secret", id_):
        assert secret not in told


def test_the_command_makes_a_hash_that_lets_in(redis_server: EmbeddedRedis) -> None:
    made = CliRunner().invoke(command, ["console-password"], input=f"{PASSWORD}\n{PASSWORD}\n")
    assert made.exit_code == 0
    hashed = made.stdout.strip()
    found = access(Secret(hashed), None, "", None)
    assert found is not None
    assert found.accepts(PASSWORD)
    assert not found.accepts(PASSWORD.upper())


@pytest.mark.parametrize(
    ("typed", "said"),
    [(f"{PASSWORD}\nanother one here\n", "not the same"), ("short\nshort\n", "at least 12 characters")],
)
def test_the_command_refuses_what_it_cannot_use(typed: str, said: str) -> None:
    made = CliRunner().invoke(command, ["console-password"], input=typed)
    assert isinstance(made.exception, Complaint)
    assert said in str(made.exception)
    assert made.stdout.strip() == ""


def test_the_newest_changes_are_kept(redis: Redis) -> None:
    for number in range(keys.CONSOLE_LOG_KEPT + 5):
        note_change(redis, "ada", "put back", str(number))
    assert redis.llen(keys.CONSOLE_LOG) == keys.CONSOLE_LOG_KEPT
    assert changes(redis, 1)[0].about == str(keys.CONSOLE_LOG_KEPT + 4)
    assert 0 < redis.ttl(keys.CONSOLE_LOG) <= keys.CONSOLE_LOG_LIFE.total_seconds()
