"""The command line: one of the two doors."""

from stretto.cli.app import main

__all__ = ["main"]
