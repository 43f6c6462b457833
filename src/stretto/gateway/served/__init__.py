"""The two dialects as a server speaks them: requests read, answers said. Pure: no network here."""

from stretto.gateway.served.asked import Asked, RequestUnread

__all__ = ["Asked", "RequestUnread"]
