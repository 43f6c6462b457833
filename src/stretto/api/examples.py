"""Examples of what is sent and answered, by the name of its schema; a test checks that each fits and that none is missing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

EXAMPLES: Mapping[str, Any] = {}
