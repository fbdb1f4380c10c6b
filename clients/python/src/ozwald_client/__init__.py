"""Client for the Ozwald control plane: contexts as ozctl has them, and one stub per service of the contract."""

from ozwald_client.client import Client, connect
from ozwald_client.context import Context, read_context

__all__ = ["Client", "Context", "connect", "read_context"]
