#!/usr/bin/env python3
"""Are the tests there that docs/*.md name by their titles?  Prints those that are not."""
import pathlib
import re
import sys

project = pathlib.Path(__file__).resolve().parent.parent
pages = {"pipelines.md": 20, "semantics.md": 11}
missing = []
for page, fewest in pages.items():
    named = re.findall(r'`((?:pgtap|t|specs)/[^`]+)`: "([^"]+)"', (project / "docs" / page).read_text())
    missing += [f'{file}: "{title}"' for file, title in named
                if title not in (project / "test" / file).read_text().replace("''", "'")]
    if len(named) < fewest:
        missing.append(f"{page} names {len(named)} tests, not {fewest}")
print("\n".join(missing))
sys.exit(1 if missing else 0)
