"""What the embedded emulator needs of the app's template. AWS and LocalStack take it as it is."""

from typing import Any

DELIVERED = "/_aws/cloudfront"  # what a distribution serves, at a path by its comment (`emulator.py`)


def rest_api_id(stage: str) -> str:
    """The REST API's id on the emulator, pinned so that its address is known before it is deployed."""
    return f"vestnik-{stage}-api"


def live_api_id(stage: str) -> str:
    """The WebSocket API's id on the emulator, pinned likewise."""
    return f"vestnik-{stage}-live"


def emulated(template: dict[str, Any], *, stage: str) -> dict[str, Any]:
    """The template with pinned ids, and with the gateway's own answers and what it takes as bytes beside the
    definition of the API, in which the emulator passes them by."""
    resources = template["Resources"]
    rest = resources["RestAPI"]["Properties"]
    rest["Tags"] = [*rest.get("Tags", []), {"Key": "ms-custom-id", "Value": rest_api_id(stage)}]
    rest["BinaryMediaTypes"] = rest["Body"]["x-amazon-apigateway-binary-media-types"]
    resources["WebsocketAPI"]["Properties"]["Tags"] = {"ms-custom-id": live_api_id(stage)}
    [deployment] = [one for one in resources.values() if one["Type"] == "AWS::ApiGateway::Deployment"]
    for kind, answer in rest["Body"]["x-amazon-apigateway-gateway-responses"].items():
        name = f"RestAPI{kind.title().replace('_', '')}"
        deployment["DependsOn"].append(name)
        resources[name] = {
            "Type": "AWS::ApiGateway::GatewayResponse",
            "Properties": {
                "RestApiId": {"Ref": "RestAPI"},
                "ResponseType": kind,
                "ResponseParameters": answer["responseParameters"],
            },
        }
    return template
