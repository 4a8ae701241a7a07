"""One module per Lambda function: read the event, call one function of :mod:`pushwarden`, nothing else."""
