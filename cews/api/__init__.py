"""The open interface: what the dashboard shows and decides, for programs, below ``/api/v1`` of the same server."""
