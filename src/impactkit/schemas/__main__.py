"""``python -m impactkit.schemas``: make both schemas again, beside this file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from impactkit.schemas.keys import study_schema
from impactkit.schemas.values import evaluation_schema

MADE = {"study": study_schema, "evaluation": evaluation_schema}


def made(schema: dict[str, Any]) -> str:
    """Return a schema as it is written."""
    return json.dumps(schema, ensure_ascii=False, indent=2) + "\n"


if __name__ == "__main__":
    for name, make in MADE.items():
        path = Path(__file__).with_name(f"{name}.schema.json")
        path.write_text(made(make()), encoding="utf-8")
        print(f"Wrote {path.name}.")
