"""What earlier versions left in Redis, as it stood there."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

_FILE: Final = Path(__file__).parent / "faults" / "earlier_versions.json"
EARLIER: Final[dict[str, Any]] = json.loads(_FILE.read_text(encoding="utf-8"))
