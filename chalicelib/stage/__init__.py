"""Composition: the one place that makes clients and puts the parts of the service together.

`workers` composes what the workers run, `app` adds what the API and the pages ask for; a part is made at its first use.
"""
