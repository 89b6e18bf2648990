"""Operations on a cluster: what a lesson does with it, in plain Kubernetes."""
