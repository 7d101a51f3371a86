"""The page at /: files of package data, served as they are; they hold no data and ask the read API for it."""

from __future__ import annotations

from functools import cache, partial
from importlib.resources import files

from genmeter.server.http import Answer

_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:;"
    " base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_FILES = {
    "/": ("index.html", "text/html; charset=utf-8"),
    "/page.css": ("page.css", "text/css; charset=utf-8"),
    "/budgets.js": ("budgets.js", "text/javascript; charset=utf-8"),
    "/reports.js": ("reports.js", "text/javascript; charset=utf-8"),
    "/units.js": ("units.js", "text/javascript; charset=utf-8"),
    "/page.js": ("page.js", "text/javascript; charset=utf-8"),
}


@cache
def _file(name: str, kind: str) -> Answer:
    return Answer(200, kind, files(__name__).joinpath(name).read_bytes(), (("Content-Security-Policy", _POLICY),))


FILES = {path: partial(_file, *file) for path, file in _FILES.items()}
"""Path → what gives the answer."""
