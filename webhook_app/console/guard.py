"""The door of the console: looks at every request, logs people in and out, and sets the headers."""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from threading import BoundedSemaphore
from typing import Final
from urllib.parse import SplitResult, urlsplit

import structlog
from flask import Blueprint, Response, g, request
from redis.exceptions import RedisError, ResponseError
from werkzeug.exceptions import Forbidden, HTTPException, ServiceUnavailable, Unauthorized

from store.connect import trouble
from webhook_app.console.access import MAX_PASSWORD_CHARS, MAX_USER_CHARS, Access
from webhook_app.console.attempts import Attempts, address_of
from webhook_app.console.frame import API, HOME, as_json, go, link, show, visiting
from webhook_app.console.house import House
from webhook_app.console.sessions import BROWSER_LIFE, LIFE, Sessions, Visit
from webhook_app.console.turns import Turns
from webhook_app.insiders import Insiders

log = structlog.get_logger("console")

LOGIN: Final = f"{HOME}/login"
OPEN: Final = frozenset({"console.login", "console.log_in", "console.static"})
"""Endpoints for strangers."""
_LOG_OUT: Final = "console.log_out"
UNATTENDED: Final = "X-Unattended"
"""Header of a request that a page made by itself, which is no use of the session."""
_SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_STRANGERS_BYTES: Final = 16_384
_BODY_BYTES: Final = 4 * 1024 * 1024
"""A form may hold a rules file."""
_CHECKS_AT_A_TIME: Final = 2
"""Of passwords, per process. They are slow, and the threads are those that take webhooks."""
_TURN_S: Final = 5.0
_RETRY_S: Final = 5

_HEADERS: Final = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; connect-src 'self'; "
        "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
    ),
    "X-Frame-Options": "DENY",
    # With no-referrer, browsers send `Origin: null` with our own forms (Fetch, "append a request Origin").
    "Referrer-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
_FAULT: Final = ("Something broke", "A fault of ours; it is in the log of the web process.")
_TOLD: Final = {
    400: ("Not understood", "The address or the form was not understood."),
    403: ("Not allowed", "This is not for you."),
    404: ("Not found", "There is no such page. What stood here may have reached the end of its life."),
    413: ("Too much", "That is more than the console takes at once."),
    503: (
        "Too many readers",
        "Many read the console at this moment, and webhooks go first. Try again in a moment.",
    ),
}
"""By status, the title and the sentence, unless whoever raised the error wrote one."""


