"""Which calls of AWS a command makes, read from its source: from its `main` through every function of `infra` that can
be reached by name. What the app's own modules do with the tables is not followed."""

import ast
from collections.abc import Iterator
from functools import cache
from typing import NamedTuple

import botocore.session
from botocore import xform_name

from infra.paths import ROOT

# Clients that commands make, and the prefix of their actions in IAM where it is another.
SERVICES = {
    **{name: name for name in ("acm", "cloudformation", "cloudwatch", "dynamodb", "lambda", "logs", "s3", "scheduler")},
    **{name: name for name in ("sns", "sqs", "ssm", "sts", "wafv2")},
    "apigateway": "apigateway",
    "apigatewayv2": "apigateway",
    "sesv2": "ses",
}
# IAM's own names (Service Authorization Reference of Amazon S3).
OTHERWISE = {
    "s3:HeadBucket": "s3:ListBucket",
    "s3:HeadObject": "s3:GetObject",
    "s3:ListObjectsV2": "s3:ListBucket",
    "s3:ListObjectVersions": "s3:ListBucketVersions",
    "s3:DeleteObjects": "s3:DeleteObject",
    "s3:PutPublicAccessBlock": "s3:PutBucketPublicAccessBlock",
    "s3:PutBucketLifecycleConfiguration": "s3:PutLifecycleConfiguration",
    "lambda:Invoke": "lambda:InvokeFunction",
}


class Function(NamedTuple):
    """One of a module, `infra.lock`."""

    module: str
    name: str


def calls_of(module: str) -> dict[str, set[str]]:
    """By each method of a client that is reached, the actions that it may need; of several services one suffices."""
    todo, seen, found = [Function(module, "main")], set[Function](), dict[str, set[str]]()
    while todo:
        one = todo.pop()
        if one in seen:
            continue
        seen.add(one)
        for body in _defined(one.module).get(one.name, []):
            found |= {name: actions for name in _called(body) if (actions := _actions().get(name))}
            todo += _reached(one.module, body)
    return found


@cache
def _tree(module: str) -> ast.Module:
    path = ROOT.joinpath(*module.split("."))
    source = path.with_suffix(".py")
    return ast.parse((source if source.is_file() else path / "__init__.py").read_text(encoding="utf-8"))


@cache
def _defined(module: str) -> dict[str, list[ast.AST]]:
    """By name its functions and values; `.name` are the methods of its classes. A class stands for what runs when one
    is made."""
    found: dict[str, list[ast.AST]] = {}
    for one in _tree(module).body:
        if isinstance(one, ast.FunctionDef):
            found[one.name] = [one]
        elif isinstance(one, ast.Assign):
            found |= {target.id: [one.value] for target in one.targets if isinstance(target, ast.Name)}
        elif isinstance(one, ast.AnnAssign) and isinstance(one.target, ast.Name) and one.value:
            found[one.target.id] = [one.value]
        elif isinstance(one, ast.ClassDef):
            methods = [part for part in one.body if isinstance(part, ast.FunctionDef)]
            found[one.name] = [part for part in methods if part.name.startswith("__")]
            for part in methods:
                found.setdefault(f".{part.name}", []).append(part)
    return found


@cache
def _imported(module: str) -> dict[str, Function]:
    """Of `infra` and `tools`; what works on the emulator alone needs no right."""
    return {
        (alias.asname or alias.name): Function(one.module, alias.name)
        for one in ast.walk(_tree(module))
        if isinstance(one, ast.ImportFrom) and one.module
        if one.module.startswith(("infra.", "tools.")) and not one.module.startswith("infra.local")
        for alias in one.names
    }


def _called(body: ast.AST) -> Iterator[str]:
    for node in ast.walk(body):
        if isinstance(node, ast.Attribute):
            yield node.attr
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "get_paginator":
            yield ast.literal_eval(node.args[0])


def _reached(module: str, body: ast.AST) -> Iterator[Function]:
    """By name: here, or where it comes from; a method, of any class that is known here."""
    imported = _imported(module)
    for node in ast.walk(body):
        if isinstance(node, ast.Name):
            yield imported.get(node.id, Function(module, node.id))
        elif isinstance(node, ast.Attribute):
            yield from (Function(one, f".{node.attr}") for one in {module, *(f.module for f in imported.values())})


@cache
def _actions() -> dict[str, set[str]]:
    session = botocore.session.get_session()
    found: dict[str, set[str]] = {}
    for service, prefix in SERVICES.items():
        for operation in session.get_service_model(service).operation_names:
            action = f"{prefix}:{operation}"
            # of API Gateway a right is on the method of HTTP, not on the call
            action = f"apigateway:{_method(service, operation)}" if prefix == "apigateway" else action
            found.setdefault(xform_name(operation), set()).add(OTHERWISE.get(action, action))
    found |= {"upload_file": {"s3:PutObject"}, "download_file": {"s3:GetObject"}}
    return found


def _method(service: str, operation: str) -> str:
    model = botocore.session.get_session().get_service_model(service).operation_model(operation)
    return str(model.http["method"])
