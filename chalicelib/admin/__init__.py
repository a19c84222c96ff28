"""The managers' page: server-rendered, usable without JavaScript."""
