"""Who may see the console: by a password, or by the word of a reverse proxy."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

from werkzeug.security import check_password_hash, generate_password_hash

from rules.secret import Secret

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

MIN_PASSWORD_CHARS: Final = 12
MAX_PASSWORD_CHARS: Final = 1_024
MAX_USER_CHARS: Final = 60
_HASH: Final = re.compile(r"scrypt:(\d{1,7}):(\d{1,2}):(\d{1,2})\$[^$\s]{8,64}\$[0-9a-f]{128}")
_HEADER: Final = re.compile(r"[A-Za-z][A-Za-z0-9-]{2,63}")
_NOT_A_USER: Final = re.compile(
    r"(?i)host|cookie|authorization|origin|referer|user-agent|via|forwarded|connection|accept|(accept|content|sec)-.*"
    r"|x-real-ip|x-forwarded-(for|host|port|proto|scheme|server|ssl|prefix)|x-csrf-token|x-unattended"
)
"""Headers that requests have anyway, or that tell of something else: everybody would be let in by them."""


class NoAccess(ValueError):
    """A setting of the console cannot be used. The sentence tells what to do, and quotes no secret."""


@dataclass(frozen=True, slots=True)
class Access:
    """How people are let in; at least one of ``password`` and ``header``."""

    password: Secret | None = None
    """A hash that ``hash_of`` made."""
    header: str | None = None
    """In which a proxy at one of ``proxies`` says who the user is."""
    proxies: tuple[Network, ...] = ()
    public_url: str | None = None

    @property
    def secure(self) -> bool:
        """Whether browsers reach the console by https alone."""
        return urlsplit(self.public_url or "").scheme == "https"

    @property
    def public_host(self) -> str | None:
        """Host and port that browsers know the service by."""
        default = ":443" if self.secure else ":80"
        return urlsplit(self.public_url).netloc.lower().removesuffix(default) if self.public_url else None

    def accepts(self, password: str) -> bool:
        """Whether this is the password. Takes a tenth of a second and 32 MB, on purpose."""
        return self.password is not None and check_password_hash(self.password.reveal(), password)

    def user_by_proxy(self, environ: Mapping[str, Any]) -> str | None:
        """Whom a proxy says this request of a WSGI environment comes from; None where none may say so."""
        peer = _address(str(environ.get("REMOTE_ADDR", "")))
        if self.header is None or peer is None or not self._is_proxy(peer):
            return None
        # A page in a browser on this machine may reach us by a name of its own, with any header it likes
        # (DNS rebinding).
        if peer.is_loopback and not self._is_ours(str(environ.get("HTTP_HOST", ""))):
            return None
        return _user(str(environ.get(f"HTTP_{self.header.upper().replace('-', '_')}", "")))

    def address(self, environ: Mapping[str, Any]) -> str:
        """Where a request comes from: the last hop that is none of our proxies."""
        peer = str(environ.get("REMOTE_ADDR", ""))
        hops = [hop.strip() for hop in str(environ.get("HTTP_X_FORWARDED_FOR", "")).split(",") if hop.strip()]
        while hops and (address := _address(peer)) is not None and self._is_proxy(address):
            peer = hops.pop()
        return peer

    def _is_proxy(self, address: Address) -> bool:
        return any(address in network for network in self.proxies)

    def _is_ours(self, host: str) -> bool:
        """Whether a host is no name, this machine's own, or the public one."""
        try:
            name = urlsplit(f"//{host}").hostname or ""
        except ValueError:
            return False
        return name == "localhost" or _address(name) is not None or host == self.public_host


def access(
    password: Secret | None, header: str | None, proxies: str, public_url: str | None
) -> Access | None:
    """How people are let in by these settings; None where the console is off. Raises NoAccess."""
    if password is None and not header:
        return None
    if password is not None and not _HASH.fullmatch(password.reveal()):
        raise NoAccess(
            "SPRINTWARDEN_CONSOLE_PASSWORD_HASH is no hash of a password. `sprintwarden console-password` "
            "makes one; a password itself must not stand there."
        )
    if header and (not _HEADER.fullmatch(header) or _NOT_A_USER.fullmatch(header)):
        raise NoAccess(
            "SPRINTWARDEN_CONSOLE_HEADER is no name of a header that tells a user, such as X-Forwarded-User."
        )
    found = tuple(_networks(proxies))
    if header and not found:
        raise NoAccess(
            "SPRINTWARDEN_CONSOLE_HEADER is set and SPRINTWARDEN_CONSOLE_PROXIES is empty: it is not known "
            "who may set that header. Name the addresses of your proxy."
        )
    return Access(password, header or None, found, public_url)


def hash_of(password: str) -> str:
    """The hash to configure for a password. Raises NoAccess for one that is too short or too long."""
    if len(password) < MIN_PASSWORD_CHARS:
        raise NoAccess(f"A password of the console has at least {MIN_PASSWORD_CHARS} characters.")
    if len(password) > MAX_PASSWORD_CHARS:
        raise NoAccess(f"A password of the console has at most {MAX_PASSWORD_CHARS:,} characters.")
    return generate_password_hash(password, method="scrypt")


def _address(text: str) -> Address | None:
    try:
        found = ipaddress.ip_address(text)
    except ValueError:
        return None
    return getattr(found, "ipv4_mapped", None) or found


def _networks(text: str) -> Iterable[Network]:
    for part in text.replace(",", " ").split():
        try:
            network = ipaddress.ip_network(part)
        except ValueError:
            raise NoAccess(
                f"SPRINTWARDEN_CONSOLE_PROXIES: {part!r} is no address and no network such as 10.0.0.0/8."
            ) from None
        if network.prefixlen == 0:
            raise NoAccess(f"SPRINTWARDEN_CONSOLE_PROXIES: {part} is everybody. Name your proxy's addresses.")
        yield network


def _user(told: str) -> str | None:
    """The name in a header. A comma means that it came twice: the proxy added to what a stranger sent."""
    # WSGI tells bytes one by one as characters; most proxies mean UTF-8 by them.
    with suppress(UnicodeError):
        told = told.encode("latin-1").decode()
    name = told.strip()
    return name if 0 < len(name) <= MAX_USER_CHARS and name.isprintable() and "," not in name else None
