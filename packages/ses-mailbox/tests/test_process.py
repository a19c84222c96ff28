"""The mailbox as a process: it keeps its letters over restarts and stops when told."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest
import requests
from starlette.responses import JSONResponse
from starlette.routing import Route

from pretended import client
from ses_mailbox.process import running

COMMAND = [sys.executable, "-m", "ses_mailbox", "--port", "0", "--data"]


def test_letters_templates_and_statistics_survive_a_restart(tmp_path: Path) -> None:
    with running(tmp_path) as url:
        first = client(url)
        first.send("anna@example.com")
        first.ses.create_email_template(TemplateName="kept", TemplateContent={"Subject": "Hi"})
        letters = first.letters()
    with running(tmp_path) as url:
        again = client(url)
        assert again.letters() == letters
        assert again.stats()["accepted"] == 1
        assert again.ses.get_email_template(TemplateName="kept")["TemplateContent"]["Subject"] == "Hi"
        again.send("petr@example.com")
        assert [letter["to"][0] for letter in again.letters()] == ["anna@example.com", "petr@example.com"]


def test_a_killed_mailbox_has_every_letter_that_it_accepted(tmp_path: Path) -> None:
    with subprocess.Popen([*COMMAND, str(tmp_path)], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        mailbox = client(process.stdout.readline().rsplit(" ", 1)[1].strip())
        sent = [mailbox.send(f"u{number}@example.com") for number in range(20)]
        process.kill()
    with running(tmp_path) as url:
        assert [letter["id"] for letter in client(url).letters()] == sent


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_it_cleanly(tmp_path: Path, number: signal.Signals) -> None:
    with subprocess.Popen([*COMMAND, str(tmp_path)], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        url = process.stdout.readline().rsplit(" ", 1)[1].strip()
        assert requests.get(f"{url}/healthz", timeout=10).json() == {"status": "ok"}
        process.send_signal(number)
        assert process.wait(20) == 0


def test_without_verified_identities_every_sender_may_send(tmp_path: Path) -> None:
    with running(tmp_path) as url:
        mailbox = client(url)
        mailbox.send(FromEmailAddress="anyone@anywhere.example")
        assert len(mailbox.letters()) == 1


def test_one_address_can_be_verified_alone(tmp_path: Path) -> None:
    with running(tmp_path, ["--verified", "News@cinema.example"]) as url:
        mailbox = client(url)
        mailbox.send(FromEmailAddress="Vestnik <news@cinema.example>")
        with pytest.raises(mailbox.ses.exceptions.MessageRejected, match="Email address is not verified"):
            mailbox.send(FromEmailAddress="other@cinema.example")


def test_a_topic_without_a_configuration_set_is_a_mistake_of_the_command_line(tmp_path: Path) -> None:
    command = [*COMMAND, str(tmp_path), "--topic-arn", "arn:aws:sns:us-east-1:000000000000:t"]
    result = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert result.returncode == 2
    assert "--configuration-set" in result.stderr


def test_a_set_with_an_event_that_ses_does_not_know_is_a_mistake_of_the_command_line(tmp_path: Path) -> None:
    command = [*COMMAND, str(tmp_path), "--configuration-set", "mailings=BOUNCE,bounced"]
    result = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert result.returncode == 2
    assert "not an event of SES: bounced" in result.stderr


def stand_ins() -> list[Route]:
    return [Route("/users/{id}", lambda request: JSONResponse({"id": request.path_params["id"]}))]


def test_routes_of_ones_own_are_served_beside_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent))
    with running(tmp_path, ["--routes", "test_process:stand_ins"]) as url:
        assert requests.get(f"{url}/users/7", timeout=10).json() == {"id": "7"}


@pytest.mark.parametrize("given", ["no_such_module:routes", "json:routes", "json", ":"])
def test_routes_that_cannot_be_loaded_are_a_mistake_of_the_command_line(tmp_path: Path, given: str) -> None:
    command = [*COMMAND, str(tmp_path), "--routes", given]
    result = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert result.returncode == 2
    assert f"cannot load {given}" in result.stderr
