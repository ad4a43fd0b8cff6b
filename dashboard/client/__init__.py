"""Ask the backend: the only part of the dashboard that speaks HTTP. One module a noun."""

from dashboard.client.failures import Failure
from dashboard.client.transport import API, Client, Json

__all__ = ["API", "Client", "Failure", "Json"]
