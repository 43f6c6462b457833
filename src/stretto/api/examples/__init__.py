"""Examples of what is sent and answered, as `/openapi.json` and `/docs` show them: one story, told from all sides.

The newsroom of the tenant `acme` keeps a flow, `draft-and-review`. A run of it writes on tides, and Ada passes the text.
"""

from stretto.api.examples.table import EXAMPLES, Several, example_at

__all__ = ["EXAMPLES", "Several", "example_at"]
