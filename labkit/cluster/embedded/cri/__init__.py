"""A small CRI runtime: containers are ordinary processes, started by the shim and described by an image catalogue.

It decides and keeps records; it holds no process, so it may be killed and started again at any time without a container noticing.
It is not a security boundary: a container sees the host's programs read-only and runs as the user who started the cluster.
"""
