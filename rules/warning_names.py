"""The names of warnings, by which ``check --fatal`` makes them errors. A name, once given, is kept."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

WARNINGS: Final[Mapping[str, str]] = MappingProxyType(
    {
        # Of a rule.
        "always-matches": "a rule whose conditions hold of every issue",
        "dead-alternative": "a part of a rule, or of its regular expression, that can never hold",
        "same-conditions": "two rules that ask for the very same",
        "asks-for-its-label": "a rule that puts on only the labels it asks for",
        "too-many-labels": "a rule with more labels than an issue may get",
        "needless-entry": "an entry of a list that another makes needless",
        "short-phrase": "a phrase so short that it is in nearly every text",
        "list-in-one-text": "several words in one text, with commas between them",
        "doubled-backslash": "a regular expression that looks for a backslash and a letter",
        "star-of-words": "a regular expression that has the star of words",
        "label-spelling": "a label written with different capitals in two places",
        "label-clash": "a rule that puts on a label which means something else to Sprintwarden",
        "yes-or-no": "a name that is a bare yes, no, on or off, which YAML once took for true and false",
        "typographic-quotes": "a text in quotes that YAML takes for part of it",
        # Of a layer.
        "no-effect": "a setting that another one beside it makes idle",
        "no-difference": "a layer that says only what it inherits",
        "replaced-anyway": "a rule left out by without and defined again right there",
        "nothing-to-do": "a mode that writes where nothing is there to be written",
        "learned-over-limit": "more learned labels than an issue may get",
        # Of sprints.
        "no-time-to-speak": "quiet hours that leave less than an hour a day",
        "quiet-by-day": "quiet hours that cover the working day",
        "weekend-only": "working days that are a weekend",
        "past-absence": "an absence that was over long ago",
        "long-absence": "an absence of more than a year",
        "past-holidays": "holidays that are all in the past",
        "whole-share": "a share of 1, which is 100 %",
        "always-warns": "a warning that nearly every sprint would get",
        "label-snoozes": "a label for added issues that silences the sprint",
        # Of the connections.
        "unknown-label": "a label that the tracker does not have: an error, unless --allow names it",
        "unknown-snooze-label": "a label that silences a sprint and that the tracker does not have",
        "unknown-connection": "a layer for a connection that there is not",
        "unknown-project": "a layer for a project or team that no connection watches",
        "unknown-board": "a layer for a board that no connection watches, or that the tracker does not have",
        "unknown-issue": "a tracking issue that the tracker does not have",
        "unwatched-issue": "a tracking issue outside the projects that are watched",
        "never-here": "a rule that no issue of this connection can match",
        "one-of-a-group": "a rule with two labels of one group, of which Linear lets an issue have one",
        "unknown-never": "an entry of learned.never that the tracker does not have",
    }
)
"""Each name with what it is about."""
