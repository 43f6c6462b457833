"""How Schemathesis sends JSON lines: as the text that they are. It loads this by its path in SCHEMATHESIS_HOOKS."""

from __future__ import annotations

import schemathesis

schemathesis.serializer.alias("application/x-ndjson", "text/plain")
