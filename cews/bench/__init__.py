"""Benches: what anyone can measure again on their own machine, each beside a peer on the same rows.

One module per bench; ``cews bench NAME`` runs it. A bench returns a flat record that ``--json`` prints.
"""
