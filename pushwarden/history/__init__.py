"""Commits and blobs in, introduced findings out: for repositories on this machine and for pushes to CodeCommit."""
