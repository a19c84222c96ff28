"""celery with Redis, two worker processes, a task a recipient.

python -m bench.rivals.celery_way <letters>       puts the tasks
celery -A bench.rivals.celery_way worker          works them off
"""

import os
import sys
import uuid
from functools import cache

from celery import Celery

from bench.rivals import one_letter

app = Celery("bench", broker=os.environ["RIVAL_REDIS"])
app.conf.update(task_acks_late=True, task_ignore_result=True, worker_prefetch_multiplier=4)
connect = cache(one_letter.connect)


@app.task
def send(job_id: str, user_id: str) -> None:
    """One letter."""
    one_letter.send(connect(), job_id, user_id)


if __name__ == "__main__":
    letters, run = int(sys.argv[1]), uuid.uuid4().hex
    for n in range(letters):
        app.send_task("bench.rivals.celery_way.send", (f"{run}-{n}", f"reader-{n}"))