@dataclass(frozen=True, slots=True)
class Guard:
    """Lets in whom ``access`` knows."""

    house: House
    access: Access
    sessions: Sessions
    attempts: Attempts
    checks: BoundedSemaphore
    turns: Turns

    @classmethod
    def of(cls, house: House, access: Access) -> Guard:
        """A guard for one process."""
        return cls(
            house,
            access,
            Sessions(house.redis, access.password),
            Attempts(house.redis),
            BoundedSemaphore(_CHECKS_AT_A_TIME),
            Turns.among(house.settings.threads, _TURN_S),
        )

    def stand_at(self, blueprint: Blueprint) -> None:
        """Look at every request for a view of ``blueprint``, whoever adds it."""
        blueprint.before_request(self._look)
        blueprint.teardown_request(self._give_turn_back)
        blueprint.after_app_request(_set_headers)
        blueprint.register_error_handler(HTTPException, _refused)
        blueprint.register_error_handler(RedisError, _redis_away)
        blueprint.register_error_handler(Exception, _our_fault)
        blueprint.get(LOGIN, endpoint="login")(self._login)
        blueprint.post(LOGIN, endpoint="log_in")(self._log_in)
        blueprint.post(f"{HOME}/logout", endpoint="log_out")(self._log_out)

    def _look(self) -> Response | None:
        request.max_content_length = _STRANGERS_BYTES
        if request.endpoint in OPEN:
            return None
        g.visit = visit = self._visit()
        if visit is not None:
            request.max_content_length = request.max_form_memory_size = _BODY_BYTES
            if request.method not in _SAFE:
                self._look_at_change(visit)
        elif not self._is_machine():
            return self._turn_away()
        # Only now: whoever sends a form slowly keeps nobody from a turn. Who wants to leave needs none.
        if request.endpoint != _LOG_OUT:
            self._take_turn()
        return None

    def _take_turn(self) -> None:
        if not self.turns.take():
            raise ServiceUnavailable
        g.has_turn = True

    def _give_turn_back(self, _: BaseException | None) -> None:
        if g.pop("has_turn", False):
            self.turns.give_back()

    def _visit(self) -> Visit | None:
        user = self.access.user_by_proxy(request.environ)
        if user is not None:
            return Visit(user, self.sessions.key())
        cookie = request.cookies.get(self._cookie("session"))
        return self.sessions.find(cookie, renew=UNATTENDED not in request.headers) if cookie else None

    def _is_machine(self) -> bool:
        token = self.house.settings.metrics_token
        reads = request.method in _SAFE and request.path.startswith(f"{API}/")
        return token is not None and reads and Insiders(token).admit(request.environ)

    def _turn_away(self) -> Response:
        if request.path.startswith(f"{API}/"):
            raise Unauthorized(
                "Send the cookie of a console's session, or the token of SPRINTWARDEN_METRICS_TOKEN as "
                "`Authorization: Bearer …`."
            )
        if self.access.password is None:
            raise Forbidden(
                "The console is reached through a proxy that logs people in, and it named nobody."
            )
        wanted = request.full_path.rstrip("?") if request.method == "GET" else None
        return go(link(LOGIN, next=wanted if wanted != HOME else None))

    def _look_at_change(self, visit: Visit) -> None:
        # What another site has a browser send is not even read.
        if not (self._from_here() and _is_of(visit)):
            raise Forbidden("This form is not of your session. Open its page again and repeat the change.")

    def _from_here(self) -> bool:
        """Whether a page of ours sent this, as far as the browser tells."""
        site, origin = request.headers.get("Sec-Fetch-Site"), request.headers.get("Origin")
        if site is not None:
            return site == "same-origin"
        return origin is None or _parts(origin).netloc in {request.host, self.access.public_host}

    def _login(self) -> Response:
        if self.access.password is None:
            return go(HOME)
        return _form(request.args.get("next", ""))

    def _log_in(self) -> Response:
        following, name = request.form.get("next", ""), request.form.get("user", "").strip()
        if not self._from_here() or self.access.password is None:
            raise Forbidden("Log in on the console's own page.")
        browser = self.sessions.browser(request.cookies.get(self._cookie("browser"), ""))
        who = f"browser {browser}" if browser else address_of(self.access.address(request.environ))
        if not self.checks.acquire(blocking=False):
            return _too_many(following, name, 1)
        try:
            wait = self.attempts.wait(who, known=browser is not None)
            if wait:
                return _too_many(following, name, wait)
            password = request.form.get("password", "")
            right = len(password) <= MAX_PASSWORD_CHARS and self.access.accepts(password)
        finally:
            self.checks.release()
        if not right:
            log.warning("log-in refused", address=self.access.address(request.environ))
            return _form(following, name, "That is not the password.", 403)
        self.attempts.forgive(who)
        return self._let_in(_name(name), following)

    def _let_in(self, user: str, following: str) -> Response:
        log.info("logged in", user=user, address=self.access.address(request.environ))
        response = go(following if _is_page(following) else HOME)
        self._set(response, "session", self.sessions.begin(user), int(LIFE.total_seconds()))
        self._set(response, "browser", self.sessions.mark_browser(), int(BROWSER_LIFE.total_seconds()))
        return response

    def _log_out(self) -> Response:
        visit = visiting()
        if visit is not None:
            self.sessions.end(visit)
            log.info("logged out", user=visit.user)
        response = go(LOGIN)
        response.delete_cookie(
            self._cookie("session"), secure=self.access.secure, httponly=True, samesite="Lax"
        )
        return response

    def _set(self, response: Response, purpose: str, value: str, seconds: int) -> None:
        # Strict would show the log-in to whoever follows a link from a mail or from the tracker.
        response.set_cookie(
            self._cookie(purpose),
            value,
            max_age=seconds,
            secure=self.access.secure,
            httponly=True,
            samesite="Lax",
        )

    def _cookie(self, purpose: str) -> str:
        """Its name; `__Host-` has browsers refuse one that a neighbouring host set."""
        return f"{'__Host-' if self.access.secure else ''}sprintwarden-{purpose}"


