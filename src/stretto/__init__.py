"""Stretto: durable, streaming flows of agents, kept in PostgreSQL."""
