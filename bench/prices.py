"""What AWS charges, in dollars: list prices of us-east-1, on demand, x86, nothing free. Looked at on 2026-11-29 in what
others quote of AWS's price lists, for no account was at hand; aws.amazon.com/<service>/pricing has the last word.
CloudWatch: signoz.io/guides/cloudwatch-pricing, factualminds.com/blog/amazon-cloudwatch-pricing-metrics-logs-alarms-
dashboards. DynamoDB: airbyte.com/data-engineering-resources/dynamodb-pricing. SQS: cloudburn.io/blog/
amazon-sqs-pricing. SNS: factualminds.com/blog/amazon-sns-pricing-publishes-fanout-protocols. Others: from memory."""

MILLION = 1e6
SES = 100.0  # dollars for a million letters
SQS = 0.40  # a million requests, up to 64 KB each
WRITE_UNIT = 0.625  # a million of DynamoDB's: 1 KB; a transaction takes two
READ_UNIT = 0.125  # 4 KB strongly consistent, 8 KB eventually
TABLE_GB, POINTS_IN_TIME_GB = 0.25, 0.20  # a month
LAMBDA_REQUEST = 0.20  # a million
LAMBDA_GB_SECOND = 0.0000166667
SNAPSHOT_GB_SECOND = 0.0000015046  # SnapStart's cache, for each version
SNAPSHOT_RESTORED_GB = 0.0001397998
SNS_PUBLISH = 0.50  # a million; deliveries to SQS are free
TRACES = 5.00  # a million of X-Ray's
ALARM, METRIC, DASHBOARD = 0.10, 0.30, 3.00  # a month; a metric for the hours in which it is told
LOGS_GB, LOGS_KEPT_GB = 0.50, 0.03  # taken in; a month, packed to about a sixth
SCHEDULED = 1.00  # a million of EventBridge Scheduler's
KMS_REQUEST = 3.00  # a million; AWS's own keys cost nothing else
REST_CALL, SOCKET_MESSAGE, SOCKET_MINUTE = 3.50, 1.00, 0.25  # a million
OUT_GB = 0.09  # to the internet; letters themselves go out for nothing
ATTACHED_GB = 0.12  # of SES
FIREWALL, FIREWALL_RULE, FIREWALL_CALL, ZONE = 5.00, 1.00, 0.60, 0.50  # WAF: a month, a month, a million; Route 53
