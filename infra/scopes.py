"""The resources of an account on which a stage may have rights, by their names; and the actions that commands call.

Which action takes which resource is in AWS's "Service Authorization Reference".
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple


class Place(NamedTuple):
    """Where a stage lives."""

    stage: str
    account: str
    region: str
    partition: str = "aws"
    hosted_zone: str = "*"
    web_acl: str = ""  # one that is not the stage's own

    def scopes(self) -> Mapping[str, Sequence[str]]:
        """By service, the stage's own resources; no right is given on anything else."""
        own = f"vestnik-{self.stage}"
        return {
            "acm": [self._arn("acm", "certificate/*")],
            "apigateway": [f"arn:{self.partition}:apigateway:{self.region}::/{one}" for one in _API_PATHS],
            "cloudformation": [
                self._arn("cloudformation", f"{one}-*/*") for one in (f"stack/{own}", "changeSet/vestnik")
            ],
            "cloudfront": [  # by ids that nobody chooses
                f"arn:{self.partition}:cloudfront::{self.account}:{kind}/*"
                for kind in ("distribution", "origin-access-control", "response-headers-policy")
            ],
            "cloudwatch": [
                self._arn("cloudwatch", f"alarm:{own}-*"),
                f"arn:{self.partition}:cloudwatch::{self.account}:dashboard/{own}*",
            ],
            "codedeploy": [
                *(self._arn("codedeploy", f"{kind}:{own}*") for kind in ("application", "deploymentgroup")),
                self._arn("codedeploy", "deploymentconfig:*"),
            ],
            "dynamodb": [self._arn("dynamodb", f"table/{own}-*")],
            "iam": [f"arn:{self.partition}:iam::{self.account}:{kind}/{own}-*" for kind in ("role", "policy")],
            "lambda": [
                *(self._arn("lambda", f"{kind}:{own}{rest}") for kind, rest in _FUNCTIONS),
                self._arn("lambda", "event-source-mapping:*"),
            ],
            "logs": [self._arn("logs", f"log-group:/aws/lambda/{own}*")],
            "route53": [f"arn:{self.partition}:route53:::hostedzone/{self.hosted_zone}"],
            "s3": [f"arn:{self.partition}:s3:::{own}-*"],
            "scheduler": [self._arn("scheduler", f"schedule/default/{own}-*")],
            "ses": [self._arn("ses", f"configuration-set/{own}*"), self._arn("ses", "identity/*")],
            "sns": [self._arn("sns", f"{own}-*")],
            "sqs": [self._arn("sqs", f"{own}-*")],
            "ssm": [self._arn("ssm", f"parameter/vestnik/{self.stage}/*")],
            "wafv2": [
                *(self._arn("wafv2", f"regional/{one}/*") for one in (f"webacl/{own}*", "managedruleset")),
                f"arn:{self.partition}:apigateway:{self.region}::/restapis/*/stages/*",
                *([self.web_acl] if self.web_acl else []),
            ],
        }

    def _arn(self, service: str, resource: str) -> str:
        return f"arn:{self.partition}:{service}:{self.region}:{self.account}:{resource}"


# API Gateway calls what it makes by ids that nobody chooses.
_API_PATHS = ("restapis", "restapis/*", "apis", "apis/*", "domainnames", "domainnames/*", "tags/*")
_FUNCTIONS = (("function", "*"), ("layer", "*"), ("layer", "*:*"))

# Actions that AWS gives for everything or not at all.
EVERYWHERE = frozenset(
    {
        *("cloudformation:ListStacks", "cloudformation:ValidateTemplate", "cloudwatch:DescribeAlarms"),
        *("cloudformation:DescribeStackDriftDetectionStatus", "iam:ListRoles"),
        *("cloudwatch:ListDashboards", "dynamodb:ListTables", "iam:ListPolicies", "dynamodb:ListBackups"),
        *("lambda:GetAccountSettings", "lambda:ListEventSourceMappings", "lambda:ListFunctions"),
        *("lambda:CreateEventSourceMapping", "lambda:ListLayerVersions", "logs:DescribeLogGroups"),
        *("acm:ListCertificates", "acm:RequestCertificate", "route53:GetChange", "route53:ListHostedZones"),
        *("s3:ListAllMyBuckets", "scheduler:ListSchedules", "ses:GetAccount", "ses:ListConfigurationSets"),
        *("ses:ListEmailIdentities", "ses:CreateEmailIdentity", "ses:CreateConfigurationSet", "sns:ListTopics"),
        *("sns:GetSubscriptionAttributes", "sns:ListSubscriptions", "sns:SetSubscriptionAttributes"),
        *("sns:Unsubscribe", "sqs:ListQueues", "ssm:DescribeParameters", "sts:GetCallerIdentity"),
        *("wafv2:ListWebACLs", "codedeploy:ListApplications"),
    }
)

SERVICES = frozenset(Place("-", "-", "-").scopes())

