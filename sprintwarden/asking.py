"""Questions to the person at the terminal; where nobody answers, the flag that would have."""

from __future__ import annotations

import getpass
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import TypeAdapter, ValidationError

from rules.secret import Secret
from sprintwarden.settings import Complaint


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked, and how a script says it."""

    text: str
    flag: str
    kind: Any = str
    """A type of ``rules.connection_schema`` that an answer must fit."""
    default: str | None = None


class Terminal:
    """Asks on standard error and reads standard input, so that standard output holds results alone."""

    def say(self, text: str = "") -> None:
        """A line to read."""
        sys.stderr.write(f"{text}\n")

    def text(self, question: Question) -> str:
        """An answer that fits; asked again until it does. Raises Complaint when nobody answers."""
        shown = f" [{question.default}]" if question.default else ""
        while True:
            answer = self._line(f"{question.text}{shown}: ")
            if answer is None and question.default is None:
                raise Complaint(f"Nothing answers “{question.text}”: give {question.flag}.")
            try:
                return fitting(question.kind, answer or question.default or "", question.flag)
            except Complaint as complaint:
                if answer is None:
                    raise
                self.say(f"  {complaint}")

    def secret(self, text: str, flag: str) -> Secret:
        """Something typed that is not shown. Raises Complaint when nobody types."""
        if sys.stdin.isatty():
            typed = getpass.getpass(f"{text} (hidden): ", stream=sys.stderr)
        else:
            typed = self._line(f"{text}: ") or ""
        if not typed.strip():
            raise Complaint(f"Nothing was typed for “{text}”. A script gives {flag}.")
        return Secret(typed.strip())

    def yes(self, text: str, *, default: bool = False) -> bool:
        """Yes or no; ``default`` where nobody answers."""
        shown = "Y/n" if default else "y/N"
        while True:
            answer = (self._line(f"{text} [{shown}]: ") or "").casefold()
            if answer in ("", "y", "yes", "n", "no"):
                return default if not answer else answer.startswith("y")

    def some(self, question: Question, known: Sequence[str]) -> tuple[str, ...]:
        """Some of ``known``, asked again until all are among them."""
        while True:
            answer = self.text(question)
            try:
                return among(answer.split(","), known, question.flag)
            except Complaint as complaint:
                self.say(f"  {complaint}")

    def _line(self, prompt: str) -> str | None:
        """What was typed; None at the end of the input."""
        sys.stderr.write(prompt)
        sys.stderr.flush()
        line = sys.stdin.readline()
        if not line:
            sys.stderr.write("\n")
            return None
        return line.strip()


def fitting(kind: Any, text: str, flag: str) -> str:
    """``text`` as ``kind`` takes it. Raises Complaint with what is wrong, never with the text."""
    if not text.strip():
        raise Complaint(f"{flag} must not be empty.")
    try:
        return str(TypeAdapter(kind).validate_python(text.strip()))
    except ValidationError as error:
        raise Complaint(f"{flag}: {error.errors()[0]['msg']}.") from None


def among(chosen: Sequence[str], known: Sequence[str], flag: str) -> tuple[str, ...]:
    """``chosen`` in the spelling of ``known``, once each. Raises Complaint for one that is not known."""
    spelled = {one.casefold(): one for one in known}
    wanted = [one.strip() for one in chosen if one.strip()]
    strange = [one for one in wanted if one.casefold() not in spelled]
    if strange:
        raise Complaint(
            f"{flag}: {', '.join(strange)} {'is' if len(strange) == 1 else 'are'} not among what the account "
            f"can see ({', '.join(known[:30]) or 'nothing'}{' …' if len(known) > 30 else ''})."
        )
    return tuple(dict.fromkeys(spelled[one.casefold()] for one in wanted))
