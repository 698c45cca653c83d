"""The contract, generated from protos/ by scripts/generate."""
