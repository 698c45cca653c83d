"""The Nextpoint service."""
