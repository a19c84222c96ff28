"""What spam filters say about the shipped letters: SpamAssassin without its network tests, and rspamd's rules of
content. A machine that has no such filter says so (`infra/spam_filters.py`) and fails nothing."""

import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import formatdate
from pathlib import Path

import pytest
import requests

from infra.local.process import free_port
from infra.spam_filters import remedy
from tools.letter_samples import Shown, shipped_letters

MOST = 0.1
# Counts Cyrillic letters as a mix of scripts: English letters of a cinema with a Russian name have it, too.
MISFIRES = {"MIXED_ES"}
# Of rspamd's modules those that ask the network, keep state or judge how a letter travelled.
NOT_CONTENT = (
    *("arc", "asn", "bayes_expiry", "dkim", "dkim_signing", "dmarc", "fuzzy_check", "greylist", "hfilter"),
    *("history_redis", "maillist", "mx_check", "neural", "once_received", "phishing", "ratelimit", "rbl"),
    *("reputation", "spf", "surbl", "url_redirector"),
)
START_SECONDS = 120


@pytest.fixture(scope="module")
def letters() -> dict[str, bytes]:
    """On the wire, as SES sends them."""
    return {f"{one.key} {one.locale}": wire(one) for one in shipped_letters()}


def wire(letter: Shown) -> bytes:
    """With the headers that Vestnik and SES set."""
    message = EmailMessage(policy=SMTP)
    message["From"] = "Кинозал <news@cinema.example>"
    message["To"] = "Anna <anna@example.com>"
    message["Subject"] = letter.subject
    message["Date"] = formatdate()
    message["Message-ID"] = "<0107019abc-1d2e@eu-central-1.amazonses.com>"
    message["List-Unsubscribe"] = "<https://notify.cinema.example/unsubscribe/8Zq1.Xw>"
    message["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    message.set_content(letter.text, cte="quoted-printable")
    message.add_alternative(letter.html, subtype="html", cte="quoted-printable")
    return bytes(message)


def test_spamassassin_finds_nothing_in_any_letter(letters: dict[str, bytes], tmp_path: Path) -> None:
    command = at_hand("spamassassin")
    mailbox = tmp_path / "letters.mbox"
    mailbox.write_bytes(
        b"".join(b"From a@b Mon Nov 30 08:30:00 2026\n" + quoted(one) + b"\n" for one in letters.values())
    )

    done = subprocess.run(
        [command, "-L", "-x", "--mbox", str(mailbox)], capture_output=True, check=True, env={"HOME": str(tmp_path)}
    )

    reports = re.findall(rb"^X-Spam-Status: (.*?)\n(?=\S)", done.stdout, re.DOTALL | re.MULTILINE)
    scored = dict(zip(letters, [b" ".join(one.split()).decode() for one in reports], strict=True))
    assert {name: report for name, report in scored.items() if points(report) > MOST} == {}


def quoted(message: bytes) -> bytes:
    """As a mailbox file keeps it."""
    return re.sub(rb"(?m)^From ", b">From ", message.replace(b"\r\n", b"\n"))


def points(report: str) -> float:
    """Without what misfires, a point each."""
    score = float(re.findall(r"score=(-?[\d.]+)", report)[0])
    return score - len(MISFIRES & set(re.findall(r"[A-Z0-9_]{3,}", report)))


def test_rspamd_finds_nothing_in_the_content_of_any_letter(letters: dict[str, bytes], rspamd: str) -> None:
    found = {}
    for name, message in letters.items():
        answer = requests.post(f"{rspamd}/checkv2", data=message, timeout=30).json()
        weighed = {one["name"]: one["score"] for one in answer["symbols"].values() if one["score"]}
        if sum(weighed.values()) > MOST:
            found[name] = weighed

    assert found == {}


@pytest.fixture(scope="module")
def rspamd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of one that judges content alone."""
    command, home, port = at_hand("rspamd"), tmp_path_factory.mktemp("rspamd"), free_port()
    configure(home, port)
    places = [f"{name}={home}" for name in ("LOCAL_CONFDIR", "RUNDIR", "DBDIR", "LOGDIR")]
    arguments = [
        command,
        "-f",
        "-i",
        "-c",
        "/etc/rspamd/rspamd.conf",
        *(word for one in places for word in ("--var", one)),
    ]
    with (home / "out.log").open("wb") as log:
        running = subprocess.Popen(arguments, stdout=log, stderr=log)
    try:
        wait_for(f"http://127.0.0.1:{port}", running, home / "out.log")
        yield f"http://127.0.0.1:{port}"
    finally:
        running.terminate()
        running.wait(timeout=30)


def configure(home: Path, port: int) -> None:
    """Debian's configuration, with one worker and without what is not of content."""
    override, domains = home / "override.d", home / "domains"
    override.mkdir()
    domains.write_text("com\nexample\nnet\norg\n")  # the whole list of domains takes half a minute to compile
    files = {
        "options.inc": f'disable_hyperscan = true; url_tld = "{domains}";\n'
        'dns { nameserver = ["127.0.0.1:1"]; timeout = 0.05s; retransmits = 0; }\n',
        "worker-normal.inc": f'bind_socket = "127.0.0.1:{port}"; count = 1;\n',
        "logging.inc": 'type = "console"; level = "error";\n',
        **{f"worker-{name}.inc": "enabled = false; count = 0;\n" for name in ("controller", "fuzzy", "proxy")},
        **{f"{name}.conf": "enabled = false;\n" for name in NOT_CONTENT},
    }
    for name, content in files.items():
        (override / name).write_text(content)


def wait_for(url: str, running: "subprocess.Popen[bytes]", log: Path) -> None:
    """Until it answers."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and running.poll() is None:
        with suppress(requests.ConnectionError):
            requests.get(f"{url}/ping", timeout=5)
            return
        time.sleep(0.2)
    pytest.fail(f"rspamd does not start: {log.read_text()}")


def at_hand(name: str) -> str:
    """The command, or the end of the test: no failure, as not every machine can have it."""
    found = shutil.which(name) or shutil.which(name, path="/usr/bin:/usr/sbin:/usr/local/bin")
    if found is None:
        pytest.xfail(f"no {name}: {remedy(name)}")
    return found


def test_what_misfires_is_not_counted_and_anything_else_is() -> None:
    assert points("No, score=1.0 required=5.0 tests=HTML_MESSAGE,MIXED_ES autolearn=no") == 0
    assert points("No, score=1.7 required=5.0 tests=HTML_FONT_LOW_CONTRAST,MIXED_ES") == pytest.approx(0.7)
