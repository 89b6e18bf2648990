"""The embedded provider: a whole cluster as processes of the user who runs it."""
