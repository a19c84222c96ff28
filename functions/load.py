"""Lambda: reads uploaded lists, and writes exports. Source: queue load."""

from chalicelib.campaigns.export_work import export_work
from chalicelib.campaigns.list_loader import load_work
from chalicelib.observability import batch_handler
from chalicelib.stage.workers import newer, stage

handler = batch_handler(
    "load", lambda: export_work(lambda: stage().export_writer, load_work(stage().list_loader)), newer=newer
)
