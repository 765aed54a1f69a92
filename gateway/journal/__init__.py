"""The durable list of every scored epoch: written before it is published."""
