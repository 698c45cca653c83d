"""The systems that are compared, one a module, each with what its own environment needs."""
