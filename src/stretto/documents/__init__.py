"""YAML documents that people write: read with the place of every part, and every mistake told there with its remedy."""
