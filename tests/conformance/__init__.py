"""Kubernetes' own conformance tests against the embedded cluster: `python -m tests.conformance`, or `make conformance`."""
