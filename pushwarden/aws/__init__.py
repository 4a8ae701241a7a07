"""The one place that talks to AWS: typed, retried, paged; nothing else imports boto3."""
