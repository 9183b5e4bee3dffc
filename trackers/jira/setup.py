"""What is asked of Jira once and remembered: who we are, what we may, its fields and statuses.

The ``jira`` library does the asking. Its own retries are off (it repeats POSTs and sleeps in the
worker), a time-out is set (its default waits for ever), and no server info is fetched behind our
back. It is imported only when something is really asked, because most processes never do.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, TypeVar

from trackers.errors import (
    Forbidden,
    Gone,
    LimitReached,
    ServerFault,
    TrackerError,
    Unauthorized,
    Unreachable,
    Walled,
)
from trackers.http import is_away, is_own_word
from trackers.jira.client import CREDENTIALS_PAUSE
from trackers.limits import CREDENTIALS_REFUSED, EVERYTHING, Pause, jira_pause
from trackers.model import Identity
from trackers.protocol import Cache, Gate
from trackers.reading import ident, items, json_value, mapping, text

if TYPE_CHECKING:
    from jira import JIRA, JIRAError

_TIMEOUT: Final = (5, 15)
_DAY: Final = timedelta(days=1)
_HOUR: Final = timedelta(hours=1)
_MINUTE: Final = timedelta(minutes=1)
_QUIET_PERMISSIONS: Final = "ADMINISTER,ADMINISTER_PROJECTS"
_BULK: Final = "BULK_CHANGE"
_BEGUN: Final = "bulk-edits"
_SPRINT_FIELD: Final = "com.pyxis.greenhopper.jira:gh-sprint"
_POINTS_FIELD: Final = "com.pyxis.greenhopper.jira:jsw-story-points"
_NUMBER_FIELD: Final = "com.atlassian.jira.plugin.system.customfieldtypes:float"
_POINTS_NAMES: Final = frozenset({"story points", "story point estimate"})

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Fields:
    """The custom fields of a site that matter to sprints."""

    sprint: str | None
    points: tuple[str, ...]
    """Best candidate first: the field of Jira's own team-managed projects, then those that bear its name."""
    sprint_name: str = "Sprint"
    """By which Data Center's changelogs call the sprint field."""


