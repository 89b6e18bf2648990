"""The Python side of the CRI API, generated from the cri-api module's api.proto when the cluster is built."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path


def generate(proto: Path, out: Path) -> None:
    """Write api_pb2.py and api_pb2_grpc.py into the folder `out`, all of it or nothing.

    proto: api.proto of k8s.io/cri-api. Needs grpcio-tools. Raises RuntimeError when protoc refuses the file.
    """
    from grpc_tools import protoc

    out.parent.mkdir(parents=True, exist_ok=True)
    aside = Path(tempfile.mkdtemp(prefix=f".{out.name}-", dir=out.parent))
    try:
        code = protoc.main(["protoc", f"-I{proto.parent}", f"--python_out={aside}", f"--grpc_python_out={aside}", str(proto)])
        if code != 0:
            raise RuntimeError(f"protoc cannot translate {proto} (exit code {code})")
        aside.chmod(0o755)
        if out.exists():
            shutil.rmtree(out)
        aside.rename(out)
    finally:
        shutil.rmtree(aside, ignore_errors=True)
