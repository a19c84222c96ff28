"""The floor: renders the letter for everybody and sends it in bulk, fifty a call; nothing is kept, nothing is checked.
No service can cost less. A process of its own:

    python -m bench.rivals.floor <letters>      with AWS_ENDPOINT_URL_SESV2 in the environment
"""

import json
import sys
from typing import Any

import boto3
import jinja2

from bench import letter

_ENTRIES = 50  # SES: entries in one SendBulkEmail


def main() -> None:
    letters = int(sys.argv[1])
    environment = jinja2.Environment(autoescape=True)
    sources = {"subject": letter.SUBJECT, "html": letter.page(), "text": letter.TEXT}
    templates = {part: environment.from_string(source) for part, source in sources.items()}
    ses = boto3.client("sesv2")
    for start in range(0, letters, _ENTRIES):
        entries: list[Any] = []
        for n in range(start, min(start + _ENTRIES, letters)):
            user = letter.reader(n)
            parts = {part: template.render(user=user, **letter.CONTEXT) for part, template in templates.items()}
            content = {"ReplacementTemplate": {"ReplacementTemplateData": json.dumps(parts, ensure_ascii=False)}}
            entries.append({"Destination": {"ToAddresses": [user["email"]]}, "ReplacementEmailContent": content})
        whole: Any = {"Subject": "{{subject}}", "Html": "{{html}}", "Text": "{{text}}"}
        ses.send_bulk_email(
            FromEmailAddress="Vestnik Cinema <news@cinema.example>",
            DefaultContent={"Template": {"TemplateContent": whole, "TemplateData": "{}"}},
            BulkEmailEntries=entries,
        )


if __name__ == "__main__":
    main()
