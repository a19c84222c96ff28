"""A change set is told by what changes, like with like; what stays is not told."""

from typing import Any

from infra.diff import told


def modified(name: str, kind: str, *details: dict[str, Any], replacement: str = "False") -> Any:
    return {
        "Action": "Modify",
        "LogicalResourceId": name,
        "ResourceType": kind,
        "Replacement": replacement,
        "Details": list(details),
    }


def detail(name: str, **more: Any) -> dict[str, Any]:
    """Of a property; `values` are before and after as CloudFormation gives them, at a path."""
    values = more.pop("values", ())
    target: dict[str, Any] = {"Attribute": "Properties", "Name": name, "RequiresRecreation": "Never"}
    if values:
        target |= {"Path": values[0], "BeforeValue": values[1], "AfterValue": values[2]}
    return {"Target": target, "ChangeSource": "DirectModification", "Evaluation": "Static", **more}


def lines(*changes: Any, before: Any = None, after: Any = None) -> list[str]:
    return told(changes, before=before or {}, after=after or {})


def test_what_changes_alike_is_one_line_with_its_count() -> None:
    functions = [modified(name, "AWS::Lambda::Function", detail("Code")) for name in ("Enrich", "Deliver", "Tick")]
    assert lines(*functions) == ["~ 3 × AWS::Lambda::Function (Deliver, Enrich, Tick): new code", "= 3 changed"]


def test_many_names_are_cut_and_counted() -> None:
    alarms = [
        modified(f"A{n}", "AWS::CloudWatch::Alarm", detail("Threshold", values=("/Properties/Threshold", "1", "2")))
        for n in range(10)
    ]
    assert lines(*alarms)[0].endswith("A6, A7 and 2 more): Threshold 1 → 2")


def test_a_value_is_told_before_and_after_where_it_can_be_compared_by_eye() -> None:
    path = "/Properties/Environment/Variables/VESTNIK_RETENTION_DAYS"
    assert lines(modified("Tick", "AWS::Lambda::Function", detail("Environment", values=(path, "90", "30")))) == [
        "~ Tick (AWS::Lambda::Function): Environment.Variables.VESTNIK_RETENTION_DAYS 90 → 30",
        "= 1 changed",
    ]


def test_where_cloudformation_tells_no_values_they_are_those_of_the_templates() -> None:
    before = {"Tick": {"Properties": {"Environment": {"Variables": {"A": "1", "B": "2"}}}}}
    after = {"Tick": {"Properties": {"Environment": {"Variables": {"A": "1", "B": "3", "C": "4"}}}}}
    [line, _] = lines(modified("Tick", "AWS::Lambda::Function", detail("Environment")), before=before, after=after)
    assert line.endswith("Environment.Variables.B 2 → 3; Environment.Variables.C nothing → 4")


def test_no_secret_is_shown() -> None:
    for name in ("API_TOKEN", "VESTNIK_SIGNING_KEY", "DbPassword", "ClientSecret"):
        shown = "\n".join(
            lines(
                modified(
                    "Tick", "AWS::Lambda::Function", detail("E", values=(f"/Properties/E/{name}", "hidden1", "hidden2"))
                )
            )
        )
        assert "hidden" not in shown
        assert name in shown


def test_what_only_refers_to_something_that_stays_is_not_told() -> None:
    refers = detail("FunctionName", ChangeSource="ResourceReference", CausingEntity="Enrich", Evaluation="Dynamic")
    mapping = modified("Mapping", "AWS::Lambda::EventSourceMapping", refers)
    enrich = modified("Enrich", "AWS::Lambda::Function", detail("Code"))
    assert lines(enrich, mapping)[0] == "~ Enrich (AWS::Lambda::Function): new code"
    assert len(lines(enrich, mapping)) == 2
    assert lines(mapping) == []
    replaced = modified("Enrich", "AWS::Lambda::Function", detail("FunctionName"), replacement="True")
    assert any("Mapping" in line for line in lines(replaced, mapping))


def test_what_is_the_same_before_and_after_is_not_told() -> None:
    assert (
        lines(modified("Q", "AWS::SQS::Queue", detail("DelaySeconds", values=("/Properties/DelaySeconds", "1", "1"))))
        == []
    )


def test_what_is_made_anew_or_deleted_stands_first_each_by_itself() -> None:
    queues = [modified(f"Q{n}", "AWS::SQS::Queue", detail("QueueName"), replacement="True") for n in range(2)]
    gone = {
        "Action": "Remove",
        "LogicalResourceId": "T",
        "ResourceType": "AWS::DynamoDB::Table",
        "PolicyAction": "Retain",
    }
    deleted = {
        "Action": "Remove",
        "LogicalResourceId": "B",
        "ResourceType": "AWS::S3::Bucket",
        "PolicyAction": "Delete",
    }
    new = {"Action": "Add", "LogicalResourceId": "N", "ResourceType": "AWS::SNS::Topic"}
    taken = {"Action": "Import", "LogicalResourceId": "I", "ResourceType": "AWS::DynamoDB::Table"}
    assert lines(new, gone, *queues, deleted, taken) == [
        "! Q0 (AWS::SQS::Queue): QueueName IS REPLACED",
        "! Q1 (AWS::SQS::Queue): QueueName IS REPLACED",
        "- T (AWS::DynamoDB::Table): stays, but in no stack",
        "- B (AWS::S3::Bucket): IS DELETED",
        "+ N (AWS::SNS::Topic)",
        "< I (AWS::DynamoDB::Table): is taken in as it is",
        "= 2 replaced, 2 removed, 1 new, 1 taken in",
    ]


def test_a_value_that_cloudformation_does_not_know_yet_is_not_quoted() -> None:
    later = ("/Properties/FunctionVersion", "7", "{{changeSet:KNOWN_AFTER_APPLY}}")
    assert lines(modified("Live", "AWS::Lambda::Alias", detail("FunctionVersion", values=later)))[0].endswith(
        ": FunctionVersion"
    )
