"""The one template system, for automatic letters and those written by managers.

`template_store` finds a template, `context` checks what a caller passes to it, `render` makes the letter, `checks`
finds the mistakes of a new version. Import from these modules: this one stays empty, so that reading templates does not
load Jinja2.
"""
