"""What dbt did to renew a snapshot, as a script: python3 dbt_statements.py dbt.log"""

import json
import sys

WORK = ("create temporary table", "update", "insert")


def statements(path):
    """The statements of the snapshot that change anything, without dbt's comment."""
    with open(path, encoding="utf-8") as log:
        for line in log:
            event = json.loads(line)
            if event["info"]["name"] != "SQLQuery" or not event["data"].get("node_info", {}).get("unique_id", "").startswith("snapshot."):
                continue
            text = event["data"]["sql"].split("*/", 1)[-1].strip()
            if text.startswith(WORK):
                yield text.rstrip(";")


print("BEGIN;")
for statement in statements(sys.argv[1]):
    print(statement, ";", sep="")
print("COMMIT;")
