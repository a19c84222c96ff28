"""Which resources lose something when they are deleted or replaced, and what; for the guard and the diff."""

from typing import Final

import cfnlint.helpers
from cfnlint.data import AdditionalSpecs

# What cfn-lint knows to hold data, and what others know by its name, its address or its record.
HOLDS_DATA: Final = frozenset(cfnlint.helpers.load_resource(AdditionalSpecs, "StatefulResources.json")["ResourceTypes"])
IS_KNOWN: Final = {
    "AWS::SNS::Topic": "its subscribers, and whoever publishes to it, lose it",
    "AWS::ApiGateway::RestApi": "it gets another address: every link in every letter, and every caller, loses it",
    "AWS::ApiGatewayV2::Api": "it gets another address: every open page and every client loses it",
    "AWS::ApiGateway::DomainName": "the name stops answering until its DNS record leads to the new one",
    "AWS::ApiGatewayV2::DomainName": "the name stops answering until its DNS record leads to the new one",
    "AWS::SES::EmailIdentity": "it has to be verified again, with new DKIM records; until then no letter leaves",
    "AWS::SES::ConfigurationSet": "its reputation and its events start over",
    "AWS::KMS::Key": "what was encrypted with it can no longer be read",
    "AWS::SSM::Parameter": "its value is lost",
}
IS_NAMED: Final = {
    "AWS::Lambda::Function": "its log group, alarms, reserved concurrency and queues go by the old name",
    "AWS::IAM::Role": "policies that name the old one, and everything that runs under it, lose it",
}
PRECIOUS: Final = HOLDS_DATA | IS_KNOWN.keys()
