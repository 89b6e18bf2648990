"""python -m labkit.cluster.embedded.cri CONFIG.json"""

from __future__ import annotations

import asyncio
import logging
import sys
from pathlib import Path

from labkit.cluster.embedded.cri.config import Config


def main() -> None:
    """Serve until killed."""
    config = Config.load(Path(sys.argv[1]))
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    sys.path.insert(0, str(config.stubs))
    from labkit.cluster.embedded.cri.server import serve  # needs the stubs

    asyncio.run(serve(config))


if __name__ == "__main__":
    main()
