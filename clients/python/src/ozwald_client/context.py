"""How to reach a control plane: the files that its first start writes and that ozctl uses."""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Context:
    name: str
    address: str
    """"https://HOST:PORT"."""
    ca_pem: str = field(repr=False)
    """Certificate of the cluster's authority; the only one that is trusted."""
    token: str = field(repr=False)
    """Bearer token."""


def read_context(name: str | None = None) -> Context:
    """Reads a context. Default: $OZWALD_CONTEXT, else the one that `ozctl context use` chose, else "local"."""
    folder = Path(os.environ.get("OZWALD_CONFIG_DIR") or Path.home() / ".config" / "ozwald")
    current = folder / "current"
    chosen = name or os.environ.get("OZWALD_CONTEXT") or (current.read_text().strip() if current.exists() else "") or "local"
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", chosen):
        raise ValueError(f"{chosen!r} is no name of a context")
    file = folder / "contexts" / f"{chosen}.json"
    data = json.loads(file.read_text())
    missing = [key for key in ("address", "caPem", "token") if not data.get(key)]
    if missing:
        raise ValueError(f"{file} lacks {', '.join(missing)}")
    if not data["address"].startswith("https://"):
        raise ValueError(f"{file}: {data['address']} is no https address")
    return Context(name=chosen, address=data["address"], ca_pem=data["caPem"], token=data["token"])
