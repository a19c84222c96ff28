"""Requests to DynamoDB, any that may come, for a table `things` with two indexes."""

from typing import Any

from hypothesis import strategies as st

TABLE = "things"
SCHEMA: dict[str, Any] = {
    "TableName": TABLE,
    "BillingMode": "PAY_PER_REQUEST",
    "AttributeDefinitions": [
        {"AttributeName": name, "AttributeType": kind}
        for name, kind in (("p", "S"), ("s", "S"), ("g", "S"), ("h", "N"))
    ],
    "KeySchema": [{"AttributeName": "p", "KeyType": "HASH"}, {"AttributeName": "s", "KeyType": "RANGE"}],
    "GlobalSecondaryIndexes": [
        {
            "IndexName": "by_g",
            "KeySchema": [{"AttributeName": "g", "KeyType": "HASH"}, {"AttributeName": "h", "KeyType": "RANGE"}],
            "Projection": {"ProjectionType": "ALL"},
        },
        {
            "IndexName": "by_h",
            "KeySchema": [{"AttributeName": "h", "KeyType": "HASH"}],
            "Projection": {"ProjectionType": "INCLUDE", "NonKeyAttributes": ["n"]},
        },
    ],
}
TEXTS = st.sampled_from(["a", "ab", "b", "й", "тест"])
NUMBERS = st.integers(-3, 12).map(str)
KEYS = st.fixed_dictionaries(
    {
        "p": st.sampled_from("xy").map(lambda p: {"S": p}),
        "s": st.sampled_from(["1", "12", "2", "я"]).map(lambda s: {"S": s}),
    }
)
VALUES = {
    "n": NUMBERS.map(lambda n: {"N": n}),
    "t": TEXTS.map(lambda t: {"S": t}),
    "f": st.booleans().map(lambda f: {"BOOL": f}),
    "o": st.just({"NULL": True}),
    "c": st.sets(TEXTS, min_size=1, max_size=3).map(lambda c: {"SS": sorted(c)}),
    "l": st.lists(NUMBERS, max_size=3).map(lambda some: {"L": [{"N": n} for n in some]}),
    "m": st.dictionaries(st.sampled_from("ij"), TEXTS, max_size=2).map(
        lambda m: {"M": {k: {"S": t} for k, t in m.items()}}
    ),
    "g": st.sampled_from("gk").map(lambda g: {"S": g}),
    "h": st.integers(1, 30).map(lambda h: {"N": str(h)}),
}
ITEMS = st.tuples(KEYS, st.fixed_dictionaries({}, optional=VALUES)).map(lambda parts: {**parts[0], **parts[1]})


class Written:
    """An expression with its names and values, of which each is said once."""

    def __init__(self, draw: Any) -> None:
        self.draw = draw
        self.names: dict[str, str] = {}
        self.values: dict[str, Any] = {}

    def name(self, attribute: str) -> str:
        token = f"#{attribute}"
        self.names[token] = attribute
        return token

    def value(self, value: Any) -> str:
        token = f":{len(self.values)}"
        self.values[token] = value
        return token

    def of(self, attribute: str) -> str:
        """Some value that the attribute may have."""
        return self.value(self.draw(VALUES[attribute]))

    def said(self) -> dict[str, Any]:
        how: dict[str, Any] = {}
        if self.names:
            how["ExpressionAttributeNames"] = self.names
        if self.values:
            how["ExpressionAttributeValues"] = self.values
        return how


def condition(written: Written, depth: int = 2) -> str:
    draw = written.draw
    kind = draw(st.sampled_from(["test"] * 5 + (["and", "or", "not", "many"] if depth else [])))
    if kind in ("and", "or"):
        return f"({condition(written, depth - 1)}) {kind.upper()} ({condition(written, depth - 1)})"
    if kind == "many":
        return " AND ".join(condition(written, 0) for _ in range(3))
    if kind == "not":
        return f"NOT ({condition(written, depth - 1)})"
    return _test(written, draw(st.sampled_from("ntfcgh")), draw(st.integers(0, 8)))


def _test(written: Written, attribute: str, which: int) -> str:
    name = written.name(attribute)
    if which == 0:
        return f"attribute_exists({name})"
    if which == 1:
        return f"attribute_not_exists ({name})"
    if which == 2:
        return f"{name} = {written.of(attribute)}"
    if which == 3:
        return f"{name} <> {written.of(attribute)}"
    if which == 4:
        return f"{name} IN ({written.of(attribute)}, {written.of(attribute)})"
    if which == 5 and attribute in "tg":
        return f"begins_with({name}, {written.value({'S': written.draw(TEXTS)})})"
    if which == 6 and attribute in "tcg":
        return f"contains({name}, {written.value({'S': written.draw(TEXTS)})})"
    if attribute in "nh":
        if which == 7:
            low = written.draw(st.integers(0, 9))
            return f"{name} BETWEEN {written.value({'N': str(low)})} AND {written.value({'N': str(low + 5)})}"
        operator = written.draw(st.sampled_from(["<", "<=", ">", ">="]))
        return f"{name} {operator} {written.of(attribute)}"
    if which == 8:
        return f"attribute_type({name}, {written.value({'S': 'S'})})"
    return f"attribute_exists({name})"


