"""Answers kept for equal and for similar requests, by tenant and route."""

from stretto.gateway.cache.kept import Hits, PostgresAnswers

__all__ = ["Hits", "PostgresAnswers"]
