"""A mail server on loopback that keeps what it is given: SMTP with a password, without TLS, as much as a sender needs."""

from __future__ import annotations

import base64
import binascii
import socketserver
import threading
from collections.abc import Callable
from dataclasses import dataclass
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import cast

HOST = "127.0.0.1"
LONGEST = 10_000_000


@dataclass(frozen=True)
class Mail:
    """One delivered mail: the envelope, and the message in it."""

    sender: str
    recipients: tuple[str, ...]
    message: EmailMessage

    @property
    def subject(self) -> str:
        """The decoded subject."""
        return str(self.message["Subject"])

    def text(self, kind: str = "plain") -> str:
        """The decoded part of this kind (plain or html); empty where it has none."""
        part = self.message.get_body((kind,))
        return str(part.get_content()) if part else ""


class Mailbox:
    """Takes mail from whoever knows user and password; `took` is called with each, from a thread of its own."""

    def __init__(self, user: str, password: str, took: Callable[[Mail], object], refused: Callable[[str], object]):
        self._server = _Server(user, password, took, refused)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    @property
    def address(self) -> str:
        """host:port."""
        return f"{HOST}:{self._server.server_address[1]}"

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True

    def __init__(
        self, user: str, password: str, took: Callable[[Mail], object], refused: Callable[[str], object]
    ) -> None:
        super().__init__((HOST, 0), _Session)
        self.login = f"\0{user}\0{password}".encode()
        self.took, self.refused = took, refused


class _Session(socketserver.StreamRequestHandler):
    """One connection, RFC 5321 and RFC 4954: commands until QUIT."""

    timeout = 60

    @property
    def _mailbox(self) -> _Server:
        return cast(_Server, self.server)

    def setup(self) -> None:
        super().setup()
        self._known = False
        self._forget()

    def handle(self) -> None:
        self._say("220 mailbox on loopback")
        while line := self.rfile.readline(2048):
            verb, _, rest = line.decode(errors="replace").strip().partition(" ")
            act = getattr(self, f"_{verb.lower()}", None) if verb.upper() in _VERBS else None
            self._say(act(rest) if act else f"502 no {verb}")
            if verb.upper() == "QUIT":
                return

    def _ehlo(self, rest: str) -> str:
        return "250-mailbox\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250 AUTH PLAIN"

    def _helo(self, rest: str) -> str:
        return "250 mailbox"

    def _auth(self, rest: str) -> str:
        mechanism, _, given = rest.partition(" ")
        if mechanism.upper() != "PLAIN":
            return "504 PLAIN alone"
        if not given:
            self._say("334 ")
            given = self.rfile.readline(2048).decode(errors="replace").strip()
        try:
            self._known = base64.b64decode(given, validate=True) == self._mailbox.login
        except binascii.Error:
            return "501 no base64"
        if not self._known:
            self._mailbox.refused("wrong user or password")
            return "535 wrong user or password"
        return "235 welcome"

    def _mail(self, rest: str) -> str:
        if not self._known:
            self._mailbox.refused("no password")
            return "530 a password is needed"
        self._sender = _address(rest)
        return "250 ok"

    def _rcpt(self, rest: str) -> str:
        if not self._sender:
            return "503 MAIL first"
        self._recipients.append(_address(rest))
        return "250 ok"

    def _data(self, rest: str) -> str:
        if not self._recipients:
            return "503 RCPT first"
        self._say("354 end with a dot")
        lines: list[bytes] = []
        size = 0
        while (line := self.rfile.readline()) not in (b".\r\n", b".\n"):
            size += len(line)
            if not line or size > LONGEST:
                return "552 too long, or cut"
            lines.append(line.removeprefix(b".").replace(b"\r\n", b"\n"))
        message = message_from_bytes(b"".join(lines), policy=policy.default)
        self._mailbox.took(Mail(self._sender, tuple(self._recipients), message))
        self._forget()
        return "250 taken"

    def _rset(self, rest: str) -> str:
        self._forget()
        return "250 ok"

    def _noop(self, rest: str) -> str:
        return "250 ok"

    def _quit(self, rest: str) -> str:
        return "221 bye"

    def _forget(self) -> None:
        self._sender = ""
        self._recipients: list[str] = []

    def _say(self, answer: str) -> None:
        self.wfile.write(f"{answer}\r\n".encode())


_VERBS = {"EHLO", "HELO", "AUTH", "MAIL", "RCPT", "DATA", "RSET", "NOOP", "QUIT"}


def _address(rest: str) -> str:
    """FROM:<a@b> SIZE=1 gives a@b."""
    return rest.partition("<")[2].partition(">")[0]
