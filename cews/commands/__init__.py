"""The commands of ``cews``, one file per group."""
