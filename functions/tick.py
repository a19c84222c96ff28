"""Lambda: the clock of the service. Source: EventBridge Scheduler, every minute."""

from chalicelib.observability import periodic_handler
from chalicelib.stage.workers import stage

handler = periodic_handler(
    "tick",
    lambda: (
        stage().accept.release_due,
        stage().generator.tick,
        stage().run_results.tick,
        stage().campaign_backfill.tick,
        stage().digest_queue.release,
        stage().consumers.follow_all,
        stage().switches.watch,
        stage().message_renewal.renew,
    ),
)
