"""The Lambda functions: each module is one, and says from which queue or clock it is called."""

from chalicelib.cold_start import begin

begin()
