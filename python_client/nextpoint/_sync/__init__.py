"""The client for blocking code: `nextpoint.aio` without `await`, made by scripts/generate_sync.

Only `_concurrency` is written by hand.
"""
