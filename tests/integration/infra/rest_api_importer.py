"""The two calls of API Gateway that `chalice deploy` cannot do without and the emulator lacks, in front of it:
ImportRestApi and PutRestApi become the calls that make each resource, method and integration. All else is handed on.

    with rest_api_importer(account) as url:
        ...  # AWS_ENDPOINT_URL_API_GATEWAY=url
"""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import requests

from infra.account import Account
from tests.serving import serving

_OWN_OF_A_CONNECTION = {"connection", "content-length", "transfer-encoding", "content-encoding"}


@contextmanager
def rest_api_importer(account: Account) -> Iterator[str]:
    """Its address, as long as the block lasts."""

    class Handler(_Handler):
        into = account

    with serving(ThreadingHTTPServer(("127.0.0.1", 0), Handler)) as url:
        yield url


class _Handler(BaseHTTPRequestHandler):
    into: Account

    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        parts, mode = urlsplit(self.path).path.strip("/").split("/"), parse_qs(urlsplit(self.path).query).get("mode")
        if self.command == "POST" and mode == ["import"]:
            self._say(201, _import(self.into, json.loads(body)))
        elif self.command == "PUT" and len(parts) == 2:
            _define(self.into, parts[1], json.loads(body))
            self._say(200, {"id": parts[1]})
        else:
            self._hand_on(body)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _answer  # noqa: N815 (names that http.server looks for)

    def _hand_on(self, body: bytes) -> None:
        headers = {name: value for name, value in self.headers.items() if name.lower() not in _OWN_OF_A_CONNECTION}
        url = f"{self.into.endpoint_url}{self.path}"
        answer = requests.request(self.command, url, data=body, headers=headers, timeout=30)
        kept = {k: v for k, v in answer.headers.items() if k.lower() not in _OWN_OF_A_CONNECTION}
        self._write(answer.status_code, kept, answer.content)

    def _say(self, status: int, answer: Mapping[str, Any]) -> None:
        self._write(status, {"Content-Type": "application/json"}, json.dumps(answer).encode())

    def _write(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Overrides the server's: a test prints nothing."""


def _import(account: Account, document: Mapping[str, Any]) -> Mapping[str, Any]:
    types = document.get("x-amazon-apigateway-binary-media-types", [])
    made = account.rest_apis.create_rest_api(name=document["info"]["title"], binaryMediaTypes=types)
    _define(account, made["id"], document)
    return {"id": made["id"], "name": made["name"]}


def _define(account: Account, api: str, document: Mapping[str, Any]) -> None:
    """Makes the API what the document says, and nothing else (mode `overwrite`)."""
    known = account.rest_apis.get_resources(restApiId=api, limit=500)["items"]
    [root] = [one["id"] for one in known if one["path"] == "/"]
    for one in known:
        if one.get("parentId") == root:  # what is under it goes with it
            account.rest_apis.delete_resource(restApiId=api, resourceId=one["id"])
    ids = {"": root}
    for path, methods in document["paths"].items():
        resource = _resource(account, api, path.rstrip("/"), ids)
        for method, described in methods.items():
            _method(account, api, resource, method.upper(), described["x-amazon-apigateway-integration"])


def _resource(account: Account, api: str, path: str, ids: dict[str, str]) -> str:
    if path not in ids:
        parent, _, part = path.rpartition("/")
        above = _resource(account, api, parent, ids)
        ids[path] = account.rest_apis.create_resource(restApiId=api, parentId=above, pathPart=part)["id"]
    return ids[path]


def _method(account: Account, api: str, resource: str, method: str, integration: Mapping[str, Any]) -> None:
    account.rest_apis.put_method(restApiId=api, resourceId=resource, httpMethod=method, authorizationType="NONE")
    account.rest_apis.put_integration(
        restApiId=api,
        resourceId=resource,
        httpMethod=method,
        type="AWS_PROXY",
        integrationHttpMethod="POST",
        uri=integration["uri"],
    )
