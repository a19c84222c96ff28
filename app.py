"""The Chalice app: registers the blueprints; nothing else."""

from chalicelib import cold_start

cold_start.begin()

from chalice.app import Chalice

from chalicelib.admin import (
    account,
    campaign_writing,
    door,
    event_rules,
    keys,
    office,
    overview,
    people,
    site,
    subsystems,
)
from chalicelib.admin import campaigns as admin_campaigns
from chalicelib.admin import links as admin_links
from chalicelib.admin import lists as admin_lists
from chalicelib.admin import suppressions as admin_suppressions
from chalicelib.admin import templates as admin_templates
from chalicelib.api import (
    addresses,
    campaign_moves,
    campaigns,
    control,
    dead_letters,
    endpoints,
    events,
    links,
    lists,
    live,
    live_demo,
    meta,
    notifications,
    own_say,
    site_settings,
    sockets,
    suppressions,
    templates,
    users,
)
from chalicelib.api.problem import as_problem
from chalicelib.public import own_function, registered, renewal
from chalicelib.settings import is_for_a_snapshot

app = Chalice(app_name="vestnik", configure_logs=False)  # its handler would take our logger's place
app.api.binary_types.append("multipart/form-data")  # an uploaded file arrives as it is, whatever its characters
app.experimental_feature_flags.update(["WEBSOCKETS"])
app.register_middleware(as_problem, "http")
for module in (
    *(meta, control, dead_letters, notifications, templates, users, endpoints, live, live_demo),
    *(campaigns, campaign_moves, lists),
    *(events, own_say, addresses, site_settings, suppressions, links),
    *(door, account, overview, admin_campaigns, campaign_writing, admin_lists, admin_templates, admin_links),
    *(people, admin_suppressions, subsystems, site, event_rules, keys, office),
):
    app.register_blueprint(module.routes)
for pages in (*registered.BLUEPRINTS, renewal.routes, own_function.functions):
    app.register_blueprint(pages)

# Lambda finds these by name, `app.<function>`: a blueprint would leave them unwrapped (docs/decisions.md).
on_connect = app.on_ws_connect()(sockets.on_connect)
on_message = app.on_ws_message()(sockets.on_message)
on_disconnect = app.on_ws_disconnect()(sockets.on_disconnect)

cold_start.end()

if is_for_a_snapshot():
    from chalicelib.wiring import snapshot

    snapshot.register()
