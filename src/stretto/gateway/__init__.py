"""Model calls: the port, and what answers behind it."""
