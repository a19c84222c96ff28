"""A stage's secret keys, made once by a deployment."""

from contextlib import suppress

from chalicelib.security.signing import KEYS, new_key, parameter_name
from infra.account import Account


def ensure_keys(account: Account, stage: str) -> None:
    """Makes the stage's missing keys; an existing one is neither changed nor read."""
    for key in KEYS:
        with suppress(account.ssm.exceptions.ParameterAlreadyExists):
            account.ssm.put_parameter(
                Name=parameter_name(stage, key),
                Description="What it is for: docs/links-and-preferences.md",
                Value=new_key(),
                Type="SecureString",
                Overwrite=False,
            )
