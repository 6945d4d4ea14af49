"""The store: the only place (with ``db/migrations``) that speaks SQL.

Functions take an open connection; who opens the transaction decides what commits together. Every read
of observations, findings and alerts takes ``as_of``.
"""
