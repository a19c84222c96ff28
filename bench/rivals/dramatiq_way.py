"""dramatiq with Redis, two worker processes of one thread, a message a recipient.

python -m bench.rivals.dramatiq_way <letters>     puts the messages
dramatiq bench.rivals.dramatiq_way                works them off
"""

import os
import sys
import uuid
from functools import cache

import dramatiq
from dramatiq.brokers.redis import RedisBroker

from bench.rivals import one_letter

dramatiq.set_broker(RedisBroker(url=os.environ["RIVAL_REDIS"]))
connect = cache(one_letter.connect)


@dramatiq.actor(actor_name="send")
def send(job_id: str, user_id: str) -> None:
    """One letter."""
    one_letter.send(connect(), job_id, user_id)


if __name__ == "__main__":
    letters, run = int(sys.argv[1]), uuid.uuid4().hex
    for n in range(letters):
        send.send(f"{run}-{n}", f"reader-{n}")
