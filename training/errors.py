"""Errors while a model is made, named by their remedy."""

from gateway.errors import GatewayError


class FetchError(GatewayError):
    """Something could not be downloaded: run it again, what is there is kept."""


class TrainingDataError(GatewayError):
    """The data cannot be trained on or judged by; says which, and what to do."""

    exit_code = 2
