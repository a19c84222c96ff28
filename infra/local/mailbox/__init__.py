"""The mailbox: a small SES v2 for development and tests, with a page where a person reads the letters.

Lambdas reach it through `AWS_ENDPOINT_URL_SESV2`; `make run`, the benchmarks and the tests start it with
`python -m infra.local.mailbox` or `mailbox.process.running(...)`. Never deployed. `README.md` beside this file is the
reference of its HTTP interface.
"""
