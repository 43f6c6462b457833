"""Logging in with a browser, at an OIDC identity provider. Loaded only where one is configured."""

from stretto.auth.login.attempt import ATTEMPT_S, Attempt, local_path
from stretto.auth.login.login import Callback, Login, Redirect

__all__ = ["ATTEMPT_S", "Attempt", "Callback", "Login", "Redirect", "local_path"]
