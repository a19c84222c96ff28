"""Lambda: reads an uploaded list. Source: queue load."""

from chalicelib.campaigns.lists import load_work
from chalicelib.observability import batch_handler
from chalicelib.stage.workers import newer, stage

handler = batch_handler("load", lambda: load_work(stage().list_loader), newer=newer)
