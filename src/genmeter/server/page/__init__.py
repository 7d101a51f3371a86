"""The page at /: three files of package data, served as they are; they hold no data and ask the read API for it."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

from genmeter.server.http import Answer

_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:;"
    " base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_FILES = {
    "/": ("index.html", "text/html; charset=utf-8"),
    "/page.css": ("page.css", "text/css; charset=utf-8"),
    "/page.js": ("page.js", "text/javascript; charset=utf-8"),
}


@cache
def file(path: str) -> Answer | None:
    """The file served at ``path``, None when there is none."""
    if path not in _FILES:
        return None
    name, kind = _FILES[path]
    return Answer(200, kind, files(__name__).joinpath(name).read_bytes(), (("Content-Security-Policy", _POLICY),))
