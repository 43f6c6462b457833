"""Sessions of browsers: a cookie that stands for somebody who has logged in."""

from stretto.auth.sessions.session import CSRF_HEADER, Session, check_csrf
from stretto.auth.sessions.sessions import LONGEST_S, Sessions
from stretto.auth.sessions.store import SessionStore

__all__ = ["CSRF_HEADER", "LONGEST_S", "Session", "SessionStore", "Sessions", "check_csrf"]
