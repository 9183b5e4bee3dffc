"""Questions to the person at the terminal; where nobody answers, the flag that would have."""

from __future__ import annotations

import getpass
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import TypeAdapter, ValidationError

from rules.connections import NoSecret, secret_of
from rules.secret import Secret
from sprintwarden.columns import plain
from sprintwarden.settings import Complaint


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked, and how a script says it."""

    text: str
    flag: str
    kind: Any = str
    """A type of ``rules.connection_schema`` that an answer must fit."""
    default: str | None = None
    """What Enter alone answers; empty where there need be no answer."""
    needed: str = "An answer is needed."
    """Said to Enter alone where there is no default."""


class Terminal:
    """Asks on standard error and reads standard input, so that standard output holds results alone."""

    def say(self, text: str = "") -> None:
        """A line to read."""
        sys.stderr.write(f"{plain(text)}\n")

    def text(self, question: Question) -> str:
        """An answer that fits; asked again until it does. Raises Complaint when nobody answers."""
        shown = f" [{question.default}]" if question.default else ""
        while True:
            answer = self._line(f"{question.text}{shown}: ")
            if answer is None and question.default is None:
                raise Complaint(f"Nothing answers “{question.text}”: give {question.flag}.")
            given = answer or question.default
            if given == "":
                return ""
            if given is None:
                self.say(f"  {question.needed}")
                continue
            try:
                return fitting(question.kind, given)
            except Complaint as complaint:
                if answer is None:
                    raise
                self.say(f"  {complaint}")

    def secret(self, text: str, flag: str) -> Secret:
        """Something typed that is not shown; again until it can be a secret. Raises Complaint when nobody
        types."""
        while True:
            typed = self._hidden(text)
            if typed is None:
                raise Complaint(f"Nothing was typed for “{text}”. A script gives {flag}.")
            try:
                return secret_of(typed, "what was typed")
            except NoSecret as fault:
                self.say(f"  {sentence(str(fault))}")

    def yes(self, text: str, *, default: bool = False, unanswered: bool = False) -> bool:
        """Yes or no: ``default`` by Enter alone, ``unanswered`` where there is nobody."""
        shown = "Y/n" if default else "y/N"
        while True:
            answer = self._line(f"{text} [{shown}]: ")
            if answer is None:
                return unanswered
            if answer.casefold() in ("", "y", "yes", "n", "no"):
                return answer.casefold().startswith("y") if answer else default

    def one(self, question: Question, known: Sequence[str]) -> str:
        """One of ``known``, asked again until it is."""
        while True:
            answer = self.text(question).casefold()
            if answer in known:
                return answer
            self.say(f"  Answer {' or '.join(known)}.")

    def some(self, question: Question, known: Sequence[str]) -> tuple[str, ...]:
        """Some of ``known``, at least one, asked again until all are among them."""
        while True:
            answer = self.text(question)
            try:
                chosen = among(answer.split(","), known)
            except Complaint as complaint:
                self.say(f"  {complaint}")
                continue
            if chosen:
                return chosen
            self.say(f"  {question.needed}")

    def _hidden(self, text: str) -> str | None:
        """What was typed unseen; None at the end of the input."""
        if not sys.stdin.isatty():
            return self._line(f"{text}: ")
        try:
            return getpass.getpass(f"{text} (hidden): ", stream=sys.stderr).strip()
        except EOFError:
            self.say()
            return None

    def _line(self, prompt: str) -> str | None:
        """What was typed; None at the end of the input."""
        sys.stderr.write(prompt)
        sys.stderr.flush()
        line = sys.stdin.readline()
        if not line:
            sys.stderr.write("\n")
            return None
        return line.strip()


def fitting(kind: Any, text: str, flag: str = "") -> str:
    """``text`` as ``kind`` takes it. Raises Complaint with what is wrong, never with the text; with the
    ``flag`` that said it, if any did."""
    if not text.strip():
        raise Complaint(_said(flag, "this must not be empty."))
    try:
        return str(TypeAdapter(kind).validate_python(text.strip()))
    except ValidationError as error:
        raise Complaint(_said(flag, f"{error.errors()[0]['msg']}.")) from None


def among(chosen: Sequence[str], known: Sequence[str], flag: str = "") -> tuple[str, ...]:
    """``chosen`` in the spelling of ``known``, once each. Raises Complaint for one that is not known, with
    the ``flag`` that said it, if any did."""
    spelled = {one.casefold(): one for one in known}
    wanted = [one.strip() for one in chosen if one.strip()]
    strange = [one for one in wanted if one.casefold() not in spelled]
    if strange:
        told = (
            f"{', '.join(strange)} {'is' if len(strange) == 1 else 'are'} not among what the account "
            f"can see ({', '.join(known[:30]) or 'nothing'}{' …' if len(known) > 30 else ''})."
        )
        raise Complaint(f"{flag}: {told}" if flag else told)
    return tuple(dict.fromkeys(spelled[one.casefold()] for one in wanted))


def sentence(text: str) -> str:
    """``text`` with a capital and a full stop."""
    return f"{text[:1].upper()}{text[1:]}{'' if text.endswith('.') else '.'}"


def _said(flag: str, fault: str) -> str:
    return f"{flag}: {fault}" if flag else sentence(fault)
