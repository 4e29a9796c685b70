"""Real mail servers for the journeys: Postfix's `smtp-sink`, and Postfix itself in a folder of its own."""

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

POSTFIX = Path("/usr/lib/postfix/sbin")


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def wait_for(condition: Callable[[], bool]) -> None:
    """Until something in another process has happened; a test that waits for ever fails."""
    for _ in range(600):
        if condition():
            return
        time.sleep(0.05)
    pytest.fail("what another process should have done did not happen")


def is_open(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return False
    return True


@contextmanager
def smtp_sink(port: int, folder: Path, *options: str) -> Iterator[None]:
    """`smtp-sink`, which writes each mail into a file of the folder; options as in its manual."""
    program = shutil.which("smtp-sink") or "/usr/sbin/smtp-sink"
    if not Path(program).exists():
        pytest.skip("Postfix's smtp-sink is not installed")
    folder.mkdir(exist_ok=True)
    folder.chmod(0o777)
    user = ("-u", "nobody") if os.getuid() == 0 else ()
    template = str(folder / "%H%M%S.")
    process = subprocess.Popen([program, *user, *options, "-d", template, f"127.0.0.1:{port}", "100"])
    try:
        wait_for(lambda: is_open(port))
        yield
    finally:
        process.terminate()
        process.wait(10)


def recipients(folder: Path) -> list[str]:
    """To whom the mails in a folder of `smtp-sink` went, sorted; somebody who got two stands there twice."""
    found = []
    for file in folder.iterdir():
        lines = file.read_text("utf-8", "replace").splitlines()
        found += [line.split("<")[1].split(">")[0] for line in lines if line.startswith("X-Rcpt-Args:")]
    return sorted(found)


@contextmanager
def postfix(port: int, next_hop: int, folder: Path, refusals: dict[str, str]) -> Iterator[None]:
    """A whole Postfix: takes mail on `port`, passes it on to `next_hop`.

    refusals: recipient → what it answers to RCPT, as "550 5.1.1 Nobody here". It needs root to start.
    """
    if not (POSTFIX / "master").exists():
        pytest.skip("Postfix is not installed")
    if os.getuid() != 0:
        pytest.skip("Postfix starts as root only")
    spool, data, settings = (folder / name for name in ("spool", "data", "etc"))
    for place in (spool, data, settings):
        place.mkdir(parents=True)
    shutil.chown(data, "postfix")
    refused = " ".join(f"{{{address} = {answer}}}" for address, answer in refusals.items())
    (settings / "main.cf").write_text(MAIN.format(**locals()))
    (settings / "master.cf").write_text(MASTER.format(port=port))
    subprocess.run(["postfix", "-c", settings, "check"], check=True, capture_output=True)
    master = subprocess.Popen([POSTFIX / "master", "-c", settings, "-d"], start_new_session=True)
    try:
        wait_for(lambda: is_open(port))
        yield
    finally:
        os.killpg(master.pid, signal.SIGTERM)
        master.wait(10)


MAIN = """
compatibility_level = 3.6
queue_directory = {spool}
data_directory = {data}
maillog_file = {folder}/log
maillog_file_prefixes = /
myhostname = relay.example.org
mydestination =
mynetworks = 127.0.0.0/8
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
alias_maps =
local_recipient_maps =
relayhost = [127.0.0.1]:{next_hop}
smtp_tls_security_level = none
smtpd_recipient_restrictions = check_recipient_access inline:{{ {refused} }}, permit_mynetworks, reject
"""

MASTER = """
127.0.0.1:{port} inet n - n - - smtpd
cleanup  unix n - n - 0 cleanup
qmgr     unix n - n 300 1 qmgr
rewrite  unix - - n - - trivial-rewrite
bounce   unix - - n - 0 bounce
defer    unix - - n - 0 bounce
trace    unix - - n - 0 bounce
flush    unix n - n 1000? 0 flush
smtp     unix - - n - - smtp
error    unix - - n - - error
retry    unix - - n - - error
anvil    unix - - n - 1 anvil
postlog  unix-dgram n - n - 1 postlogd
"""
