"""What a page costs: requests to DynamoDB, with as much in the tables as a page can show."""

from tests.integration.admin.conftest import Visitor
from tests.integration.admin.stocked import Stock
from tests.integration.control.requests_made import Requests

MOST = 8
# A campaign's reach is known only after reading users: a hundred of them, in one request.
THE_AUDIENCE = "/admin/campaigns/{id}/check"


def test_no_page_takes_more_than_eight_requests_to_the_tables(boss: Visitor, stock: Stock) -> None:
    pages = stock.pages()
    for path in pages:
        assert boss.get(path).status == 200, path  # what a process reads once, it has read
    taken = {}
    for path in pages:
        requests = Requests()
        boss.get(path)
        taken[path] = requests.count() - requests.count("PutItem")  # a line of the audit, where persons are shown
    assert {path: n for path, n in taken.items() if n > MOST} == {}


def test_no_page_scans_a_table_but_the_look_at_an_audience(boss: Visitor, stock: Stock) -> None:
    scans = {}
    for route, path in stock.addresses().items():
        requests = Requests()
        assert boss.get(path).status == 200, path
        scans[route] = requests.count("Scan")
    assert {route: n for route, n in scans.items() if n} == {THE_AUDIENCE: 1}
