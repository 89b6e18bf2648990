"""A small CRI runtime: containers are ordinary processes, started by the shim and described by an image catalogue.

It decides and keeps records; it holds no process, so it may be killed and started again at any time without a container noticing.
It is not a security boundary: a container sees the host's programs read-only and runs as the user who started the cluster.

What a pod may ask for and does not get: limits of CPU (a watchdog enforces those of memory), capabilities, privileges, devices,
seccomp and AppArmor profiles, mount propagation, image volumes, checkpoints. With hostPID or shareProcessNamespace a container
has process numbers of its own all the same, and with hostIPC a pod has IPC of its own. Everything else is as elsewhere.
"""
