"""The shim does to the bytes what it was told, and nothing else."""

from __future__ import annotations

import socket
import socketserver
import threading
from collections.abc import Iterator

import pytest

from tests.faults.shim import Shim, Way


class Echo(socketserver.BaseRequestHandler):
    """Sends back what it gets, and keeps it."""

    heard: bytearray

    def handle(self) -> None:
        try:
            while chunk := self.request.recv(65_536):
                self.heard += chunk
                self.request.sendall(chunk)
        except OSError:
            return


@pytest.fixture
def heard() -> bytearray:
    """All that the server got."""
    return bytearray()


@pytest.fixture
def shim(heard: bytearray) -> Iterator[Shim]:
    """A shim before a server that sends back what it gets."""
    handler = type("Handler", (Echo,), {"heard": heard})
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), handler) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        with Shim(("127.0.0.1", server.server_address[1])) as made:
            yield made
        server.shutdown()


@pytest.fixture
def client(shim: Shim) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", shim.port), timeout=5) as made:
        yield made


def said(client: socket.socket, size: int) -> bytes:
    parts = bytearray()
    while len(parts) < size and (chunk := client.recv(size)):
        parts += chunk
    return bytes(parts)


def silent(client: socket.socket) -> bool:
    client.settimeout(0.1)
    try:
        client.recv(1)
    except TimeoutError:
        return True
    finally:
        client.settimeout(5)
    return False


def test_forwards_both_ways_and_the_end(shim: Shim, client: socket.socket) -> None:
    client.sendall(b"x" * 200_000)
    assert said(client, 200_000) == b"x" * 200_000
    client.shutdown(socket.SHUT_WR)
    assert client.recv(1) == b""
    assert shim.connections == 1


def test_what_hangs_comes_when_it_may(shim: Shim, client: socket.socket) -> None:
    shim.hang()
    client.sendall(b"one")
    assert silent(client)
    shim.pass_on()
    assert said(client, 3) == b"one"


def test_delays_each_chunk(shim: Shim, client: socket.socket) -> None:
    shim.delay(0.15)
    client.sendall(b"one")
    assert silent(client)
    assert said(client, 3) == b"one"


def test_slices(shim: Shim, client: socket.socket) -> None:
    shim.slice(2)
    client.sendall(b"0123456789" * 20)
    parts: list[bytes] = []
    while len(b"".join(parts)) < 200:
        parts.append(client.recv(1_000))
    assert b"".join(parts) == b"0123456789" * 20
    # A few may have come together while this end did not look.
    assert len(parts) > 10


def test_resets_what_is_open_and_takes_new_ones(shim: Shim, client: socket.socket) -> None:
    client.sendall(b"one")
    said(client, 3)
    shim.reset()
    with pytest.raises(ConnectionResetError):
        client.recv(1)
    with socket.create_connection(("127.0.0.1", shim.port), timeout=5) as other:
        other.sendall(b"two")
        assert said(other, 3) == b"two"


def test_refuses_old_and_new(shim: Shim, client: socket.socket) -> None:
    client.sendall(b"one")
    said(client, 3)
    shim.refuse()
    with pytest.raises(ConnectionResetError):
        client.recv(1)
    with (
        pytest.raises(ConnectionResetError),
        socket.create_connection(("127.0.0.1", shim.port), timeout=5) as other,
    ):
        other.recv(1)


@pytest.mark.parametrize(("lost", "arrived"), [(Way.ANSWERS, b"one"), (Way.REQUESTS, b"")])
def test_half_open_loses_one_direction(
    shim: Shim, client: socket.socket, heard: bytearray, lost: Way, arrived: bytes
) -> None:
    shim.half_open(lost)
    client.sendall(b"one")
    assert silent(client)
    assert heard == arrived


@pytest.mark.parametrize("size", [0, 4])
def test_cuts_within_an_answer(shim: Shim, client: socket.socket, heard: bytearray, size: int) -> None:
    client.sendall(b"before")
    said(client, 6)
    shim.cut_after(size)
    client.sendall(b"request")
    assert said(client, size) == b"request"[:size]
    with pytest.raises(ConnectionResetError):
        client.recv(1)
    assert heard == b"beforerequest"
