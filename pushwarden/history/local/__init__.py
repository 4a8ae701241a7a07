"""Secrets in a repository, a folder or a stream on this machine.

:mod:`~pushwarden.history.local.files` and :mod:`~pushwarden.history.local.history` are the ways in; both give an
:class:`~pushwarden.history.local.model.Outcome`. Nothing is imported here, so that a hook loads only what it needs.
"""
