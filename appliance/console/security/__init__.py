"""Who may do what. `access` is the gate before every view; the other modules each know one thing that it asks.

The threat model is in docs/SECURITY.md.
"""
