"""What the API server refuses, and an API server that does not answer, told to a person."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from labkit.errors import LabError

if TYPE_CHECKING:
    from labkit.cluster.access import Access


@contextmanager
def explained(access: Access) -> Iterator[None]:
    """Turn the client's exceptions about reaching the API server into a LabError."""
    from kubernetes.client import ApiException
    from kubernetes.config import ConfigException
    from urllib3.exceptions import HTTPError

    try:
        yield
    except (ConfigException, FileNotFoundError) as error:
        raise LabError(f"The cluster {access.name!r} is gone.", str(error), "labkit up") from error
    except ApiException as error:  # the client reports a failed TLS handshake in this way
        raise LabError(
            f"The cluster {access.name!r} was made anew since this Lab was opened.",
            f"Its certificate is not signed by the authority that {access.kubeconfig} names.\n{error.reason}",
            "lab = Lab.current()",
        ) from error
    except (HTTPError, OSError) as error:
        raise LabError(
            f"The cluster {access.name!r} does not answer.",
            f"{access.api_url}: {_cause(error)}. It may be stopped.",
            "labkit status, and if it is stopped: labkit start",
        ) from error


def refused(path: str, status: dict[str, Any]) -> LabError:
    """The LabError for a Status object that the API server answered to a request at `path`."""
    thing, kinds = _named(path)
    message = status.get("message", "")
    match status.get("code"):
        case 404:
            return LabError(
                f"There is no {thing}.",
                "It was not applied, it was deleted, or it is in another namespace.",
                f'lab.kubectl("get {kinds} --all-namespaces")',
            )
        case 409:
            return LabError(f"Something else changed the {thing} at the same moment.", message, "Run it again.")
        case 422:
            return LabError(f"The cluster refused the change to the {thing}: it would not be valid.", _causes(status))
        case 403:
            return LabError(f"This kubeconfig's user may not do that to the {thing}.", message)
        case 401:
            return LabError(
                "The cluster does not know this kubeconfig's user.",
                "It was made anew since this Lab was opened, or the credentials have expired.",
                "lab = Lab.current()",
            )
        case _:
            return LabError(f"The cluster could not answer about the {thing}.", message, "labkit status")


def _named(path: str) -> tuple[str, str]:
    """What a path is about, as words and as kubectl's name of the kind: (`deployment "web" in namespace "shop"`,
    "deployments")."""
    parts = path.strip("/").split("/")
    parts = parts[2:] if parts[0] == "api" else parts[3:]
    namespace = ""
    if parts[0] == "namespaces" and len(parts) > 2:
        namespace = f' in namespace "{parts[1]}"'
        parts = parts[2:]
    kinds = parts[0]
    name = f' "{parts[1]}"' if len(parts) > 1 else ""
    return f"{kinds.removesuffix('s')}{name}{namespace}", kinds


def _causes(status: dict[str, Any]) -> str:
    causes = status.get("details", {}).get("causes", [])
    return "\n".join(f"{cause.get('field', '')}: {cause.get('message', '')}" for cause in causes) or status.get("message", "")


def _cause(error: BaseException) -> str:
    """The innermost reason of a failed connection, without the client's wrapping."""
    reason = getattr(error, "reason", None)
    while isinstance(reason, BaseException):
        error, reason = reason, getattr(reason, "reason", None)
    return str(error).split(": ")[-1]
