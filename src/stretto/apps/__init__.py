"""Applications: packages of their own that bring tables, tools, flows, routes and pages, and stand on Stretto's public names."""

from stretto.apps.app import App, Opened, Progress
from stretto.apps.installed import add_app, added_apps, installed_apps, opening, remove_app

__all__ = ["App", "Opened", "Progress", "add_app", "added_apps", "installed_apps", "opening", "remove_app"]
