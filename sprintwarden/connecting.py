"""``connect``: from nothing to a connection in connections.yaml and, where it can have one, a webhook.

Nothing is written here or in the tracker before the person said yes to it.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from rules.connection_schema import Deployment, Url
from rules.schema import ConnectionName
from sprintwarden import findings, hooking
from sprintwarden.asking import Question, Terminal, among, fitting
from sprintwarden.connections_text import BOM, Draft, Proof, names_in, with_connection
from sprintwarden.hooking import Hooking, Watch
from sprintwarden.keeping import Kept, put, refuse_managed
from sprintwarden.probing import OpenProbe, open_probe
from sprintwarden.reaching import Given, Reached, Walk, default_name, reach, tracker_of
from sprintwarden.settings import Complaint, Settings
from trackers.model import TrackerKind
from trackers.probe import BoardPlace, Finding

_SHOWN: Final = 40
"""Projects listed at most; the others can be named all the same."""


def connect(
    settings: Settings, given: Given, terminal: Terminal, open_probe: OpenProbe = open_probe
) -> str | None:
    """Walk through a connection; its text where it was not written.

    Raises Complaint, or a member of ``trackers.errors``; before anything was written, or with a sentence
    about what was.
    """
    file = settings.connections_file
    if given.write is not False:
        refuse_managed(file)
    text = _text_of(file)
    walk = Walk(given, terminal, file.parent, open_probe)
    tracker, deployment, url = tracker_of(walk)
    name = _name(walk, text, default_name(tracker, url))
    reached = reach(walk, name, tracker, deployment, url)
    owned = _owned(walk, reached)
    watch = _watch(walk, reached)
    _tell(terminal, reached.probe.fitness(watch.places, watch.places if watch.cycles else watch.boards))
    hook = _hook(walk, reached, settings, name, watch)
    draft = _draft(name, reached, owned, watch, hook)
    kept = (reached.kept, *((hook.secret,) if hook else ()))
    written = _write(walk, file, draft, kept)
    try:
        if hook is not None:
            hooking.finish(walk, reached, hook, written=written)
    finally:
        _farewell(terminal, draft, file, kept, written=written)
    return None if written else "".join(f"  {line}\n" for line in draft.lines())


def _text_of(file: Path) -> str:
    try:
        return file.read_bytes().decode() if file.exists() else ""
    except (OSError, ValueError):
        raise Complaint(f"{file} cannot be read as UTF-8 text; `sprintwarden doctor` says why.") from None


def _name(walk: Walk, text: str, default: str) -> str:
    known = names_in(text)
    if walk.given.name is not None:
        name = fitting(ConnectionName, walk.given.name, "NAME")
    else:
        question = Question("Name of the connection", "NAME", ConnectionName, default)
        name = walk.terminal.text(question)
    if name in known and not (
        walk.given.replace or walk.terminal.yes(f"There is a connection {name} already. Replace it?")
    ):
        raise Complaint(f"There is a connection {name} already: choose another name, or give --replace.")
    return name


def _owned(walk: Walk, reached: Reached) -> bool:
    """Whether only this service uses the account, as the tracker tells or the admin says."""
    site, said = reached.site, walk.given.service_account
    if said is None and not site.identity.is_app:
        walk.terminal.say(f"The credentials belong to {site.identity.name}.")
        said = walk.terminal.yes("Is that an account which nobody but this service uses?")
    owned = bool(said) or (said is None and site.identity.is_app)
    _tell(walk.terminal, [findings.credentials(site, service_account=owned)])
    return owned


def _watch(walk: Walk, reached: Reached) -> Watch:
    linear = reached.access.tracker is TrackerKind.LINEAR
    places = _places(walk, reached, linear=linear)
    found = reached.probe.boards(places)
    _list_boards(walk.terminal, found, linear=linear)
    if linear:
        return Watch(places, cycles=_cycles(walk, found))
    return Watch(places, _boards(walk, found))


def _places(walk: Walk, reached: Reached, *, linear: bool) -> tuple[str, ...]:
    noun, flag = ("teams", "--teams") if linear else ("projects", "--projects")
    there = reached.probe.places()
    if not there:
        raise Complaint(f"The account can see no {noun}: give it some in the tracker, then run this again.")
    known = [place.key for place in there]
    if walk.given.places is not None:
        chosen = among(walk.given.places, known, flag)
        if not chosen:
            raise Complaint(f"{flag} names none.")
        return chosen
    walk.terminal.say(f"The account can see these {noun}:")
    for place in there[:_SHOWN]:
        walk.terminal.say(f"  {place.key:<10} {place.name}")
    if len(there) > _SHOWN:
        walk.terminal.say(f"  … and {len(there) - _SHOWN} more")
    default = known[0] if len(known) == 1 else None
    question = Question(
        f"Which {noun} (comma between)", flag, default=default, needed=f"At least one, such as {known[0]}."
    )
    return walk.terminal.some(question, known)


def _list_boards(terminal: Terminal, found: Sequence[BoardPlace], *, linear: bool) -> None:
    noun = "teams with cycles" if linear else "boards with sprints"
    if not found:
        terminal.say(f"There are no {noun} among them.")
        return
    terminal.say(f"The {noun}, and what they estimate in:")
    for board in found:
        terminal.say(f"  {board.id:<10} {board.name} ({board.unit})")


def _boards(walk: Walk, found: Sequence[BoardPlace]) -> tuple[str, ...]:
    known = [board.id for board in found]
    if walk.given.boards is not None:
        return among(walk.given.boards, known, "--boards")
    if not known or not walk.terminal.yes("Shall sprints be watched?"):
        return ()
    question = Question(
        "Which boards (comma between)", "--boards", needed=f"At least one, such as {known[0]}."
    )
    return walk.terminal.some(question, known)


def _cycles(walk: Walk, found: Sequence[BoardPlace]) -> bool:
    if walk.given.cycles is not None:
        return walk.given.cycles
    return bool(found) and walk.terminal.yes("Shall the teams' cycles be watched?")


def _hook(walk: Walk, reached: Reached, settings: Settings, name: str, watch: Watch) -> Hooking | None:
    """The webhook; None where the tracker cannot reach this service."""
    if not hooking.wanted(walk, settings.public_url):
        return None
    return hooking.settle(walk, reached, name, watch, _public_url(walk, settings))


def _public_url(walk: Walk, settings: Settings) -> str | None:
    """Where trackers find us; None when nobody knows yet."""
    if walk.given.public_url is not None:
        url = fitting(Url, walk.given.public_url, "--public-url")
    elif settings.public_url is not None:
        url = settings.public_url
    else:
        question = Question("Public address of this service (empty: not known yet)", "--public-url", Url, "")
        url = walk.terminal.text(question)
        if not url:
            return None
    _tell(walk.terminal, [findings.public_address(url)])
    return url


def _draft(name: str, reached: Reached, owned: bool, watch: Watch, hook: Hooking | None) -> Draft:
    access = reached.access
    return Draft(
        name=name,
        tracker=access.tracker,
        deployment=access.deployment,
        url=access.url,
        api_url=access.api_url,
        auth=reached.auth,
        service_account=owned,
        hook=hook.secret.reference if hook else None,
        places=watch.places,
        boards=watch.boards,
        cycles=watch.cycles,
        proof=hook.proof if hook else Proof(),
    )


def _write(walk: Walk, file: Path, draft: Draft, secrets: Sequence[Kept]) -> bool:
    said = walk.given.write
    if said is None:
        walk.terminal.say("\n".join(f"  {line}" for line in draft.lines()))
        said = walk.terminal.yes(f"Write this to {file}?", default=True)
    if not said:
        walk.terminal.say(f"Nothing was written: {file} is as it was, and no secret was kept.")
        return False
    # Read once more: somebody may have edited it while we asked.
    before = _text_of(file)
    remarks = put(file, with_connection(before, draft), secrets)
    but = " but for the byte order mark, which is gone" if before.startswith(BOM) else ""
    walk.terminal.say(f"{file} has the connection {draft.name} now; all else in it is as it was{but}.")
    for remark in remarks:
        walk.terminal.say(remark)
    return True


def _farewell(
    terminal: Terminal, draft: Draft, file: Path, secrets: Sequence[Kept], *, written: bool
) -> None:
    terminal.say("\nNext:")
    for kept in secrets:
        if kept.fresh and not kept.generated and (kept.reference.kind == "env" or not written):
            where = kept.place(file.parent)
            terminal.say(f"- Put the secret you typed {where}, for every process of the service.")
    if not written:
        terminal.say(f"- Put the text below under “connections:” in {file}.")
    if draft.deployment is Deployment.CLOUD:
        terminal.say(
            "- Jira does not tell when an API token ends: write the day as auth: {expires: 2027-06-30}, and "
            "doctor warns of it in time."
        )
    terminal.say("- Restart the service's processes: connections are read when they start.")
    for command, what in (
        (f"doctor {draft.name}", "proves that all of it works"),
        (f"check --connection {draft.name}", "holds the labels of your rules against the tracker's"),
        (f"backfill {draft.name}", "shows what the rules would do to the issues that are there"),
        ("report", "sums up what was decided; nothing is written to the tracker in dry_run"),
    ):
        terminal.say(f"- sprintwarden {command}: {what}.")


def _tell(terminal: Terminal, found: Sequence[Finding]) -> None:
    for one in found:
        terminal.say(findings.line(one))