# What `make deploy` and `make destroy` call themselves.
DEPLOYER = frozenset(
    {
        *("cloudformation:CreateChangeSet", "cloudformation:DeleteChangeSet", "cloudformation:DescribeChangeSet"),
        *("cloudformation:ExecuteChangeSet", "cloudformation:DeleteStack", "cloudformation:DescribeStacks"),
        *("cloudformation:DescribeStackEvents", "cloudformation:DescribeStackResources", "cloudformation:GetTemplate"),
        *("cloudformation:ListStackResources", "cloudformation:ListStacks", "sqs:ListQueues"),
        *("cloudformation:UpdateTerminationProtection", "lambda:GetFunctionConfiguration"),
        *(
            "cloudformation:CancelUpdateStack",
            "cloudformation:ContinueUpdateRollback",
        ),  # what a message asks them to do
        *("cloudformation:DetectStackDrift", "cloudformation:DescribeStackDriftDetectionStatus"),
        *("cloudformation:DescribeStackResourceDrifts", "cloudformation:TagResource", "cloudformation:SetStackPolicy"),
        *("s3:CreateBucket", "s3:DeleteBucket", "s3:ListBucket", "s3:GetObject", "s3:PutObject", "s3:DeleteObject"),
        *("s3:PutBucketPublicAccessBlock", "s3:PutBucketVersioning", "s3:PutBucketPolicy", "s3:DeleteObjectVersion"),
        *("s3:ListBucketVersions", "s3:PutLifecycleConfiguration", "s3:GetBucketVersioning"),
        *("ssm:PutParameter", "ssm:DeleteParameter", "lambda:GetAccountSettings", "lambda:GetFunctionConcurrency"),
        *("dynamodb:ListTables", "dynamodb:DescribeTable", "dynamodb:DeleteTable", "dynamodb:PutItem"),
        *("dynamodb:GetItem", "dynamodb:Query", "dynamodb:UpdateItem", "dynamodb:DeleteItem", "dynamodb:Scan"),
        *("dynamodb:UpdateTable", "acm:RequestCertificate", "acm:DescribeCertificate", "acm:ListCertificates"),
        *("sts:GetCallerIdentity", "ses:GetAccount", "ses:GetEmailIdentity", "lambda:InvokeFunction"),
        *("apigateway:GET", "wafv2:GetWebACLForResource"),
    }
)
# What `make doctor`, `make logs` and `make manager` call.
OPERATOR = frozenset(
    {
        *("sts:GetCallerIdentity", "cloudformation:DescribeStacks", "lambda:ListEventSourceMappings"),
        *("cloudformation:DescribeStackResources", "cloudformation:ListStackResources", "cloudformation:GetTemplate"),
        *("lambda:GetAccountSettings", "lambda:GetFunctionConcurrency", "lambda:GetFunctionConfiguration"),
        *("lambda:ListFunctions", "lambda:GetFunction", "lambda:GetAlias", "scheduler:GetSchedule"),
        *("logs:DescribeLogGroups", "logs:FilterLogEvents", "cloudwatch:DescribeAlarms"),
        *("sns:ListTopics", "sns:ListSubscriptionsByTopic", "ssm:DescribeParameters", "sqs:GetQueueAttributes"),
        *("sqs:GetQueueUrl", "dynamodb:DescribeTable", "dynamodb:Query", "dynamodb:GetItem", "dynamodb:BatchGetItem"),
        *("dynamodb:Scan", "dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem", "apigateway:GET"),
        *("ses:GetAccount", "ses:GetEmailIdentity", "ses:GetConfigurationSet", "acm:DescribeCertificate"),
        *("ses:GetConfigurationSetEventDestinations", "wafv2:GetWebACLForResource", "wafv2:GetWebACL"),
    }
)
# What `make backup` and `make restore` call beside it: they delete tables and stop the stage. DynamoDB writes the rows
# of a table that it restores in the name of whoever asked for it ("Using IAM with DynamoDB backup and restore").
RESTORER = OPERATOR | {
    *("dynamodb:CreateBackup", "dynamodb:DescribeBackup", "dynamodb:ListBackups", "dynamodb:ListTables"),
    *("dynamodb:DescribeContinuousBackups", "dynamodb:RestoreTableToPointInTime", "dynamodb:RestoreTableFromBackup"),
    *("dynamodb:BatchWriteItem", "dynamodb:PartiQLInsert", "dynamodb:DeleteTable", "dynamodb:UpdateTable"),
    "dynamodb:UpdateTimeToLive",
    *("dynamodb:UpdateContinuousBackups", "dynamodb:TagResource", "dynamodb:ListTagsOfResource"),
    *("lambda:PutFunctionConcurrency", "lambda:DeleteFunctionConcurrency", "lambda:UpdateEventSourceMapping"),
    *("scheduler:UpdateSchedule", "ssm:GetParameter", "ssm:PutParameter", "ssm:DeleteParameter"),
    # the lock, that nobody deploys meanwhile
    *("s3:CreateBucket", "s3:ListBucket", "s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:PutBucketPolicy"),
    *("s3:PutBucketPublicAccessBlock", "s3:PutBucketVersioning", "s3:PutLifecycleConfiguration"),
}
# What AWS's handlers call for properties that no template here has.
NEVER = (
    *("ImportTable", "Kinesis", "ContributorInsights", "TableReplica", "BucketMetadata", "Analytics", "Intelligent"),
    *("Inventory", "Replication", "Accelerate", "Website", "MetricsConfiguration", "ObjectLock", "Abac", "CapacityPr"),
    *("CodeSigning", "DataProtection", "IndexPolic", "BearerToken", "LogDelivery", "AttachUser", "AttachGroup"),
    *("DetachUser", "DetachGroup", "GroupPolicy", "UserPolicy", "ServiceLinkedRole", "REST.PUT", "ObjectAcl", "Vdm"),
    *(
        "Archiving",
        "FunctionScaling",
        "BatchWriteItem",
        "KmsKey",
        "logs:PutResourcePolicy",
        "logs:DeleteResourcePolicy",
    ),
    # and what the schemas name and IAM does not know
    *("apigateway:TagResource", "apigateway:UntagResource", "AssociateRuntimeAlias", "DeleteBucketCors", "WithTags"),
    *("DeleteBucketEncryption", "DeleteBucketLifecycle", "GetObjectMetadata"),
)
