"""The service as one WSGI application: OTLP in, the read API, health, /metrics and, unless headless, the page."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qsl

from genmeter.budgets import Budget
from genmeter.ledger import Encoding, Ledger, StorageError
from genmeter.reports.registry import REPORTS
from genmeter.reports.report import WINDOW, Report, Sources, Unanswerable
from genmeter.server import api, page
from genmeter.server.access import Keys, Right, Token, admit
from genmeter.server.activity import SIGNALS, Activity
from genmeter.server.budgetfile import BudgetFile
from genmeter.server.connection import Entry, answered
from genmeter.server.exposition import exposition
from genmeter.server.http import CSV, JSON, TEXT, Answer, Environ, Refused, as_json, body_of, content_type, shown
from genmeter.server.ingest import RETRY_SECONDS, BodySizes, Receiver, refusal
from genmeter.server.prometheus import CONTENT_TYPE
from genmeter.server.readers import Reader
from genmeter.server.readiness import Readiness
from genmeter.server.remembering import Remembering
from genmeter.server.reservations import MOST_BODY, PATH, Reservations
from genmeter.server.series import MOST_SERIES, Series

StartResponse = Callable[[str, list[tuple[str, str]]], Any]
Route = Callable[[Environ, api.Query], Answer]

_log = logging.getLogger(__name__)
_ALWAYS = (
    ("X-Content-Type-Options", "nosniff"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
    ("Referrer-Policy", "no-referrer"),
    ("Cache-Control", "no-store"),
)
_RETRY = (("Retry-After", str(RETRY_SECONDS)),)
_PROBES = ("/healthz", "/readyz")
_TRACE = "/api/trace/"
_ADMITTED, _READER = "admitted", "reader"
_MOST_BODY = 1 << 16
"""Bytes of a body that no route here reads."""
_CARD = {
    "service": "genmeter ledger: books every call to a model once",
    "otlp": ["POST /v1/traces", "POST /v1/logs"],
    "budgets": [f"POST {PATH}"],
    "health": _PROBES,
    "metrics": "/metrics",
    "read": ["/api/reports", "/api/summary", *(f"/api/{name}" for name in REPORTS), "/api/trace/<trace id>"],
}
_HEADLESS = {"/": lambda: as_json(_CARD)}


class Application:
    """``__call__`` is WSGI. ``token`` is asked of every request but health and the page's files, which hold no data.

    ``Keys`` has other tokens for writing than for reading. Without a token only requests to a loopback Host and from no other web page are answered. ``headless`` is the
    ledger service: no page, and metrics of applications are declined instead of kept. ``budgets`` become gauges, and
    /api/budgets.
    """

    def __init__(
        self,
        ledger: Ledger,
        *,
        token: Token | Keys = None,
        limits: BodySizes | None = None,
        max_series: int = MOST_SERIES,
        headless: bool = False,
        budgets: Sequence[Budget] | BudgetFile = (),
    ) -> None:
        self.ledger = ledger
        self.activity = Activity()
        self.series = None if headless else Series(max_series)
        self.keys = token if isinstance(token, Keys) else Keys(token)
        self._budgets = budgets
        self._ready = Readiness(ledger)
        self.receiver = Receiver(ledger, self.series, self.activity, limits or BodySizes())
        self._remembered = Remembering(lambda: repr((sorted(ledger.counters().items()), self.activity.failure)))
        self._files = _HEADLESS if headless else page.FILES
        self._reservations = Reservations(ledger, self._in_force)
        self._reads = self._routes()

    def enter(self, environ: dict[str, Any]) -> Entry | list[bytes]:
        """What may follow the head of a request, or the answer that refuses it before its body is read."""
        path, method = str(environ.get("PATH_INFO", "")), str(environ["REQUEST_METHOD"])
        signal = _signal(path)
        try:
            environ[_READER] = self._admit(environ, path, signal)
        except Refused as error:
            return answered(partial(self._send, self._refused(error, signal, environ)), environ)
        environ[_ADMITTED] = True
        if signal is not None and method == "POST":
            return Entry(self.receiver.limits.body, "write")
        if path == PATH and method == "POST":
            return Entry(MOST_BODY, "write")
        # health is told apart from work: it needs neither a thread nor the ledger
        lane = None if path == "/healthz" else "probe" if path == "/readyz" else "read"
        return Entry(_MOST_BODY, lane)

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request."""
        return self._send(self._answer(environ), environ, start_response)

    def _send(self, answer: Answer, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        head = environ["REQUEST_METHOD"] == "HEAD"
        headers = [("Content-Type", answer.type), ("Content-Length", str(len(answer.body))), *_ALWAYS, *answer.headers]
        start_response(f"{answer.status} {HTTPStatus(answer.status).phrase}", headers)
        return [] if head else [answer.body]

    def _answer(self, environ: Environ) -> Answer:
        path, method = str(environ.get("PATH_INFO", "")), str(environ["REQUEST_METHOD"])
        signal = _signal(path)
        try:
            if _ADMITTED not in environ:
                environ = {**environ, _READER: self._admit(environ, path, signal)}
            if signal is not None:
                return self.receiver.take(signal, environ) if method == "POST" else _not_allowed("POST")
            if path == PATH:
                return self._reserve(environ) if method == "POST" else _not_allowed("POST")
            return self._read(path, method, environ)
        except Refused as error:
            return self._refused(error, signal, environ)
        except Unanswerable as error:
            return self._refused(Refused(400, str(error)), signal, environ)
        except StorageError as error:
            self.activity.fail(str(error))
            return as_json({"error": str(error)}, 503)._replace(headers=_RETRY)
        except Exception as error:
            _log.exception("genmeter could not answer %s %s", method, shown(path))
            self.activity.fail(f"{method} {shown(path)}: {type(error).__name__}")
            return as_json({"error": "genmeter failed to answer; its own log says why"}, 500)

    def _admit(self, environ: Environ, path: str, signal: str | None) -> Reader | None:
        """The reader whose token the request carries, if it is one of a reader. Raises ``Refused``."""
        if self._open_to_all(path):
            return None
        reader = None
        writes = signal is not None or path == PATH
        if not writes and self.keys.readers is not None:
            reader = self.keys.readers(str(environ.get("HTTP_AUTHORIZATION", "")))
        if reader is None:
            admit(environ, self.keys, Right.WRITE if writes else Right.READ)
        elif path not in {f"/api/{name}" for name in reader.reports}:
            open_to = ", ".join(f"/api/{name}" for name in reader.reports)
            raise Refused(403, f"this token opens {open_to} and nothing else")
        return reader

    def _refused(self, error: Refused, signal: str | None, environ: Environ) -> Answer:
        headers = (("WWW-Authenticate", "Bearer"),) if error.status == 401 else ()
        if signal is not None:
            return refusal(error.status, str(error), _encoding(environ))._replace(headers=headers)
        return as_json({"error": str(error)}, error.status)._replace(headers=headers)

    def _reserve(self, environ: Environ) -> Answer:
        with body_of(environ, MOST_BODY, MOST_BODY) as body:
            return self._reservations.take(body)

    def _read(self, path: str, method: str, environ: Environ) -> Answer:
        route = self._reads.get(path)
        if route is None and path.startswith(_TRACE):
            route = self._trace
        if route is None and path in self._files:
            route = _always(self._files[path]())
        if route is None:
            raise Refused(
                404, f"nothing is at {shown(path)}; / says what is here, OTLP goes to /v1/traces and /v1/logs"
            )
        if method not in ("GET", "HEAD"):
            return _not_allowed("GET, HEAD")
        return route(environ, _query(environ))

    def _open_to_all(self, path: str) -> bool:
        # a browser cannot send a token for the page's own files; on loopback they are guarded like the rest
        return path in _PROBES or (self.keys.any and path in self._files)

    def _routes(self) -> dict[str, Route]:
        return {
            "/healthz": lambda environ, query: Answer(200, TEXT, b"ok\n"),
            "/readyz": self._readiness,
            "/metrics": self._metrics,
            "/api/reports": self._index,
            "/api/summary": self._summary,
            **{f"/api/{report.name}": partial(self._report, report) for report in REPORTS.values()},
        }

    def _readiness(self, environ: Environ, query: api.Query) -> Answer:
        fault = self._ready()
        if fault is None:
            return Answer(200, TEXT, b"ready\n")
        if self.activity.fail(fault):
            _log.warning("%s", fault)
        # probes carry no token: why it is so stands in the log and behind the token
        return Answer(503, TEXT, b"the ledger takes no batches now; its log says why\n", _RETRY)

    def _metrics(self, environ: Environ, query: api.Query) -> Answer:
        budgets = self._in_force()
        sound = self._budgets.sound if isinstance(self._budgets, BudgetFile) else True
        text = exposition(self.ledger, self.series, self.activity, budgets, sound)
        return Answer(200, CONTENT_TYPE, text.encode())

    def _index(self, environ: Environ, query: api.Query) -> Answer:
        api.asked((), query)
        return as_json(api.index())

    def _summary(self, environ: Environ, query: api.Query) -> Answer:
        window = api.asked(WINDOW, query)

        def ask() -> bytes:
            return as_json(api.summary(self.ledger, self.activity, window)).body

        return Answer(200, JSON, self._remembered.answer("summary", window, ask))

    def _report(self, report: Report, environ: Environ, query: api.Query) -> Answer:
        form, query = api.form_of(report, query)
        asked = api.scoped(api.asked(report.options, query), environ.get(_READER))
        sources = Sources(self.ledger, self._in_force(), api.MOST_ROWS)
        if form is not None:
            return Answer(200, CSV, api.as_csv(report, form, sources, asked))

        def ask() -> bytes:
            return as_json(api.bounded(report.answer(sources, asked), report.rows)).body

        return Answer(200, JSON, self._remembered.answer(report.name, asked, ask) if report.steady else ask())

    def _in_force(self) -> Sequence[Budget]:
        return self._budgets() if isinstance(self._budgets, BudgetFile) else self._budgets

    def _trace(self, environ: Environ, query: api.Query) -> Answer:
        api.asked((), query)
        return as_json(api.tree(self.ledger, str(environ["PATH_INFO"]).removeprefix(_TRACE)))


def _signal(path: str) -> str | None:
    """The OTLP signal that is posted to this path."""
    name = path.removeprefix("/v1/")
    return name if name in SIGNALS and path.startswith("/v1/") else None


def _query(environ: Environ) -> api.Query:
    try:
        return parse_qsl(str(environ.get("QUERY_STRING", "")), keep_blank_values=True, max_num_fields=20)
    except ValueError:
        raise Refused(400, "the query has more than 20 parts; no question here has so many options") from None


def _encoding(environ: Environ) -> Encoding:
    return Encoding.PROTOBUF if content_type(environ) == Encoding.PROTOBUF.value else Encoding.JSON


def _not_allowed(allowed: str) -> Answer:
    return as_json({"error": f"this path takes {allowed}"}, 405)._replace(headers=(("Allow", allowed),))


def _always(answer: Answer) -> Route:
    return lambda environ, query: answer
