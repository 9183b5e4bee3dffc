"""A connection as text, and its place in connections.yaml, where all else stays as it is, to the byte."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final, Literal

import orjson
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError
from ruamel.yaml.nodes import MappingNode, ScalarNode

from rules.connection_schema import LINEAR_API, Deployment, WebhookAuth
from sprintwarden.settings import Complaint
from trackers.model import TrackerKind

_PLAIN: Final = re.compile(r"[A-Za-z][A-Za-z0-9_./@+:-]*[A-Za-z0-9_/-]\Z")
"""Text that needs no quotes, also inside braces."""
_WORDS: Final = frozenset({"true", "false", "null", "yes", "no", "on", "off"})
_POLLED: Final = "1m"
"""What holds anyway, written so that the file tells how such a connection hears of anything."""
BOM: Final = "\ufeff"
_NEW: Final = """\
# The trackers this service is connected to. Each delivery goes to /webhooks/NAME.
# Secrets are never written here, but referred to as {env: NAME} or {file: PATH}.

version: 1
connections:
"""


@dataclass(frozen=True, slots=True)
class Reference:
    """Where a secret is kept."""

    kind: Literal["env", "file"]
    name: str
    """The variable; or the file, relative to the folder of connections.yaml or whole."""

    def __str__(self) -> str:
        return f"{{{self.kind}: {_scalar(self.name)}}}"


@dataclass(frozen=True, slots=True)
class Proof:
    """How deliveries show that they come from the tracker."""

    auth: WebhookAuth = WebhookAuth.SIGNATURE
    user: str | None = None
    """With ``basic``."""

    @property
    def lines(self) -> str:
        """What ``webhook`` says of it before its secrets; nothing for the default."""
        if self.auth is WebhookAuth.SIGNATURE:
            return ""
        return f"auth: {self.auth}, " + (f"user: {_scalar(self.user)}, " if self.user else "")


@dataclass(frozen=True, slots=True)
class Draft:
    """A connection as it is to stand in the file."""

    name: str
    tracker: TrackerKind
    deployment: Deployment | None
    url: str
    api_url: str
    auth: tuple[tuple[str, str | Reference], ...]
    """Keys of ``auth`` with their values, in order."""
    service_account: bool
    hook: Reference | None
    """Where the webhook's secret is; None where the tracker is only polled."""
    places: tuple[str, ...]
    boards: tuple[str, ...] = ()
    cycles: bool = False
    proof: Proof = Proof()

    def lines(self) -> Iterator[str]:
        """The text, its name not indented."""
        auth = ", ".join(
            f"{key}: {value if isinstance(value, Reference) else _scalar(value)}" for key, value in self.auth
        )
        yield f"{self.name}:"
        yield f"  tracker: {self.tracker}"
        if self.tracker is TrackerKind.JIRA:
            yield f"  deployment: {self.deployment}"
        if self.url != LINEAR_API:
            yield f"  url: {_scalar(self.url)}"
        if self.api_url:
            yield f"  api_url: {_scalar(self.api_url)}"
        yield f"  auth: {{{auth}}}"
        if self.service_account:
            yield "  service_account: true"
        if self.hook is not None:
            yield f"  webhook: {{{self.proof.lines}secrets: [{self.hook}]}}"
        else:
            yield f"  catch_up: {_POLLED}"
        if self.tracker is TrackerKind.LINEAR:
            yield f"  teams: [{', '.join(map(_scalar, self.places))}]"
            yield f"  cycles: {str(self.cycles).lower()}"
            return
        yield f"  projects: [{', '.join(map(_scalar, self.places))}]"
        if self.boards:
            yield f"  boards: [{', '.join(self.boards)}]"


def names_in(text: str) -> tuple[str, ...]:
    """The connections the file has. Raises Complaint where none could be added to them."""
    _, section = _section(_root(text.removeprefix(BOM)))
    _on_lines(section)
    return tuple(key.value for key, _ in section.value) if isinstance(section, MappingNode) else ()


