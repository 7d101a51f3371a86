"""Where the messages of a stack's Alertmanager go: what Slack, PagerDuty, a webhook and a mail server take, on loopback.

Each asks for its secret as the real one does and refuses without it. Nothing leaves the machine.
"""

from __future__ import annotations

import json
import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from tests.stack.mailbox import HOST, Mail, Mailbox

MAIL_USER = "genmeter@example.com"
Answer = tuple[int, str, str]
"""Status, content type and body."""


@dataclass(frozen=True)
class Message:
    """One message that was taken: by which way, when (Unix time), and its JSON; of a mail the parts by name."""

    way: str
    at: float
    body: dict[str, Any]

    @property
    def firing(self) -> bool:
        """Whether it says that something is wrong, and not that it is over."""
        return _READ[self.way](self.body)[0]

    @property
    def line(self) -> str:
        """Time, way, where to and what, in one line."""
        _, place, text = _READ[self.way](self.body)
        return f"{time.strftime('%H:%M:%S', time.localtime(self.at))}  {self.way:<9}  {place:<19}  {text}"


class Inbox:
    """The four receivers, each with a secret of its own. `log` gets each message as a line, and each refusal."""

    def __init__(self, log: Path) -> None:
        self.log = log
        self.slack_path = f"/services/T000/B000/{secrets.token_hex(12)}"
        self.pagerduty_key = secrets.token_hex(16)
        self.webhook_token = secrets.token_urlsafe()
        self.smtp_password = secrets.token_urlsafe()
        self._lock = threading.Lock()
        self._messages: list[Message] = []
        self._refused: list[tuple[str, str]] = []
        log.parent.mkdir(parents=True, exist_ok=True)
        log.touch()
        self._mailbox = Mailbox(MAIL_USER, self.smtp_password, self._mail, lambda why: self.refuse("mail", why))
        self._http = ThreadingHTTPServer((HOST, 0), _handler(self))
        self._http.daemon_threads = True
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop listening. What was taken can still be read."""
        self._http.shutdown()
        self._http.server_close()
        self._thread.join(5)
        self._mailbox.close()

    @property
    def secrets(self) -> dict[str, str]:
        """What stands in each file of Alertmanager's secrets."""
        return {
            "slack_url": self.url + self.slack_path,
            "pagerduty_key": self.pagerduty_key,
            "webhook_token": self.webhook_token,
            "smtp_password": self.smtp_password,
        }

    @property
    def url(self) -> str:
        """Base of the three that speak HTTP."""
        return f"http://{HOST}:{self._http.server_address[1]}"

    @property
    def pagerduty_url(self) -> str:
        """Events API v2."""
        return f"{self.url}/v2/enqueue"

    @property
    def webhook_url(self) -> str:
        """Asks for the token as bearer."""
        return f"{self.url}/webhook"

    @property
    def smarthost(self) -> str:
        """host:port of the mail server."""
        return self._mailbox.address

    @property
    def messages(self) -> list[Message]:
        """What was taken so far, in the order of arrival."""
        with self._lock:
            return list(self._messages)

    @property
    def refused(self) -> list[tuple[str, str]]:
        """What was refused so far: by which way, and why."""
        with self._lock:
            return list(self._refused)

    def take(self, way: str, body: dict[str, Any]) -> None:
        """Keep a message and write its line."""
        message = Message(way, time.time(), body)
        line = message.line
        with self._lock:
            self._messages.append(message)
            self._write(line)

    def refuse(self, way: str, why: str) -> None:
        """Keep a refusal and write its line."""
        with self._lock:
            self._refused.append((way, why))
            self._write(f"{time.strftime('%H:%M:%S')}  {way:<9}  refused: {why}")

    def _write(self, line: str) -> None:
        with self.log.open("a", encoding="utf-8") as log:
            log.write(line + "\n")

    def _mail(self, mail: Mail) -> None:
        headers = {"from": mail.sender, "to": ", ".join(mail.recipients), "subject": mail.subject}
        self.take("mail", headers | {"text": mail.text(), "html": mail.text("html")})


