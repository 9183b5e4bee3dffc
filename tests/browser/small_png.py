"""Pictures of screens in few bytes: a palette of 256 colours is all that a screen of text needs."""

from __future__ import annotations

import base64
import struct
import zlib
from collections.abc import Iterator
from typing import Final

import numpy as np
from playwright.sync_api import Page

_COLOURS: Final = 256
_PIXELS: Final = """async (png) => {
  const bytes = Uint8Array.from(atob(png), (one) => one.charCodeAt(0));
  const image = await createImageBitmap(new Blob([bytes]));
  const canvas = new OffscreenCanvas(image.width, image.height).getContext("2d");
  canvas.drawImage(image, 0, 0);
  const pixels = canvas.getImageData(0, 0, image.width, image.height).data;
  let text = "";
  for (let at = 0; at < pixels.length; at += 32768)
    text += String.fromCharCode(...pixels.slice(at, at + 32768));
  return [image.width, image.height, btoa(text)];
}"""
"""Reads a PNG file, given as base64: its width, height, and pixels as red, green, blue and opacity."""


def small_png(page: Page, png: bytes) -> bytes:
    """The same picture with its 256 commonest colours; any other becomes the one most like it.

    ``page`` is any page of a browser, which is what reads the file.
    """
    width, height, text = page.evaluate(_PIXELS, base64.b64encode(png).decode())
    red, green, blue, _ = np.frombuffer(base64.b64decode(text), np.uint8).reshape(-1, 4).T.astype(np.int64)
    pixels = red << 16 | green << 8 | blue
    counts = np.bincount(pixels, minlength=1 << 24)
    found = np.flatnonzero(counts)
    colours = np.stack([found >> 16, found >> 8 & 255, found & 255], axis=1)
    palette = colours[np.argsort(-counts[found], kind="stable")[:_COLOURS]]
    numbers = np.zeros(1 << 24, np.uint8)
    numbers[found] = [np.argmin(((palette - colour) ** 2).sum(axis=1)) for colour in colours]
    rows = numbers[pixels].reshape(height, width)
    # Each row begins with its filter: none, which is best where a pixel is the number of a colour.
    lines = np.pad(rows, ((0, 0), (1, 0))).tobytes()
    head = struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)
    parts = [
        (b"IHDR", head),
        (b"PLTE", palette.astype(np.uint8).tobytes()),
        (b"IDAT", zlib.compress(lines, 9)),
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunks([*parts, (b"IEND", b"")]))


def _chunks(parts: list[tuple[bytes, bytes]]) -> Iterator[bytes]:
    """As PNG has them (W3C, Portable Network Graphics, 5.3): length, name, content, check."""
    for name, content in parts:
        yield struct.pack(">I", len(content)) + name + content
        yield struct.pack(">I", zlib.crc32(name + content))
