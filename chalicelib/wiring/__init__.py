"""The composition root: the one place that makes clients and puts the parts together, a module a concern, so that a
worker imports only what it uses. Everything is made at its first use and kept for the life of the process.
"""
