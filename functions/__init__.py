"""The Lambda functions, one a module; each names the queue or clock that calls it."""

from chalicelib.cold_start import begin

begin()

# First of all, before our own modules: a start then takes thousands fewer page faults.
import botocore.session  # noqa: E402, F401