def with_connection(text: str, draft: Draft) -> str:
    """``text`` with ``draft`` after the last connection, or in place of the one of its name.

    A byte order mark is left out: no process loads a file that begins with one. Raises Complaint where
    none can be added.
    """
    text = text.removeprefix(BOM)
    root = _root(text)
    ending = "\r\n" if "\r\n" in text else "\n"
    if root is None:
        return _NEW + _indented(draft, 2, "\n") if not text.strip() else _appended(text, root, draft, ending)
    key, section = _section(root)
    if section is None:
        return _appended(text, root, draft, ending)
    if isinstance(section, ScalarNode) or not section.value:
        return _first(text, key, section, draft, ending)
    _on_lines(section)
    return _beside(text, section, draft, ending)


def _on_lines(section: Any) -> None:
    if isinstance(section, MappingNode) and section.value and section.flow_style:
        raise Complaint(
            "The connections of connections.yaml stand in braces, which leaves no line to put one after: "
            "write each on lines of its own first."
        )


def _appended(text: str, root: Any, draft: Draft, ending: str) -> str:
    versioned = root is not None and any(key.value == "version" for key, _ in root.value)
    head = "" if versioned else f"version: 1{ending}"
    joint = "" if not text or text.endswith("\n") else ending
    return f"{text}{joint}{head}connections:{ending}{_indented(draft, 2, ending)}"


def _first(text: str, key: Any, section: Any, draft: Draft, ending: str) -> str:
    """In place of ``{}``, or of nothing at all, whose place the parser gives only roughly."""
    colon = text.index(":", key.end_mark.index) + 1
    end = max(colon, section.end_mark.index) if text[colon : section.end_mark.index].strip() else colon
    after = _line_end(text, end)
    rest = text[end:after].strip()
    line = text[:colon] + (f"  {rest}" if rest else "") + ending
    return line + _indented(draft, 2, ending) + text[after:]


def _beside(text: str, section: Any, draft: Draft, ending: str) -> str:
    column = section.value[0][0].start_mark.column
    block = _indented(draft, column, ending)
    for key, _ in section.value:
        if key.value == draft.name:
            start = key.start_mark.index - column
            return text[:start] + block + text[_block_end(text, key) :]
    after = _block_end(text, section.value[-1][0])
    joint = "" if text[:after].endswith("\n") else ending
    return text[:after] + joint + block + text[after:]


def _block_end(text: str, key: Any) -> int:
    """Where the line begins that follows all that is indented below ``key``."""
    end = index = _line_end(text, key.end_mark.index)
    while index < len(text):
        after = _line_end(text, index)
        line = text[index:after]
        if bare := line.strip():
            inside = len(line) - len(line.lstrip(" ")) > key.start_mark.column
            if not inside and not bare.startswith("#"):
                break
            end = after if inside else end
        index = after
    return end


def _line_end(text: str, index: int) -> int:
    """Where the line after the one of ``index`` begins."""
    found = text.find("\n", index)
    return len(text) if found < 0 else found + 1


def _indented(draft: Draft, column: int, ending: str) -> str:
    return "".join(f"{' ' * column}{line}{ending}" for line in draft.lines())


def _root(text: str) -> Any:
    try:
        root = YAML(pure=True).compose(text)
    except (YAMLError, ValueError):
        raise Complaint(
            "connections.yaml is no valid YAML; `sprintwarden doctor` says where. Mend that first."
        ) from None
    if root is not None and not isinstance(root, MappingNode):
        raise Complaint("connections.yaml holds no mapping of keys to values; mend that first.")
    return root


def _section(root: Any) -> tuple[Any, Any]:
    """The key ``connections`` with what stands under it; None twice where it is missing.

    Raises Complaint for what could hold no connection.
    """
    found = root.value if root is not None else []
    key, section = next(((key, value) for key, value in found if key.value == "connections"), (None, None))
    if section is not None and not isinstance(section, MappingNode) and not section.tag.endswith(":null"):
        raise Complaint(
            "Under “connections” connections.yaml holds no mapping of names to connections; mend that first."
        )
    return key, section


def _scalar(text: str) -> str:
    if _PLAIN.match(text) and text.casefold() not in _WORDS and ": " not in text:
        return text
    return orjson.dumps(text).decode()
