"""From what a model file holds to a tagger ready to be asked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from classifiers.head import Head
from classifiers.manifest import MANIFEST, BadModel
from classifiers.model_files import Content, open_head
from classifiers.shifts import Shift
from classifiers.tagger import Tagger
from classifiers.thresholds import Thresholds

UNMOVED = Shift()


def tagger_of(
    head: Head, manifest: Mapping[str, Any], shift: Shift = UNMOVED, muted: frozenset[str] = frozenset()
) -> Tagger:
    """A tagger by a model's own lines, moved by what people taught us.

    Raises:
        BadModel: the manifest does not say what serving needs.
    """
    try:
        lines = Thresholds.of_facts(manifest["thresholds"])
        return Tagger(head, lines, float(manifest["least_known"]), shift, muted)
    except (KeyError, TypeError, ValueError) as error:
        raise BadModel(
            f"{MANIFEST} does not say when the model may speak ({error}); train the model anew."
        ) from None


def tagger_from(content: Content) -> Tagger:
    """The tagger of a model file, moved by nothing.

    Raises:
        BadModel: the head or its manifest cannot be used.
    """
    return tagger_of(open_head(content.packed), content.manifest)
