"""Warming is patient with a machine that cuts functions off, and fatal to nothing."""

from typing import Any

from infra.local.warm import Warm


class Functions:
    """Lambda, as far as warming knows it: each call answers what is next for its function."""

    def __init__(self, **answers: list[dict[str, Any]]) -> None:
        self.answers = answers
        self.called = list[str]()

    def invoke(self, *, FunctionName: str, Payload: bytes) -> dict[str, Any]:  # noqa: N803 (boto3's)
        name = FunctionName.removeprefix("vestnik-local-")
        self.called.append(name)
        return self.answers[name].pop(0)

    def list_event_source_mappings(self) -> dict[str, Any]:
        return {"EventSourceMappings": [{"FunctionArn": f"arn:x:y:vestnik-local-{name}"} for name in self.answers]}


CUT_OFF = {"FunctionError": "Unhandled"}


def warm(functions: Functions, said: list[str]) -> Warm:
    here: Any = functions
    return Warm(here, stage="local", api_url="http://127.0.0.1:9", ws_url="ws://127.0.0.1:9", say=said.append)


def test_a_function_that_was_cut_off_is_called_again() -> None:
    said = list[str]()
    functions = Functions(enrich=[CUT_OFF, {}])
    warm(functions, said).everything(talk=False)
    assert functions.called == ["enrich", "enrich"]
    assert said == ["still cold: public pages; their first work takes longer"]  # nothing listens there to open


def test_what_stays_cold_is_told_and_ends_nothing() -> None:
    """Promise G4: a warm-up that fails costs nothing but time."""
    said = list[str]()
    warm(Functions(enrich=[CUT_OFF] * 3, deliver=[{}]), said).everything(talk=True)  # nothing listens there to talk to
    assert said == ["still cold: public pages, live, enrich; their first work takes longer"]
