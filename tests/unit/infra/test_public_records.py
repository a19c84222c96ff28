"""The doctor's questions to the DNS, answered by a small server of our own."""

import socket
import threading
from collections.abc import Iterator

import dns.message
import dns.resolver
import dns.rrset
import pytest

from infra.doctor import PublicRecords

ZONE = {
    ("_dmarc.cinema.example.", "TXT"): '"v=DMARC1; " "p=none"',
    ("abc._domainkey.cinema.example.", "CNAME"): "abc.dkim.amazonses.com.",
}


@pytest.fixture
def records() -> Iterator[PublicRecords]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        thread = threading.Thread(target=serve, args=(server,))
        thread.start()
        yield PublicRecords(resolver(server.getsockname()[1]))
        server.sendto(b"", server.getsockname())  # the end
        thread.join()


def resolver(port: int) -> dns.resolver.Resolver:
    asked = dns.resolver.Resolver(configure=False)
    asked.nameservers, asked.port = ["127.0.0.1"], port
    return asked


def serve(server: socket.socket) -> None:
    while True:
        packet, sender = server.recvfrom(4096)
        if not packet:
            return
        query = dns.message.from_wire(packet)
        question = query.question[0]
        answer = dns.message.make_response(query)
        kind = dns.rdatatype.to_text(question.rdtype)
        if (content := ZONE.get((question.name.to_text(), kind))) is not None:
            answer.answer.append(dns.rrset.from_text(question.name, 60, "IN", kind, content))
        else:
            answer.set_rcode(dns.rcode.NXDOMAIN)
        server.sendto(answer.to_wire(), sender)


def test_the_parts_of_a_text_are_one(records: PublicRecords) -> None:
    assert records.texts("_dmarc.cinema.example") == ["v=DMARC1; p=none"]


def test_an_alias_has_no_dot_at_its_end(records: PublicRecords) -> None:
    assert records.aliases("abc._domainkey.cinema.example") == ["abc.dkim.amazonses.com"]


def test_a_name_that_is_not_there_has_no_records(records: PublicRecords) -> None:
    assert records.texts("cinema.example") == []


def test_a_dns_that_does_not_answer_is_no_missing_record() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        port = silent.getsockname()[1]
    with pytest.raises(ConnectionError, match="did not answer for cinema"):
        PublicRecords(resolver(port), patience_seconds=0.2).texts("cinema.example")
