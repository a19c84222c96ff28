"""A small SES v2 for development and tests, with a page to read the letters.

Run it with `python -m ses_mailbox`, or from Python with `ses_mailbox.process.running(...)`; point boto3 at it with
`AWS_ENDPOINT_URL_SESV2`. The package's README is the reference of its HTTP interface.
"""
