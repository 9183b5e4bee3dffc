"""A TCP shim: stands between a client and its server and does to the bytes what networks do.

    with Shim(("127.0.0.1", 6379)) as shim:
        client = connect(f"redis://127.0.0.1:{shim.port}/0")
        shim.delay(0.5)

What it is told holds at once, for open connections too, until it is told otherwise.
"""

from __future__ import annotations

import asyncio
import socket
import struct
import threading
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self, TypeVar

_T = TypeVar("_T")
_CHUNK: Final = 65_536
_LOOK_S: Final = 0.01
"""How often bytes that are held back look whether they may go on."""
_RESET: Final = struct.pack("ii", 1, 0)
"""Linger for no time: a close sends RST in place of FIN. socket(7)."""


class Way(StrEnum):
    """A direction."""

    REQUESTS = "requests"
    """From the client to its server."""
    ANSWERS = "answers"


@dataclass(frozen=True, slots=True)
class _Weather:
    delay_s: float = 0.0
    piece: int = _CHUNK
    hangs: bool = False
    refuses: bool = False
    loses: Way | None = None
    cut_after: int | None = None


class _Line:
    """One connection, which has a stream to the client and one to the server."""

    def __init__(self, client: asyncio.StreamWriter, server: asyncio.StreamWriter) -> None:
        self.client, self.server = client, server
        self.answered = 0
        """Bytes of answers since the weather changed."""

    def reset(self) -> None:
        _reset(self.client)
        _reset(self.server)


class Shim:
    """Listens on ``port`` of the loopback while its context lasts, and forwards to ``target``.

    ``target`` is a host and a port, or the path of a Unix socket. ``connections`` counts those accepted.
    """

    def __init__(self, target: tuple[str, int] | Path) -> None:
        self._target = target
        self._weather = _Weather()
        self._lines: set[_Line] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="shim", daemon=True)
        self.connections = 0
        self.port = 0

    def __enter__(self) -> Self:
        self._thread.start()
        self._server = self._do(asyncio.start_server(self._serve, "127.0.0.1", 0))
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._do(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def pass_on(self) -> None:
        """Forward everything, what was held back included."""
        self._set(_Weather())

    def delay(self, seconds: float) -> None:
        """Hold each chunk for so long, in both directions."""
        self._set(_Weather(delay_s=seconds))

    def slice(self, size: int) -> None:
        """Forward in pieces of at most ``size`` bytes, each in a packet of its own."""
        self._set(_Weather(piece=size))

    def hang(self) -> None:
        """Accept, and forward nothing."""
        self._set(_Weather(hangs=True))

    def half_open(self, lost: Way = Way.ANSWERS) -> None:
        """Lose all bytes of one direction without a word; both ends believe in the connection."""
        self._set(_Weather(loses=lost))

    def cut_after(self, size: int) -> None:
        """Reset each connection before more than ``size`` further bytes of answers have passed.

        With 0 the server has the request, and the client never learns what became of it.
        """
        self._set(_Weather(cut_after=size))

    def refuse(self) -> None:
        """Reset every connection, and every new one at once."""
        self._set(_Weather(refuses=True))
        self.reset()

    def reset(self) -> None:
        """Reset the connections there are; new ones fare as before."""
        self._call(self._reset_all)

    def _set(self, weather: _Weather) -> None:
        def change() -> None:
            self._weather = weather
            for line in self._lines:
                line.answered = 0

        self._call(change)

    def _call(self, what: Callable[[], None]) -> None:
        async def call() -> None:
            what()

        self._do(call())

    def _do(self, what: Coroutine[Any, Any, _T]) -> _T:
        return asyncio.run_coroutine_threadsafe(what, self._loop).result(10)

    def _reset_all(self) -> None:
        for line in self._lines:
            line.reset()

    async def _close(self) -> None:
        self._server.close()
        self._reset_all()
        mine = asyncio.current_task()
        rest = [task for task in asyncio.all_tasks() if task is not mine]
        for task in rest:
            task.cancel()
        await asyncio.gather(*rest, return_exceptions=True)

    async def _serve(self, requests: asyncio.StreamReader, client: asyncio.StreamWriter) -> None:
        self.connections += 1
        if self._weather.refuses:
            _reset(client)
            return
        try:
            answers, server = await self._open()
        except OSError:
            _reset(client)
            return
        line = _Line(client, server)
        self._lines.add(line)
        try:
            await asyncio.gather(
                self._pump(line, Way.REQUESTS, requests, server),
                self._pump(line, Way.ANSWERS, answers, client),
            )
        finally:
            self._lines.discard(line)
            client.close()
            server.close()

    async def _open(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if isinstance(self._target, Path):
            return await asyncio.open_unix_connection(self._target)
        return await asyncio.open_connection(*self._target)

    async def _pump(
        self, line: _Line, way: Way, source: asyncio.StreamReader, sink: asyncio.StreamWriter
    ) -> None:
        # An end that was reset, by us or by itself, ends its line.
        with suppress(OSError):
            while chunk := await source.read(_CHUNK):
                await self._forward(line, way, chunk, sink)
            while self._weather.hangs:
                await asyncio.sleep(_LOOK_S)
            if sink.can_write_eof():
                sink.write_eof()
            return
        line.reset()

    async def _forward(self, line: _Line, way: Way, chunk: bytes, sink: asyncio.StreamWriter) -> None:
        while self._weather.hangs:
            await asyncio.sleep(_LOOK_S)
        await asyncio.sleep(self._weather.delay_s)
        weather = self._weather
        if weather.loses is way:
            return
        if weather.cut_after is not None and way is Way.ANSWERS:
            chunk = chunk[: max(0, weather.cut_after - line.answered)]
            line.answered += len(chunk)
            if line.answered >= weather.cut_after:
                sink.write(chunk)
                line.reset()
                return
        for start in range(0, len(chunk), weather.piece):
            sink.write(chunk[start : start + weather.piece])
            await sink.drain()
            if weather.piece < _CHUNK:
                # Time for the other end to read this piece alone.
                await asyncio.sleep(0.001)


def _reset(end: asyncio.StreamWriter) -> None:
    sock = end.get_extra_info("socket")
    if sock.family is not socket.AF_UNIX and sock.fileno() >= 0:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
    end.transport.abort()
