"""A template with its parameters put in is what CloudFormation would make of it."""

from typing import Any

from infra.resolved import read_template, resolve


def value(raw: Any, **given: str) -> Any:
    template = {
        "Parameters": {
            "Stage": {"Type": "String"},
            "Layer": {"Type": "String", "Default": ""},
            "Zones": {"Type": "CommaDelimitedList", "Default": "a, b"},
        },
        "Mappings": {"Names": {"Fanout": {"Name": "fanout"}}},
        "Conditions": {
            "HasLayer": {"Fn::Not": [{"Fn::Equals": [{"Ref": "Layer"}, ""]}]},
            "Both": {"Fn::And": [{"Condition": "HasLayer"}, {"Fn::Equals": [{"Ref": "Stage"}, "prod"]}]},
            "Either": {"Fn::Or": [{"Condition": "HasLayer"}, {"Fn::Equals": [{"Ref": "Stage"}, "prod"]}]},
        },
        "Resources": {"One": {"Type": "T", "Properties": {"Value": raw}}},
    }
    return resolve(template, {"Stage": "prod", **given})["One"]["Properties"].get("Value", "nothing")


def test_parameters_mappings_and_texts_are_put_in() -> None:
    assert value({"Ref": "Stage"}) == "prod"
    assert value({"Ref": "Zones"}) == ["a", "b"]
    assert value({"Fn::Sub": "vestnik-${Stage}-x"}) == "vestnik-prod-x"
    named = {"Name": {"Fn::FindInMap": ["Names", "Fanout", "Name"]}}
    assert value({"Fn::Sub": ["vestnik-${Stage}-${Name}", named]}) == "vestnik-prod-fanout"
    assert value({"Fn::Join": ["/", ["a", {"Ref": "Stage"}]]}) == "a/prod"
    assert value({"Fn::Select": [1, {"Fn::Split": ["-", "a-b"]}]}) == "b"


def test_what_is_known_only_to_aws_stays_as_it_stands() -> None:
    for raw in ({"Ref": "Queue"}, {"Fn::GetAtt": ["Queue", "Arn"]}, {"Fn::ImportValue": "x"}):
        assert value(raw) == raw
    assert value({"Fn::Sub": "${Queue.Arn}/${Stage}"}) == {"Fn::Sub": "${Queue.Arn}/prod"}
    assert value({"Fn::Join": ["", ["a", {"Ref": "Queue"}]]}) == {"Fn::Join": ["", ["a", {"Ref": "Queue"}]]}


def test_conditions_choose_and_what_is_of_no_value_goes() -> None:
    raw = {"Fn::If": ["HasLayer", "yes", {"Ref": "AWS::NoValue"}]}
    assert value(raw) == "nothing"
    assert value(raw, Layer="key") == "yes"
    assert value({"Fn::If": ["Both", 1, 2]}) == 2
    assert value({"Fn::If": ["Either", 1, 2]}) == 1


def test_a_resource_whose_condition_is_false_is_not_made() -> None:
    template = read_template("""
Parameters: {Wanted: {Type: String, Default: "false"}}
Conditions: {IsOn: !Equals [!Ref Wanted, "true"]}
Resources:
  Some: {Type: AWS::SNS::Topic, Condition: IsOn}
  Other: {Type: AWS::SNS::Topic, Properties: {TopicName: !Sub "x-${Wanted}"}}
""")
    assert resolve(template, {}) == {"Other": {"Type": "AWS::SNS::Topic", "Properties": {"TopicName": "x-false"}}}
    assert set(resolve(template, {"Wanted": "true"})) == {"Some", "Other"}
