"""The managers' pages: server-rendered, usable without JavaScript."""
