"""The pages of labels: how often each is put on, how often that was right, what to do where it was not."""

from __future__ import annotations

from typing import Any, Final

from flask import Blueprint, Response, request

from store.keys import SEEN_WEEKS
from store.label_views import Head, LabelView
from store.watch import Rate
from trackers.model import COMPONENT
from webhook_app.console import label_charts, label_mutes, label_words
from webhook_app.console.frame import HOME, link, show
from webhook_app.console.house import House, Page
from webhook_app.console.label_data import MOST, NOT_BY_MODELS, Label, Labels, OneLabel, gather, gather_one
from webhook_app.console.label_words import STANDINGS

PAGE: Final = Page("labels", f"{HOME}/labels", "Labels")
_ONE: Final = f"{PAGE.path}/label"


def add(blueprint: Blueprint, house: House) -> None:
    """Add the pages and the changes."""

    @blueprint.get(PAGE.path)
    def labels() -> Response:
        return _show_all(gather(house, request.args))

    @blueprint.get(_ONE)
    def label() -> Response:
        return _show_one(gather_one(house, request.args))

    label_mutes.add(blueprint, house, PAGE.path, _ONE)


def _show_all(page: Labels) -> Response:
    head = page.head
    newer, older = _ways(page)
    return show(
        "labels.html",
        title="Labels",
        page=page,
        rows=[_shown(label, head) for label in page.labels] if head else [],
        states=[(state, told.word) for state, told in STANDINGS.items()],
        lines=label_words.lines(head.serving) if head and head.serving else (),
        calibration=_calibration(head) if head else None,
        weeks=SEEN_WEEKS,
        many=label_words.MANY,
        newer=newer,
        older=older,
    )


def _ways(page: Labels) -> tuple[str | None, str | None]:
    """To the labels before and after those that are shown."""
    if page.asked is None:
        return None, None
    start = page.asked.start
    query: dict[str, object] = {
        name: getattr(page.asked, name) for name in ("connection", "target", "state", "name")
    }
    newer = link(PAGE.path, **query, start=max(start - MOST, 0) or None) if start else None
    older = link(PAGE.path, **query, start=start + MOST) if start + MOST < page.found else None
    return newer, older


def _shown(label: Label, head: Head) -> dict[str, Any]:
    """A row as its template wants it."""
    row, standing = label.row, label_words.standing(label.state, head.serving)
    return {
        "name": row.name,
        "href": link(_ONE, connection=head.connection, target=head.target, name=row.name),
        "standing": standing,
        "muted": label.muted,
        "judged": row.state not in NOT_BY_MODELS,
        "by_model": row.by_model,
        "by_rules": row.by_rules,
        "share_by_model": _share(row.by_model, head.issues),
        "share_by_rules": _share(row.by_rules, head.issues),
        "live": label_words.share_of(row.live) if row.live else "",
        "interval": label_words.interval(row.live) if row.live else "",
        "missing": row.missing,
        "spark": label_charts.spark(row.weeks) if row.weeks else "",
        "confirmed": row.confirmed,
        "corrected": row.corrected,
    }


def _show_one(one: OneLabel) -> Response:
    view, head = one.view, one.head
    asked = head.serving.lines[0].asked if head.serving and head.serving.lines else None
    tag = f"{COMPONENT if head.target == 'components' else ''}{view.row.name}"
    return show(
        "label.html",
        title=view.row.name,
        one=one,
        many=label_words.MANY,
        row=_shown(Label(one.state, one.muted, view.row), head),
        back=link(PAGE.path, connection=head.connection, target=head.target),
        may_mute=one.muted is None and one.by_models,
        most_why=label_mutes.MOST_WHY_CHARS,
        unmute=link(f"{PAGE.path}/unmute", **one.query),
        by_week=label_charts.by_week(view.weeks, head.week, SEEN_WEEKS, asked) if view.weeks else None,
        weeks=[(week.start.isoformat(), _rate(week.rate)) for week in reversed(view.weeks)],
        calibration=_calibration(view),
        lines=label_words.lines(head.serving) if head.serving and label_words.is_put_on(one.state) else (),
        trial=label_words.counted(view.trial.put_on) if view.trial and view.trial.put_on else "",
        decisions=link(f"{HOME}/decisions", connection=head.connection, label=tag),
    )


def _calibration(of: Head | LabelView) -> dict[str, Any] | None:
    found = of.calibration
    if not found.bins:
        return None
    rows = [(f"{one.low:.1f} to {one.high:.1f}", f"{one.said:.2f}", _rate(one.got)) for one in found.bins]
    return {"drawing": label_charts.against_truth(found.bins), "reading": found.reading, "rows": rows}


def _rate(rate: Rate) -> dict[str, str]:
    return {
        "count": f"{rate.right:,} of {rate.total:,}",
        "share": label_words.share_of(rate),
        "interval": label_words.interval(rate),
    }


def _share(count: int, issues: int) -> str:
    return label_words.percent(count / issues) if issues else ""
