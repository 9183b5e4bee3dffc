"""What ``backfill`` prints when there is nothing more to wait for: a table of labels, and sentences."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from sprintwarden.columns import counted, table
from store.backfills import Backfill, Phase, Row, Tally, to_json
from workers.wording import and_list


def backfill_json(connection: str, backfill: Backfill) -> dict[str, Any]:
    """What ``backfill --json`` prints."""
    told = to_json(backfill)
    rows = told["tally"].pop("rows")
    held = told["tally"].pop("held")
    return {
        "connection": connection,
        **told,
        "labels": [{"label": label, **rows[label]} for label, _ in _by_size(backfill.tally.rows)],
        "held": {project: {"mode": mode, "issues": issues} for project, (mode, issues) in held.items()},
    }


def show_backfill(connection: str, backfill: Backfill) -> str:
    """The plan, what came of it, and what to do next."""
    parts = [list(_plan(backfill))] if backfill.tally.issues or backfill.steps is not None else []
    if backfill.steps is not None and backfill.phase is not Phase.PLANNED:
        parts.append(list(_written(backfill)))
    parts.append([_next(connection, backfill)])
    return "\n\n".join("\n".join(lines) for lines in parts if any(lines))


def _plan(backfill: Backfill) -> Iterator[str]:
    tally = backfill.tally
    verb = "would be labelled" if backfill.phase is Phase.PLANNED else "to be labelled"
    steps = f", in {counted(backfill.steps, 'write')}" if backfill.steps else ""
    yield f"Of {counted(tally.issues, 'issue')} read, {tally.planned} {verb}{steps}."
    if tally.rows:
        yield ""
        yield from table(*_labels(tally))
        yield ""
    if tally.all_there:
        yield f"On {counted(tally.all_there, 'issue')} every label that fits is there already."
    if tally.nothing:
        yield f"On {counted(tally.nothing, 'issue')} no rule fits."
    for reason, times in tally.withheld.items():
        yield f"Withheld {'once' if times == 1 else f'{times} times'}, {reason}."
    for project, (mode, issues) in tally.held.items():
        yield f"{issues} more would be labelled, but the mode of {project} is {mode}."
    if tally.beyond:
        yield f"{tally.beyond} more would be labelled, but --most is {backfill.question.most}."


def _labels(tally: Tally) -> tuple[list[str], list[list[object]]]:
    """A table's heads and rows; what is held back by a mode has a column where there is any."""
    is_held = any(row.held for row in tally.rows.values())
    heads = ["label", "issues", *(["held back"] if is_held else []), "for example"]
    rows = [
        [label, row.issues, *([row.held] if is_held else []), _examples(row)]
        for label, row in _by_size(tally.rows)
    ]
    return heads, rows


def _examples(row: Row) -> str:
    first, *others = row.examples
    also = f"; also {and_list([one.issue for one in others])}" if others else ""
    return ": ".join(filter(None, (first.issue, first.because))) + also


def _by_size(rows: Mapping[str, Row]) -> list[tuple[str, Row]]:
    return sorted(rows.items(), key=lambda item: (-item[1].issues, -item[1].held, item[0]))


def _written(backfill: Backfill) -> Iterator[str]:
    progress = backfill.progress
    yield (
        f"{counted(progress.issues, 'issue')} labelled ({counted(progress.labels, 'label')}) with "
        f"{counted(backfill.requests, 'request')}, the reading included."
    )
    if progress.passed_over:
        yield (
            f"{progress.passed_over} needed nothing any more: a person said no meanwhile, or an event was "
            "there first."
        )
    if progress.changed:
        yield (
            f"{counted(progress.changed, 'issue')} changed since the reading and got nothing: the same "
            "command judges anew."
        )
    if progress.refused:
        yield f"{progress.refused} refused: {' '.join(progress.refusals)}"


def _next(connection: str, backfill: Backfill) -> str:
    match backfill.phase:
        case Phase.PLANNED if backfill.tally.planned:
            return "Nothing was written. The same command with --apply, within the hour, writes just this."
        case Phase.PLANNED:
            return "There is nothing to write."
        case Phase.ASKS:
            return f"{backfill.said} If they are right, the same command with --yes goes on; --stop ends it."
        case Phase.FAILED if backfill.tally.issues:
            return f"{connection}: {backfill.said} What was done is kept: the same command goes on."
        case Phase.FAILED:
            return f"{connection}: {backfill.said}"
        case Phase.STOPPED:
            return backfill.said
        case _:
            return ""
