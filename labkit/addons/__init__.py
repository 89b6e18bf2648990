"""Add-ons: what the lab installs into a cluster, the same on every provider. One file an add-on in clusters/addons."""

from labkit.addons.addon import Addon, load
from labkit.addons.install import apply, install, ready, remove, wait

__all__ = ["Addon", "apply", "install", "load", "ready", "remove", "wait"]