class JiraSetup:
    """Seldom-changing facts of one connection, each from the shared cache wherever it can be."""

    def __init__(self, connect: Callable[[], JIRA], gate: Gate, cache: Cache) -> None:
        """``connect`` makes the library's client, at the first question that the cache cannot answer."""
        self._connect = connect
        self._gate = gate
        self._cache = cache
        self._jira: JIRA | None = None

    def identity(self) -> Identity:
        """The account the token belongs to. Raises Unauthorized when Jira knows no such account."""
        raw = self._remembered("identity", _DAY, lambda jira: jira.myself())
        return identity_from(mapping(raw))

    def confirm_identity(self) -> None:
        """Ask afresh whether the credentials still hold.

        Cloud answers "no such issue" to a bad token, as it would to a visitor. Raises Unauthorized.
        """
        self._ask(lambda jira: jira.myself())

    def may_edit_quietly(self, project: str) -> bool:
        """Whether edits in ``project`` may go without mail (administrators of the site or project only)."""

        def ask(jira: JIRA) -> bool:
            answer = jira.my_permissions(projectKey=project, permissions=_QUIET_PERMISSIONS)
            granted = mapping(mapping(answer).get("permissions"))
            return any(
                mapping(granted.get(name)).get("havePermission") for name in _QUIET_PERMISSIONS.split(",")
            )

        return bool(self._remembered(f"quiet:{project}", _DAY, ask))

    def must_mail(self, project: str) -> None:
        """Remember that an edit in ``project`` without mail was refused, whatever was answered before."""
        self._cache.put(f"quiet:{project}", json.dumps(False), _DAY)

    def deployment(self) -> str:
        """``cloud`` or ``data_center``, as the server says itself."""
        info = mapping(self._remembered("server-info", _DAY, lambda jira: jira.server_info()))
        return "cloud" if info.get("deploymentType") == "Cloud" else "data_center"

    def fields(self) -> Fields:
        """The sprint field and the candidates for story points, found by schema: names are translated."""
        raw = self._remembered("fields", _HOUR, lambda jira: jira.fields())
        return fields_from(items(raw))

    def categories(self) -> Mapping[str, str]:
        """The category of each workflow status, by the status's id: ``new``, ``indeterminate``, ``done``."""
        raw = self._remembered("statuses", _DAY, lambda jira: [status.raw for status in jira.statuses()])
        found = (mapping(status) for status in items(raw))
        told = {ident(one.get("id")): text(mapping(one.get("statusCategory")).get("key")) for one in found}
        return {id_: category for id_, category in told.items() if id_ and category}

    def may_edit_in_bulk(self, project: str | None = None) -> bool:
        """Whether issues, or those of ``project``, can be edited many at a time: a permission of its own."""

        def ask(jira: JIRA) -> bool:
            granted = mapping(mapping(jira.my_permissions(permissions=_BULK)).get("permissions"))
            return bool(mapping(granted.get(_BULK)).get("havePermission"))

        if project is not None and self._cache.get(_no_bulk(project)) is not None:
            return False
        return bool(self._remembered("bulk", _HOUR, ask))

    def leave_bulk(self, *projects: str) -> None:
        """Remember for an hour that bulk edits are refused, in ``projects`` or, without any, altogether."""
        for project in projects:
            self._cache.put(_no_bulk(project), json.dumps(True), _HOUR)
        if not projects:
            self._cache.put("bulk", json.dumps(False), _HOUR)

    def begun_edits(self) -> list[str]:
        """Tasks of bulk edits that were not seen to be over, by whichever process of ours began them."""
        held: list[str] = json.loads(self._cache.get(_BEGUN) or "[]")
        return held

    def edit_begun(self, task: str) -> None:
        """Remember a bulk edit that Jira does by and by."""
        self._cache.put(_BEGUN, json.dumps([*self.begun_edits(), task]), _DAY)

    def edit_over(self, task: str) -> None:
        """Forget a bulk edit that Jira is done with."""
        left = [one for one in self.begun_edits() if one != task]
        if left:
            self._cache.put(_BEGUN, json.dumps(left), _DAY)
        else:
            self._cache.drop(_BEGUN)

    def components(self, project: str) -> tuple[str, ...]:
        """The names of a project's components that may be chosen."""
        return tuple(self.component_ids(project))

    def component_ids(self, project: str) -> Mapping[str, str]:
        """The ids of those components, by name."""

        def ask(jira: JIRA) -> dict[str, str]:
            found = [mapping(component.raw) for component in jira.project_components(project)]
            named = {text(one.get("name")): ident(one.get("id")) for one in found if not one.get("archived")}
            return {name: id_ for name, id_ in named.items() if name and id_}

        return mapping(self._remembered(_components(project), _HOUR, ask))

    def forget_components(self, project: str) -> bool:
        """Have a project's components asked for anew; True at most once a minute, never where none are."""
        marker = f"components-again:{project}"
        if self._cache.get(_components(project)) in (None, "{}") or self._cache.get(marker) is not None:
            return False
        self._cache.put(marker, "1", _MINUTE)
        self._cache.drop(_components(project))
        return True

    def leave_components(self, project: str) -> None:
        """Take ``project`` for one without components for an hour, because Jira would not have one."""
        self._cache.put(_components(project), json.dumps({}), _HOUR)

    def remembered_hour(self, name: str, ask: Callable[[], Any]) -> Any:
        """What the library has no call for: from the shared cache, else as ``ask`` answers, for an hour."""
        return self._kept(name, _HOUR, ask)

    def grown_list(self, name: str, more: Callable[[int], list[Any]]) -> list[Any]:
        """A list that hardly ever shrinks: as remembered for a day, unless it has grown since.

        ``more`` gives the entries from a position on. What is new need not stand at the end, so a list
        that has grown is read anew.
        """
        held: list[Any] = json.loads(self._cache.get(name) or "[]")
        fresh = more(len(held))
        if fresh:
            held = more(0) if held else fresh
            self._cache.put(name, json.dumps(held), _DAY)
        return held

    def forget_list(self, name: str) -> None:
        """Have a list read anew, because something on it is not there any more."""
        self._cache.drop(name)

    def _remembered(self, name: str, life: timedelta, ask: Callable[[JIRA], Any]) -> Any:
        return self._kept(name, life, lambda: self._ask(ask))

    def _kept(self, name: str, life: timedelta, ask: Callable[[], Any]) -> Any:
        held = self._cache.get(name)
        if held is None:
            held = json.dumps(ask())
            self._cache.put(name, held, life)
        # The library passes on half a character, which could not be written.
        return json_value(held.encode())

    def _ask(self, question: Callable[[JIRA], T]) -> T:
        from jira import JIRAError
        from requests import RequestException
        from requests.exceptions import JSONDecodeError, TooManyRedirects

        self._gate.ask([EVERYTHING])
        if self._jira is None:
            self._jira = self._connect()
        try:
            answer = question(self._jira)
        except JIRAError as error:
            # Its text holds the whole answer, which must not reach a log.
            raise self._translated(error) from None
        except JSONDecodeError:
            self._gate.answered()
            raise Walled("Jira answered something other than JSON while setting up.") from None
        except TooManyRedirects:
            self._gate.answered()
            raise ServerFault(
                "Jira sent a redirect; set the connection's url to its final address."
            ) from None
        except RequestException as error:
            self._gate.unreachable()
            raise Unreachable(f"Jira gave no answer ({type(error).__name__}).") from error
        self._gate.answered()
        return answer

    def _translated(self, error: JIRAError) -> TrackerError:
        response, status = error.response, error.status_code or 0
        # A response is false where its status is an error's, so it is compared with None.
        told_by = {} if response is None else response.headers
        headers = {name.lower(): str(value) for name, value in told_by.items()}
        if is_away(status, headers):
            self._gate.unreachable()
            return Unreachable(f"Jira answered {status} while setting up.")
        self._gate.answered()
        if status in (429, 503):
            told = jira_pause(headers, operation="", issue=None, now=datetime.now(UTC))
            self._gate.limit(EVERYTHING, told.length, told.reason)
            return LimitReached(
                f"Jira limits requests: {told.reason}.", (Pause(EVERYTHING, told.length, told.reason),)
            )
        if status == 401 or (status == 403 and "x-authentication-denied-reason" in headers):
            self._gate.limit(EVERYTHING, CREDENTIALS_PAUSE, CREDENTIALS_REFUSED)
            return Unauthorized("Jira refuses the connection's credentials; check the token and its expiry.")
        if status in (403, 404) and not (response is not None and is_own_word(response.content)):
            return Walled(f"Something other than Jira answered {status} while setting up.")
        if status == 403:
            return Forbidden("Jira forbids what was asked while setting up; check the account's permissions.")
        if status == 404:
            return Gone("Jira does not know what was asked, or the account may not see it.")
        return ServerFault(f"Jira answered {status} while setting up.")