def _is_of(visit: Visit) -> bool:
    """Whether a form holds the token of its visitor's session."""
    given = request.form.get("csrf") or request.headers.get("X-CSRF-Token", "")
    return hmac.compare_digest(given.encode(), visit.csrf.encode())


def _form(following: str, name: str = "", wrong: str = "", status: int = 200) -> Response:
    return show(
        "login.html", title="Log in", status=status, next=following, name=name[:MAX_USER_CHARS], wrong=wrong
    )


def _too_many(following: str, name: str, seconds: int) -> Response:
    """Says the same whatever the password was: it was not looked at."""
    unit = "second" if seconds == 1 else "seconds"
    response = _form(following, name, f"Too many attempts. Try again in {seconds} {unit}.", 429)
    response.headers["Retry-After"] = str(seconds)
    return response


def _name(given: str) -> str:
    return given if given and len(given) <= MAX_USER_CHARS and given.isprintable() else "admin"


def _is_page(path: str) -> bool:
    """Whether somebody may be sent there after log-in: a page of ours and nowhere else."""
    parts = _parts(path)
    ours = parts.path.startswith(f"{HOME}/") and not parts.path.startswith(LOGIN)
    return ours and not (parts.scheme or parts.netloc) and path.isprintable() and "\\" not in path


def _parts(url: str) -> SplitResult:
    """Those of an address; all are empty where it is none, such as ``//[``."""
    try:
        return urlsplit(url)
    except ValueError:
        return urlsplit("")


def _set_headers(response: Response) -> Response:
    if request.path == HOME or request.path.startswith((f"{HOME}/", f"{API}/")) or request.path == API:
        response.headers.update(_HEADERS)
    return response


def _refused(error: HTTPException) -> Response:
    code = error.code or 500
    # What we raise with a sentence of our own is told; werkzeug's own words are not for people.
    said = error.description if error.description != type(error).description else None
    title, sentence = _TOLD.get(code, (error.name, f"{error.name}."))
    response = _told(code, title, said or sentence)
    if code == 401:
        response.headers["WWW-Authenticate"] = "Bearer"
    if code == 503:
        response.headers["Retry-After"] = str(_RETRY_S)
    return response


def _redis_away(error: RedisError) -> Response:
    log.warning("redis does not answer", path=request.path, error=type(error).__name__)
    title, sentence = "Redis cannot be used", trouble(error)
    if isinstance(error, ResponseError):
        # One that is full, read-only or cannot append to its file.
        title, sentence = "Redis refuses", f"Redis answers, but refuses: {error}."
    response = _told(503, title, f"{sentence} Deliveries are sent away and come again.")
    response.headers["Retry-After"] = str(_RETRY_S)
    return response


def _our_fault(error: Exception) -> Response:
    log.exception("fault", path=request.path)
    return _told(500, *_FAULT)


def _told(code: int, title: str, sentence: str) -> Response:
    if request.path.startswith(f"{API}/"):
        return as_json({"status": "refused", "detail": sentence}, code)
    # What was sent by a form cannot be sent again by a link.
    again = code in (500, 503) and request.method == "GET"
    way = request.full_path.rstrip("?") if again else HOME
    way_text = "Try again" if again else "Go to the first page"
    return show("error.html", title=title, status=code, sentence=sentence, way=way, way_text=way_text)
