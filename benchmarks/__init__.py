"""Measurements of the lab on this machine: `make bench`, or `python -m benchmarks NAME ...`."""