def _handler(inbox: Inbox) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            status, kind, text = self._judge(body)
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text.encode())

        def _judge(self, body: bytes) -> Answer:
            answer = _WAYS.get(self.path.split("/")[1])
            if answer is None:
                return 404, "text/plain", "nobody here"
            try:
                return answer(inbox, self, json.loads(body))
            except (ValueError, LookupError, TypeError) as error:
                inbox.refuse("?", f"what came to {self.path} cannot be read: {error!r}")
                return 400, "text/plain", "invalid_payload"

        def log_message(self, format: str, *args: Any) -> None:
            pass

    return Handler


def _slack(inbox: Inbox, asked: BaseHTTPRequestHandler, body: dict[str, Any]) -> Answer:
    if asked.path != inbox.slack_path:
        inbox.refuse("slack", "an unknown webhook")
        return 403, "text/html", "invalid_token"
    inbox.take("slack", body)
    return 200, "text/html", "ok"


def _pagerduty(inbox: Inbox, asked: BaseHTTPRequestHandler, body: dict[str, Any]) -> Answer:
    if body.get("routing_key") != inbox.pagerduty_key:
        inbox.refuse("pagerduty", "an unknown routing key")
        problem = {
            "status": "invalid event",
            "message": "Event object is invalid",
            "errors": ["'routing_key' is wrong"],
        }
        return 400, "application/json", json.dumps(problem)
    inbox.take("pagerduty", body)
    taken = {"status": "success", "message": "Event processed", "dedup_key": body.get("dedup_key")}
    return 202, "application/json", json.dumps(taken)


def _webhook(inbox: Inbox, asked: BaseHTTPRequestHandler, body: dict[str, Any]) -> Answer:
    if asked.headers.get("Authorization") != f"Bearer {inbox.webhook_token}":
        inbox.refuse("webhook", "no token, or a wrong one")
        return 401, "text/plain", "a token is needed"
    inbox.take("webhook", body)
    return 200, "text/plain", ""


_WAYS: dict[str, Callable[[Inbox, BaseHTTPRequestHandler, dict[str, Any]], Answer]] = {
    "services": _slack,
    "v2": _pagerduty,
    "webhook": _webhook,
}


def _said(title: str, text: str) -> str:
    """The title and the first description; of several alerts each has its summary before that."""
    lines = (line.removeprefix("(resolved) ") for line in text.splitlines())
    sentence = next((line for line in lines if line not in title), "")
    return f"{title}: {sentence}" if sentence else title


def _of_slack(body: dict[str, Any]) -> tuple[bool, str, str]:
    (part,) = body["attachments"]
    return part["color"] != RESOLVED_COLOUR, body["channel"], _said(part["title"], part["text"])


def _of_pagerduty(body: dict[str, Any]) -> tuple[bool, str, str]:
    event = body["payload"]
    details = event["custom_details"]["firing"]
    return body["event_action"] != "resolve", body["event_action"], _said(event["summary"], details)


def _of_webhook(body: dict[str, Any]) -> tuple[bool, str, str]:
    told = [alert["annotations"]["summary"] for alert in body["alerts"]]
    return body["status"] == "firing", body["receiver"], f"{body['status']}: {'; '.join(told)}"


def _of_mail(body: dict[str, Any]) -> tuple[bool, str, str]:
    return not body["subject"].startswith("[resolved]"), body["to"], _said(body["subject"], body["text"])


RESOLVED_COLOUR = "#36a64f"
_READ: dict[str, Callable[[dict[str, Any]], tuple[bool, str, str]]] = {
    "slack": _of_slack,
    "pagerduty": _of_pagerduty,
    "webhook": _of_webhook,
    "mail": _of_mail,
}
"""Whether it is firing, where it goes and its text, for each way."""
