"""The toy trackers' one page for people: issues, labels and comments as they stand now."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

_STYLE = """
:root { color-scheme: light dark; --line: #8884; --soft: #8882; --bot: #2f7d5b; }
@media (prefers-color-scheme: dark) { :root { --bot: #6fd3a7; } }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.35rem; } h2 { font-size: 1rem; margin: 0; }
article { border: 1px solid var(--line); border-radius: 8px; padding: .8rem 1rem; margin: .8rem 0; }
article:target { border-color: var(--bot); }
.key { opacity: .65; font-variant-numeric: tabular-nums; margin-right: .5rem; }
.facts { opacity: .65; font-size: .85rem; }
.label { display: inline-block; background: var(--soft); border-radius: 99px; padding: 0 .6rem;
  margin: .2rem .3rem 0 0; font-size: .85rem; }
.dot { display: inline-block; width: .5rem; height: .5rem; border-radius: 50%; background: var(--bot);
  margin-right: .35rem; }
.body, .comment p { white-space: pre-wrap; overflow-wrap: anywhere; margin: .4rem 0; }
.comment { border-left: 3px solid var(--line); padding-left: .8rem; margin-top: .7rem; }
.comment.bot { border-color: var(--bot); }
"""


def page(
    title: str,
    issues: Sequence[Mapping[str, Any]],
    *,
    bot: str = "",
    notes: Sequence[str] = (),
) -> str:
    """The page as HTML, newest issue first.

    ``issues`` are issue views as the control endpoints give them; ``bot`` is the name whose
    comments are marked; ``notes`` are lines shown above the list (sprints, for instance).
    """
    shown = "".join(_issue(issue, bot) for issue in reversed(issues)) or "<p>No issues yet.</p>"
    lines = "".join(f"<li>{escape(note)}</li>" for note in notes)
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta http-equiv="refresh" content="2">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head><body><main>"
        f"<h1>{escape(title)}</h1>{f'<ul>{lines}</ul>' if lines else ''}{shown}</main></body></html>"
    )


def _issue(issue: Mapping[str, Any], bot: str) -> str:
    ours = set(issue.get("bot_labels", ()))
    labels = "".join(_label(str(name), name in ours) for name in issue.get("labels", ()))
    comments = "".join(_comment(comment, bot) for comment in issue.get("comments", ()))
    facts = " · ".join(
        f"{name} {issue[name]}" if name in ("points", "sprint") else str(issue[name])
        for name in ("type", "status", "priority", "points", "sprint")
        if issue.get(name) not in (None, "")
    )
    text = f'<p class="body">{escape(str(issue["body"]))}</p>' if issue.get("body") else ""
    return (
        f'<article id="{escape(str(issue["key"]))}"><h2><span class="key">{escape(str(issue["key"]))}</span>'
        f'{escape(str(issue["title"]))}</h2><div class="facts">{escape(facts)}</div>'
        f"<div>{labels}</div>{text}{comments}</article>"
    )


def _label(name: str, ours: bool) -> str:
    if not ours:
        return f'<span class="label">{escape(name)}</span>'
    return (
        '<span class="label" title="set by the bot">'
        f'<span class="dot" role="img" aria-label="set by the bot"></span>{escape(name)}</span>'
    )


def _comment(comment: Mapping[str, Any], bot: str) -> str:
    author = str(comment["author"])
    mark = " bot" if bot and author == bot else ""
    internal = " · internal" if comment.get("internal") else ""
    edited = " · edited" if comment.get("updated") != comment.get("created") else ""
    return (
        f'<div class="comment{mark}"><div class="facts">{escape(author)}{internal}{edited}</div>'
        f"<p>{escape(str(comment['body']))}</p></div>"
    )
