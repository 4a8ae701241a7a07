"""The service's own flow: a push in, a security event out; and what its functions share."""
