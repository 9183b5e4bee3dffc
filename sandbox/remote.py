"""A toy tracker in another process, by its control endpoints."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import httpx


class Remote:
    """The hidden hand over HTTP: what a person does in the toy, and what the toy has seen."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._http = httpx.Client(base_url=f"{url}/_sandbox", timeout=10, trust_env=False)

    def create(self, project: str, title: str, **wish: Any) -> dict[str, Any]:
        """A person files an issue."""
        view: dict[str, Any] = self._ask("POST", "/issues", {"project": project, "title": title} | wish)
        return view

    def create_many(self, issues: Sequence[Mapping[str, Any]]) -> None:
        """People filed these issues (``project``, ``title``, ...) before anybody listened: no webhook."""
        self._ask("POST", "/issues/many", {"issues": list(issues)}, patience=60)

    def edit(self, key: str, **wish: Any) -> dict[str, Any]:
        """A person edits an issue."""
        view: dict[str, Any] = self._ask("PATCH", f"/issues/{key}", wish)
        return view

    def delete(self, key: str) -> None:
        """A person deletes an issue."""
        self._ask("DELETE", f"/issues/{key}")

    def issue(self, key: str) -> dict[str, Any]:
        """One issue as it is now."""
        view: dict[str, Any] = self._ask("GET", f"/issues/{key}")
        return view

    def issues(self) -> list[dict[str, Any]]:
        """All issues, oldest first."""
        views: list[dict[str, Any]] = self._ask("GET", "/issues")
        return views

    def delete_comment(self, comment: str) -> None:
        """A person deletes a comment."""
        self._ask("DELETE", f"/comments/{comment}")

    def calls(self) -> list[dict[str, Any]]:
        """Every API request answered since the last ``forget_calls``."""
        found: list[dict[str, Any]] = self._ask("GET", "/calls", patience=60)["calls"]
        return found

    def writes(self, issue: str | None = None) -> list[dict[str, Any]]:
        """The successful write requests, of one issue (key) or of all."""
        return [
            call
            for call in self.calls()
            if call["write"] and 200 <= call["status"] < 300 and issue in (None, call["issue"])
        ]

    def forget_calls(self) -> None:
        """Start counting anew."""
        self._ask("DELETE", "/calls")

    def fault(self, operation: str, kind: str, **more: Any) -> None:
        """Let requests of ``operation`` (a regular expression) go wrong."""
        self._ask("POST", "/faults", {"operation": operation, "kind": kind} | more)

    def no_faults(self) -> None:
        """Answer properly again."""
        self._ask("DELETE", "/faults")

    def send_to(self, url: str, secret: str, auth: str = "signature") -> None:
        """Set the webhook."""
        self._ask("POST", "/webhook", {"url": url, "secret": secret, "auth": auth})

    def send_nowhere(self) -> None:
        """Take the webhook away."""
        self._ask("DELETE", "/webhook")

    def deliveries(self) -> list[dict[str, Any]]:
        """Every webhook delivery with the answer it met, oldest first."""
        found: list[dict[str, Any]] = self._ask("GET", "/deliveries", patience=60)
        return found

    def deliver_again(self, n: int, *, forged: bool = False) -> int:
        """Send the same bytes once more, if asked with a wrong signature; the new delivery's number."""
        again: int = self._ask("POST", f"/deliveries/{n}/again", {"forged": forged})["n"]
        return again

    def pending(self) -> int:
        """Deliveries not answered yet."""
        waiting: int = self._ask("GET", "/pending")["pending"]
        return waiting

    def sent(self) -> int:
        """How many deliveries there have been."""
        number: int = self._ask("GET", "/pending")["sent"]
        return number

    def control(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        """One of the toy's own control endpoints."""
        return self._ask(method, path, body)

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def _ask(self, method: str, path: str, body: dict[str, Any] | None = None, patience: float = 10) -> Any:
        response = self._http.request(method, path, json=body, timeout=patience)
        if not response.is_success:
            raise ValueError(f"{method} {path}: {response.status_code} {response.text[:200]}")
        return response.json() if response.content else None
