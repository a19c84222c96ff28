"""The keys of a stage: made once, by a deployment."""

from contextlib import suppress

from chalicelib.security.signing import KEYS, new_key, parameter_name
from infra.account import Account


def ensure_keys(account: Account, stage: str) -> None:
    """Makes those of the stage's keys that are not there; one that is there is never touched, and never read."""
    for key in KEYS:
        with suppress(account.ssm.exceptions.ParameterAlreadyExists):
            account.ssm.put_parameter(
                Name=parameter_name(stage, key),
                Description="What it is for: docs/links-and-preferences.md",
                Value=new_key(),
                Type="SecureString",
                Overwrite=False,
            )
