"""What follows from a security event: decided by policy, laid out as a plan, then carried out."""
