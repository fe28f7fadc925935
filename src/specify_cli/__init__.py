"""The host that workflow orchestrators talk to."""

__version__ = "0.2.0"