def update(written: Written) -> str:
    draw = written.draw
    sections: dict[str, list[str]] = {}
    for attribute in sorted(draw(st.sets(st.sampled_from("ntfclmgh"), min_size=1, max_size=4))):
        name = written.name(attribute)
        which = draw(st.integers(0, 6))
        if which == 0:
            sections.setdefault("REMOVE", []).append(name)
        elif which == 1 and attribute in "nc":
            sections.setdefault("ADD", []).append(f"{name} {written.of(attribute)}")
        elif which == 2 and attribute == "c":
            sections.setdefault("DELETE", []).append(f"{name} {written.of(attribute)}")
        elif which == 3:
            sections.setdefault("SET", []).append(f"{name} = if_not_exists({name}, {written.of(attribute)})")
        elif which == 4 and attribute == "n":
            sections.setdefault("SET", []).append(f"{name} = {name} {draw(st.sampled_from('+-'))} {written.of('n')}")
        elif which == 4 and attribute == "l":
            sections.setdefault("SET", []).append(f"{name} = list_append({name}, {written.of('l')})")
        elif which == 5 and attribute == "n":
            start = f"if_not_exists({name}, {written.of('n')})"
            sections.setdefault("SET", []).append(f"{name} = {start} + {written.of('n')}")
        else:
            sections.setdefault("SET", []).append(f"{name} = {written.of(attribute)}")
    return " ".join(f"{section} {', '.join(clauses)}" for section, clauses in sections.items())


@st.composite
def single_writes(draw: Any, *, returned: bool = True) -> tuple[str, dict[str, Any]]:
    """Operation and request."""
    kind = draw(st.sampled_from(["PutItem", "UpdateItem", "UpdateItem", "DeleteItem"]))
    written = Written(draw)
    request: dict[str, Any] = {"TableName": TABLE}
    request |= {"Item": draw(ITEMS)} if kind == "PutItem" else {"Key": draw(KEYS)}
    if kind == "UpdateItem":
        request["UpdateExpression"] = update(written)
    if draw(st.booleans()):
        request["ConditionExpression"] = condition(written)
        if draw(st.booleans()):
            request["ReturnValuesOnConditionCheckFailure"] = "ALL_OLD"
    if returned:
        request["ReturnValues"] = draw(
            st.sampled_from(["NONE", "ALL_OLD", *(["ALL_NEW"] if kind == "UpdateItem" else [])])
        )
    return kind, request | written.said()


@st.composite
def transactions(draw: Any) -> tuple[str, dict[str, Any]]:
    writes = draw(st.lists(single_writes(returned=False), min_size=1, max_size=4))
    unlike = {str(_key_of(request)): (kind, request) for kind, request in writes}
    return "TransactWriteItems", {
        "TransactItems": [{kind.removesuffix("Item"): request} for kind, request in unlike.values()]
    }


@st.composite
def batches(draw: Any) -> tuple[str, dict[str, Any]]:
    items = draw(st.lists(ITEMS, min_size=1, max_size=5, unique_by=lambda item: str(_key_of({"Item": item}))))
    puts = [{"PutRequest": {"Item": item}} for item in items]
    return "BatchWriteItem", {"RequestItems": {TABLE: puts}}


def _key_of(request: dict[str, Any]) -> list[Any]:
    key = request.get("Key") or request["Item"]
    return [key["p"], key["s"]]


@st.composite
def reads(draw: Any) -> tuple[str, dict[str, Any]]:
    written = Written(draw)
    kind = draw(st.sampled_from(["GetItem", "BatchGetItem", "Query", "Query", "Query", "Scan"]))
    how: dict[str, Any] = {}
    if draw(st.booleans()):
        how["ProjectionExpression"] = ", ".join(map(written.name, draw(st.sampled_from(["ps", "psn", "hps"]))))
    if kind == "GetItem":
        return kind, {"TableName": TABLE, "Key": draw(KEYS), "ConsistentRead": True, **how, **written.said()}
    if kind == "BatchGetItem":
        keys = draw(st.lists(KEYS, min_size=1, max_size=5, unique_by=str))
        return kind, {"RequestItems": {TABLE: {"Keys": keys, **how, **written.said()}}}
    how |= {"TableName": TABLE}
    if kind == "Query":
        how |= _query(written)
    if "IndexName" not in how and draw(st.booleans()):
        how["FilterExpression"] = condition(written)
    if draw(st.booleans()):
        how["Limit"] = draw(st.integers(1, 3))
    return kind, how | written.said()


def _query(written: Written) -> dict[str, Any]:
    draw = written.draw
    index = draw(st.sampled_from(["", "", "by_g", "by_h"]))
    hash_key, range_key = {"": ("p", "s"), "by_g": ("g", "h"), "by_h": ("h", " ")}[index]
    hashed = {"p": draw(st.sampled_from("xy")), "g": draw(st.sampled_from("gk")), "h": str(draw(st.integers(1, 30)))}
    sought = f"{written.name(hash_key)} = {written.value({'N' if hash_key == 'h' else 'S': hashed[hash_key]})}"
    if range_key != " " and draw(st.booleans()):
        sought += f" AND {_of_range(written, range_key)}"
    backwards = {"ScanIndexForward": draw(st.booleans())} if draw(st.booleans()) else {}
    return {"KeyConditionExpression": sought, **backwards, **({"IndexName": index} if index else {})}


def _of_range(written: Written, attribute: str) -> str:
    draw, name = written.draw, written.name(attribute)
    kind = "N" if attribute == "h" else "S"
    low, high = ("3", "20") if kind == "N" else ("12", "2")
    which = draw(st.sampled_from(["=", "<", "<=", ">", ">=", "between", "begins"]))
    if which == "between":
        return f"{name} BETWEEN {written.value({kind: low})} AND {written.value({kind: high})}"
    if which == "begins" and kind == "S":
        return f"begins_with({name}, {written.value({'S': '1'})})"
    return f"{name} {which.replace('begins', '=')} {written.value({kind: draw(st.sampled_from([low, high]))})}"


REQUESTS = st.one_of(single_writes(), single_writes(), transactions(), batches(), reads(), reads())
