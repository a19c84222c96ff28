"""The Lambda functions, one a module; each names the queue or clock that calls it."""

from chalicelib.cold_start import begin

begin()
