"""Failures that the kubelet is told of, each with the gRPC status the CRI asks for."""

from __future__ import annotations

import grpc


class CRIError(Exception):
    """Base: the call failed for a reason nobody foresaw."""

    code = grpc.StatusCode.UNKNOWN


class NotFoundError(CRIError):
    """No sandbox, container or image has this id or name."""

    code = grpc.StatusCode.NOT_FOUND


class RefusedError(CRIError):
    """The call does not fit the state things are in."""

    code = grpc.StatusCode.FAILED_PRECONDITION


class ExhaustedError(CRIError):
    """No address is left."""

    code = grpc.StatusCode.RESOURCE_EXHAUSTED


class TimedOutError(CRIError):
    """A command took longer than its time limit and was killed."""

    code = grpc.StatusCode.DEADLINE_EXCEEDED


class ShimGoneError(CRIError):
    """The shim cannot be reached; its containers have died with it."""

    code = grpc.StatusCode.UNAVAILABLE
