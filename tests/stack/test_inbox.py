"""The inbox asks for its secrets as the real receivers do, keeps what it takes, and writes each message as a line."""

# pyright: basic, reportOptionalMemberAccess=false
from __future__ import annotations

import json
import smtplib
import urllib.error
import urllib.request
from contextlib import closing
from email.message import EmailMessage

import pytest

from tests.stack import Stack, StackError
from tests.stack.inbox import MAIL_USER, Inbox
from tests.stack.roster import Edit


@pytest.fixture
def inbox(tmp_path):
    with closing(Inbox(tmp_path / "messages")) as inbox:
        yield inbox


def post(url, body, **headers):
    """Status, content type and body of the answer."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(urllib.request.Request(url, data, headers), timeout=10) as answer:
            return answer.status, answer.headers["Content-Type"], answer.read().decode()
    except urllib.error.HTTPError as refused:
        with refused:
            return refused.code, refused.headers["Content-Type"], refused.read().decode()


def chat(colour):
    return {
        "channel": "#money",
        "attachments": [
            {"color": colour, "title": "[info] Half", "text": "(resolved) Half\n50% of all is spent.\nowner: ada"}
        ],
    }


def test_a_chat_message_needs_the_whole_url(inbox):
    assert post(inbox.secrets["slack_url"], chat("#ffcc00")) == (200, "text/html", "ok")
    assert post(inbox.secrets["slack_url"], chat("#36a64f"))[0] == 200
    assert post(inbox.secrets["slack_url"] + "x", chat("#ffcc00")) == (403, "text/html", "invalid_token")
    assert [message.firing for message in inbox.messages] == [True, False]
    assert inbox.refused == [("slack", "an unknown webhook")]
    first, _, refusal = inbox.log.read_text().splitlines()
    assert " ".join(first.split()[1:]) == "slack #money [info] Half: 50% of all is spent."
    assert refusal.endswith("refused: an unknown webhook")


def test_a_page_needs_the_key_and_gives_its_dedup_key_back(inbox):
    payload = {"summary": "Spent", "custom_details": {"firing": "103%"}}
    event = {"routing_key": inbox.pagerduty_key, "event_action": "trigger", "dedup_key": "d", "payload": payload}
    status, _, answer = post(inbox.pagerduty_url, event)
    assert (status, json.loads(answer)["dedup_key"]) == (202, "d")
    assert post(inbox.pagerduty_url, event | {"routing_key": "x"})[0] == 400
    assert [message.body["dedup_key"] for message in inbox.messages] == ["d"]


def test_a_webhook_needs_the_token(inbox):
    body = {"status": "resolved", "receiver": "hook", "alerts": [{"annotations": {"summary": "Spent"}}]}
    assert post(inbox.webhook_url, body)[0] == 401
    assert post(inbox.webhook_url, body, Authorization=f"Bearer {inbox.webhook_token}")[0] == 200
    assert [message.firing for message in inbox.messages] == [False]
    assert inbox.log.read_text().split()[-3:] == ["hook", "resolved:", "Spent"]


def test_what_is_no_message_is_refused(inbox):
    assert post(inbox.webhook_url, b"{", Authorization=f"Bearer {inbox.webhook_token}")[0] == 400
    assert post(inbox.secrets["slack_url"], {"text": "no attachment"})[0] == 400
    assert post(f"{inbox.url}/elsewhere", {})[0] == 404
    assert inbox.messages == [] and len(inbox.refused) == 2


def test_a_mail_needs_the_password_and_arrives_whole(inbox):
    mail = EmailMessage()
    mail["Subject"], mail["From"], mail["To"] = "[critical] Büro", "a@example.com", "b@example.com"
    mail.set_content(".a line with a dot\nand an é\n")
    mail.add_alternative("<p>html</p>", subtype="html")
    host, _, port = inbox.smarthost.partition(":")
    with smtplib.SMTP(host, int(port), timeout=10) as client:
        with pytest.raises(smtplib.SMTPSenderRefused, match="a password is needed"):
            client.send_message(mail)
        with pytest.raises(smtplib.SMTPAuthenticationError):
            client.login(MAIL_USER, "wrong")
        client.login(MAIL_USER, inbox.smtp_password)
        client.send_message(mail)
    (message,) = inbox.messages
    assert (message.body["to"], message.body["subject"]) == ("b@example.com", "[critical] Büro")
    assert message.body["text"] == ".a line with a dot\nand an é\n"
    assert message.body["html"].strip() == "<p>html</p>"
    assert inbox.refused == [("mail", "no password"), ("mail", "wrong user or password")]


def test_an_edit_of_what_is_not_there_stops_the_start(tmp_path):
    edit = Edit("prometheus/rules/telemetry.yaml", "for: 5 weeks", "for: 1s")
    with Stack(tmp_path, servers=[], edits=[edit]) as stack, pytest.raises(StackError, match="has no 'for: 5 weeks'"):
        stack["prometheus"]
