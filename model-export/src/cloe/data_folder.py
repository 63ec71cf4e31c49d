"""Where optional shared data lie: never needed, used when present."""

from __future__ import annotations

import os
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[3]
"""Root of the repository when the package runs from its source tree."""

ABSENT = "skipped: no data folder; set CLOE_DATA or provide ../shared/data"


def data_folder(name: str) -> Path | None:
    """Folder ``name`` under ``$CLOE_DATA``, else under ``../shared/data`` next to the repository, else ``None``."""
    configured = os.environ.get("CLOE_DATA")
    root = Path(configured) if configured else REPOSITORY.parent / "shared" / "data"
    folder = root / name
    return folder if folder.is_dir() else None
