"""docs/config.schema.json beside the code, and configurations beside it.

    config_schema.py                  the schema names what src/ knows, no more and no less
    config_schema.py file.json ...    each file is a configuration that it accepts
    config_schema.py --kinds          what medallion.config_kinds() gives, on standard input as json

Says nothing where all is well; a line for each fault otherwise.  Python's standard library alone.
"""
import json
import os
import re
import sys

PROJECT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")
TYPES = {"object": dict, "array": list, "string": str, "boolean": bool, "null": type(None),
         "integer": int, "number": (int, float)}
KNOWN = {"$schema", "$defs", "$ref", "title", "description", "type", "enum", "oneOf", "required", "properties",
         "additionalProperties", "items", "minItems", "minimum", "minLength", "maxLength", "pattern"}


def has_type(value, name):
    if isinstance(value, bool) and name != "boolean":
        return False
    return isinstance(value, TYPES[name])


def faults(schema, value, root, path="$"):
    """Where and why a value does not fit a schema."""
    unknown = set(schema) - KNOWN
    if unknown:
        raise ValueError(f"{path}: this validator does not know {unknown}")
    if "$ref" in schema:
        yield from faults(root["$defs"][schema["$ref"].removeprefix("#/$defs/")], value, root, path)
    if "enum" in schema and value not in schema["enum"]:
        yield f"{path}: {value!r} is not one of {schema['enum']}"
    if "oneOf" in schema:
        fits = [not list(faults(s, value, root, path)) for s in schema["oneOf"]]
        if sum(fits) != 1:
            yield f"{path}: fits {sum(fits)} of {len(fits)} forms: {str(value)[:80]}"
    types = schema.get("type", list(TYPES))
    types = [types] if isinstance(types, str) else types
    if not any(has_type(value, t) for t in types):
        yield f"{path}: {str(value)[:80]!r} is no {' or '.join(types)}"
        return
    if isinstance(value, dict):
        for key in schema.get("required", []):
            if key not in value:
                yield f"{path}: has no {key}"
        for key, member in value.items():
            inner = schema.get("properties", {}).get(key, schema.get("additionalProperties", {}))
            if inner is False:
                yield f"{path}: has {key}, which is none"
            elif isinstance(inner, dict):
                yield from faults(inner, member, root, f"{path}.{key}")
    elif isinstance(value, list):
        if len(value) < schema.get("minItems", 0):
            yield f"{path}: is too short"
        for i, element in enumerate(value):
            yield from faults(schema.get("items", {}), element, root, f"{path}[{i}]")
    elif isinstance(value, str):
        if not schema.get("minLength", 0) <= len(value) <= schema.get("maxLength", len(value)):
            yield f"{path}: {value!r} is too short or too long"
        if "pattern" in schema and not re.search(schema["pattern"], value):
            yield f"{path}: {value!r} does not look like {schema['pattern']}"
    elif isinstance(value, int) and value < schema.get("minimum", value):
        yield f"{path}: {value} is too small"


def same(what, schema, code):
    for name in sorted(set(schema) - set(code)):
        yield f"{what}: the schema has {name}, which the code does not know"
    for name in sorted(set(code) - set(schema)):
        yield f"{what}: the schema lacks {name}"


def source(path):
    with open(os.path.join(PROJECT, path), encoding="utf-8") as file:
        return file.read()


def block(text, start):
    """From a line that begins a table to the line that ends it."""
    begin = text.index(start)
    return text[begin:text.index("\n};", begin)]


SAMPLES = {"string": "x", "boolean": True, "integer": 3, "array": ["x"], "object": {}}
ACCEPTED = {"OPTION_BOOL": {"boolean"}, "OPTION_SWITCH": {"boolean"}, "OPTION_INT": {"integer"}, "OPTION_TEXT": {"string"},
            "OPTION_NAMES": {"string", "array"}, "OPTION_SCOPE": {"string", "array"}, "OPTION_OBJECT": {"object"}}


def option_faults(root, schema, text, table):
    """Names, types and choices of a table of base/options.c."""
    choices = {name: re.findall(r'"([^"]*)"', words)
               for name, words in re.findall(r"const char \*const (\w+)\[\] = \{([^}]*)\}", text)}
    known = re.findall(r'\{"(\w+)", (OPTION_\w+), [^,}]+(?:, (\w+))?', block(text, f"static const OptionDef {table}[] = {{"))
    if len(known) < 4:
        yield f"{table}: not understood"
    yield from same(table, schema["properties"], [name for name, _, _ in known])
    for name, kind, words in known:
        form = schema["properties"].get(name, {})
        if None in form.get("enum", [None]) and list(faults(form, None, root)):
            yield f"{table}.{name}: null takes an option back"
        if kind == "OPTION_CHOICE" and sorted(w for w in form.get("enum", []) if w) != sorted(choices[words]):
            yield f"{table}.{name}: the code has {choices[words]}"
        if kind in ACCEPTED and "enum" not in form:
            accepted = {t for t, sample in SAMPLES.items() if not list(faults(form, sample, root))}
            if accepted != ACCEPTED[kind]:
                yield f"{table}.{name}: the schema takes {accepted}, the code {ACCEPTED[kind]}"


def check_faults(root, text):
    kinds = [w for pair in re.findall(r'^\t\{"(\w+)", "(\w+)", CHECK_', text, re.M) for w in pair]
    yield from same("kinds of check", root["$defs"]["check"]["properties"]["kind"]["enum"], kinds)
    named = root["$defs"]["checks"]["items"]["oneOf"][0]["enum"]
    yield from same("checks by name", named, kinds)
    fields = re.findall(r'"(\w+)"', re.search(r"const fields\[\] = \{(.*?)\}", text, re.S)[1])
    yield from same("fields of a check", root["$defs"]["check"]["properties"], fields)
    actions = re.findall(r'"(\w+)"', re.search(r"action_names\[\] = \{(.*?)\}", text)[1])
    yield from same("actions", [a for a in root["$defs"]["check"]["properties"]["action"]["enum"] if a], actions)


def code_faults(root):
    defs = root["$defs"]
    options = source("src/base/options.c")
    yield from option_faults(root, defs["feature_options"], options, "feature_options")
    yield from option_faults(root, defs["column"], options, "column_options")
    yield from option_faults(root, defs["feature_options"]["properties"]["history_columns"], options, "history_column_options")
    model = block(source("src/gold/model.c"), "}\t\t\tmodel_options[] =")
    yield from same("model options", defs["model_options"]["properties"], re.findall(r'\{"(\w+)", Set', model))
    yield from check_faults(root, source("src/silver/check_def.c"))
    run = re.findall(r'strcmp\(name, "(\w+)"\)', source("src/run/pipeline.c"))
    yield from same("run options", defs["run_options"]["properties"], run)


def kind_faults(root, kinds):
    yield from same("top level", root["properties"], [k["key"] for k in kinds] + ["$schema", "notes"])
    for kind in kinds:
        entry = root["$defs"][kind["word"]]
        yield from same(kind["key"], entry["properties"], kind["allowed"])
        yield from same("required of " + kind["key"], entry["required"], kind["required"])


def main(arguments):
    root = json.loads(source("docs/config.schema.json"))
    found = []
    if not arguments:
        found = list(code_faults(root))
    elif arguments == ["--kinds"]:
        found = list(kind_faults(root, json.load(sys.stdin)))
    else:
        for path in arguments:
            with open(path, encoding="utf-8") as file:
                found += [f"{path}: {fault}" for fault in faults(root, json.load(file), root)]
    for line in found:
        print(line)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
