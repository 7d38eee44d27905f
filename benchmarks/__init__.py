"""Side by side with peers, ratios in one run, one thread: ``python -m benchmarks NAME``."""
