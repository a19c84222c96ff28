"""The one template system: automatic letters and those written by hand are rendered alike.

`store` finds a template, `context` checks what a caller gives it, `render` makes the letter, `checks` says what is
wrong with a new version. Import from these modules: this one stays empty, so that a reader of templates need not pay
for Jinja2.
"""
