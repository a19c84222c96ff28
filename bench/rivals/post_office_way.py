"""django-post_office on SQLite: the letters are put into its table, then its own command sends them in two processes.

python -m bench.rivals.post_office_way <letters>
"""

import os
import sys

import django
from django.conf import settings
from django.core.management import call_command

from bench import letter

_BATCH = 100


def main() -> None:
    settings.configure(
        DATABASES={
            "default": {
                "ENGINE": "django.db.backends.sqlite3",
                "NAME": os.environ["RIVAL_DATABASE"] + "-post-office",
                "OPTIONS": {"timeout": 60, "transaction_mode": "IMMEDIATE", "init_command": "PRAGMA journal_mode=WAL"},
            }
        },
        TEMPLATES=[{"BACKEND": "django.template.backends.django.DjangoTemplates"}],
        INSTALLED_APPS=["django.contrib.contenttypes", "post_office"],
        EMAIL_BACKEND="post_office.EmailBackend",
        EMAIL_HOST="127.0.0.1",
        EMAIL_PORT=int(os.environ["RIVAL_SMTP_PORT"]),
        POST_OFFICE={"BATCH_SIZE": _BATCH, "MAX_RETRIES": 4, "LOG_LEVEL": 2},
        DEFAULT_AUTO_FIELD="django.db.models.AutoField",
        USE_TZ=True,
    )
    django.setup()
    call_command("migrate", verbosity=0)
    from post_office import mail

    from bench.rivals.one_letter import rendered

    letters = int(sys.argv[1])
    for start in range(0, letters, _BATCH):
        users = [letter.reader(n) for n in range(start, min(start + _BATCH, letters))]
        mail.send_many([_message(rendered(user), user["email"]) for user in users])
    call_command("send_queued_mail", processes=2)


def _message(parts: dict[str, str], address: str) -> dict[str, object]:
    return {
        "sender": "news@cinema.example",
        "recipients": [address],
        "subject": parts["subject"],
        "message": parts["text"],
        "html_message": parts["html"],
    }


if __name__ == "__main__":
    main()
