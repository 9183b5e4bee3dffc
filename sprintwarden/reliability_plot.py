"""Reliability curves as SVG: what was said against what happened, a panel for each question."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from classifiers.backtest import Answers
from classifiers.scores import Fifth

_SIDE: Final = 240
"""Of a panel's square, in pixels."""
_LEFT: Final = 58
_TOP: Final = 84
_BELOW: Final = 62
_APART: Final = 44
_PANEL: Final = _SIDE + _APART
_TICKS: Final = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)

_STYLE: Final = """
svg { background: #ffffff; font: 12px system-ui, sans-serif }
text { fill: #24292f }
.title { font-size: 15px; font-weight: 600 }
.small { fill: #57606a; font-size: 11px }
.frame { fill: none; stroke: #8c959f }
.grid { stroke: #d8dee4 }
.even { stroke: #8c959f; stroke-dasharray: 4 4 }
.curve { fill: none; stroke: #0969da; stroke-width: 1.5 }
.bar { stroke: #0969da }
.point { fill: #0969da }
@media (prefers-color-scheme: dark) {
  svg { background: #0d1117 }
  text { fill: #e6edf3 }
  .small { fill: #9198a1 }
  .frame, .even { stroke: #6e7681 }
  .grid { stroke: #262c36 }
  .curve, .bar { stroke: #58a6ff }
  .point { fill: #58a6ff }
}
"""


def draw(asked: Sequence[Answers], title: str) -> str:
    """An SVG file's text; it follows the reader's light or dark mode.

    Of each fifth of the forecasts a point (mean chance said, share that happened) with the share's 95 %
    interval and its number of sprints. On the dashed line what is said is what happens.
    """
    width = _LEFT + len(asked) * _PANEL
    height = _TOP + _SIDE + _BELOW
    svg = Element("svg", xmlns="http://www.w3.org/2000/svg", viewBox=f"0 0 {width} {height}", role="img")
    svg.attrib |= {"width": str(width), "height": str(height)}
    SubElement(svg, "title").text = title
    SubElement(svg, "style").text = _STYLE
    _text(svg, _LEFT, 26, title, kind="title")
    _text(svg, _LEFT, 44, "Points: fifths of the forecasts, with 95 % intervals and counts.", kind="small")
    for at, answers in enumerate(asked):
        panel = SubElement(svg, "g", transform=f"translate({_LEFT + at * _PANEL} {_TOP})")
        _axes(panel, str(answers.question), named=at == 0)
        _curve(panel, answers.fifths)
    indent(svg)
    return tostring(svg, encoding="unicode") + "\n"


def _axes(panel: Element, question: str, *, named: bool) -> None:
    _text(panel, 0, -10, question)
    for share in _TICKS:
        _line(panel, (share, 0), (share, 1), "grid")
        _line(panel, (0, share), (1, share), "grid")
        _text(panel, _x(share), _SIDE + 16, f"{share:.0%}", kind="small", anchor="middle")
        if named:
            _text(panel, -8, _y(share) + 4, f"{share:.0%}", kind="small", anchor="end")
    SubElement(panel, "rect", {"class": "frame", "width": str(_SIDE), "height": str(_SIDE)})
    _line(panel, (0, 0), (1, 1), "even")
    _text(panel, _SIDE / 2, _SIDE + 38, "chance said", anchor="middle")
    if named:
        label = _text(panel, -_SIDE / 2, -44, "share that happened", anchor="middle")
        label.set("transform", "rotate(-90)")


def _curve(panel: Element, fifths: Sequence[Fifth]) -> None:
    points = [(fifth.said, fifth.happened.value or 0.0) for fifth in fifths]
    path = " ".join(f"{_x(said):.1f},{_y(happened):.1f}" for said, happened in points)
    SubElement(panel, "polyline", {"class": "curve", "points": path})
    for (said, happened), fifth in zip(points, fifths, strict=True):
        interval = fifth.happened.interval()
        _line(panel, (said, interval.low), (said, interval.high), "bar")
        place = {"cx": f"{_x(said):.1f}", "cy": f"{_y(happened):.1f}", "r": "4"}
        SubElement(panel, "circle", {"class": "point"} | place)
        _text(panel, _x(said) + 7, _y(happened) + 14, str(fifth.happened.total), kind="small")


def _line(panel: Element, start: tuple[float, float], end: tuple[float, float], kind: str) -> None:
    (x1, y1), (x2, y2) = start, end
    places = {"x1": _x(x1), "y1": _y(y1), "x2": _x(x2), "y2": _y(y2)}
    SubElement(panel, "line", {"class": kind} | {name: f"{place:.1f}" for name, place in places.items()})


def _text(
    parent: Element, x: float, y: float, words: str, *, kind: str = "", anchor: str = "start"
) -> Element:
    places = {"x": f"{x:.1f}", "y": f"{y:.1f}", "text-anchor": anchor} | ({"class": kind} if kind else {})
    found = SubElement(parent, "text", places)
    found.text = words
    return found


def _x(share: float) -> float:
    return share * _SIDE


def _y(share: float) -> float:
    return (1 - share) * _SIDE
