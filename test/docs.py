#!/usr/bin/env python3
"""Are the tests there that docs/pipelines.md names by their titles?  Prints those that are not."""
import pathlib
import re
import sys

project = pathlib.Path(__file__).resolve().parent.parent
named = re.findall(r'`((?:pgtap|t)/[^`]+)`: "([^"]+)"', (project / "docs/pipelines.md").read_text())
missing = [f'{file}: "{title}"' for file, title in named if title not in (project / "test" / file).read_text()]
print("\n".join(missing))
sys.exit(1 if missing or len(named) < 20 else 0)