def connect_with(url: str, *, basic: tuple[str, str] | None, bearer: str | None) -> Callable[[], JIRA]:
    """How the library's client is made: with ``basic`` (e-mail, token) on Cloud, a ``bearer`` token else."""

    def connect() -> JIRA:
        from jira import JIRA

        client = JIRA(
            url,
            basic_auth=basic,
            token_auth=bearer,
            max_retries=0,
            timeout=_TIMEOUT,
            get_server_info=False,
            # Else it logs whole answers, issue text and all, when they cannot be read.
            logging=False,
            options={"check_update": False},
        )
        # Outbound calls go to the configured host alone: by no proxy of the environment, after no redirect.
        # The library has no public way to say either.
        client._session.trust_env = False  # noqa: SLF001
        client._session.max_redirects = 0  # noqa: SLF001
        return client

    return connect


def _components(project: str) -> str:
    return f"components:{project}"


def _no_bulk(project: str) -> str:
    return f"no-bulk:{project}"


def identity_from(raw: Mapping[str, Any]) -> Identity:
    """The account of Jira's "Get current user". Raises Unauthorized when it names none."""
    account = text(raw.get("accountId")) or text(raw.get("name")) or text(raw.get("key"))
    if account is None:
        raise Unauthorized("Jira does not say who the credentials belong to; check the token.")
    name = text(raw.get("displayName")) or account
    return Identity(account, name, is_app=raw.get("accountType") == "app")


def fields_from(raw: list[Any]) -> Fields:
    """The fields of sprints among those of Jira's "Get fields"."""
    sprint, sprint_name, own, named = None, "Sprint", [], []
    for field in map(mapping, raw):
        id_, custom = text(field.get("id")), mapping(field.get("schema")).get("custom")
        if id_ is None:
            continue
        if custom == _SPRINT_FIELD:
            sprint, sprint_name = id_, text(field.get("name")) or sprint_name
        elif custom == _POINTS_FIELD:
            own.append(id_)
        elif custom == _NUMBER_FIELD and (text(field.get("name")) or "").casefold() in _POINTS_NAMES:
            named.append(id_)
    return Fields(sprint, tuple(own + named), sprint_name)
