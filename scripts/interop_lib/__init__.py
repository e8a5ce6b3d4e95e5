"""What scripts/interop consists of: the stage, the tools, and one module per check."""
