"""A release that an alarm would take back as soon as it began is not begun."""

import json

from infra.account import Account
from infra.held_back import alarms_on
from infra.releases import AT_ONCE, with_releases
from infra.stage_config import Canary

TEMPLATE = {
    "Resources": {"Enrich": {"Type": "AWS::Lambda::Function", "Properties": {"FunctionName": "vestnik-try-enrich"}}}
}


def released(canary: Canary) -> str:
    return json.dumps(with_releases(TEMPLATE, {}, stage="try", canary=canary))


def test_an_alarm_that_is_on_is_named_with_what_to_do_and_none_is_asked_by_a_mend(account: Account) -> None:
    cloudwatch = account.session.client("cloudwatch", endpoint_url=account.endpoint_url)
    for name in ("vestnik-try-enrich-errors", "vestnik-try-tick-missed"):
        cloudwatch.put_metric_alarm(
            AlarmName=name,
            Namespace="Vestnik",
            MetricName="Any",
            Statistic="Sum",
            Period=60,
            EvaluationPeriods=1,
            Threshold=0,
            ComparisonOperator="GreaterThanThreshold",
        )
    canary = [released("Canary10Percent5Minutes")]
    assert alarms_on(account, canary) is None
    cloudwatch.set_alarm_state(AlarmName="vestnik-try-tick-missed", StateValue="ALARM", StateReason="try")
    assert alarms_on(account, canary) is None
    cloudwatch.set_alarm_state(AlarmName="vestnik-try-enrich-errors", StateValue="ALARM", StateReason="try")
    told = alarms_on(account, canary)
    assert told
    assert "vestnik-try-enrich-errors is on" in told
    assert "AT_ONCE=1" in told
    assert alarms_on(account, [released(AT_ONCE)]) is None
    cloudwatch.delete_alarms(AlarmNames=["vestnik-try-enrich-errors", "vestnik-try-tick-missed"])
