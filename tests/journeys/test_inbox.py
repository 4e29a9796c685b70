"""The demo's mailbox shows what came, and lets a mail do nothing but be looked at."""

from pathlib import Path

from aiosmtplib import SMTP
from starlette.applications import Starlette
from starlette.testclient import TestClient

from mailer.demo.inbox import Inbox
from mailer.demo.inbox_pages import routes
from tests.conftest import make_settings

MAIL = b"""From: a@example.org\r
To: alice@readers.example\r
Subject: =?utf-8?q?Caf=C3=A9?=\r
MIME-Version: 1.0\r
Content-Type: multipart/alternative; boundary="b"\r
\r
--b\r
Content-Type: text/plain; charset=utf-8\r
\r
Hello <b>plain</b>\r
--b\r
Content-Type: text/html; charset=utf-8\r
\r
<html><head></head><body><script>alert(1)</script><p>Hello</p></body></html>\r
--b--\r
"""


async def test_a_mail_is_shown_as_html_as_text_and_as_source(tmp_path: Path) -> None:
    async with Inbox(tmp_path) as inbox, SMTP(hostname="127.0.0.1", port=inbox.port) as smtp:
        await smtp.sendmail("a@example.org", ["alice@readers.example"], MAIL)
    inbox = Inbox(tmp_path)  # mails outlive the server
    client = TestClient(Starlette(routes=routes(make_settings(), inbox)))
    assert "Café" in client.get("/inbox").text
    assert 'sandbox="allow-popups' in client.get("/inbox/1").text
    assert "Hello &lt;b&gt;plain&lt;/b&gt;" in client.get("/inbox/1?as=text").text
    assert "=?utf-8?q?Caf=C3=A9?=" in client.get("/inbox/1?as=source").text
    assert client.get("/inbox/2").status_code == 404

    framed = client.get("/inbox/1/html")
    policy = framed.headers["content-security-policy"]
    assert policy.startswith("sandbox allow-popups")
    assert "default-src 'none'" in policy
    assert "allow-scripts" not in policy
    assert "Hello" in framed.text
