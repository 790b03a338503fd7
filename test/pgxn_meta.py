#!/usr/bin/env python3
"""Is META.json one that PGXN takes?  By the specification's rules, version 1.0.0; prints what is wrong.

    test/pgxn_meta.py META.json
"""
import json
import pathlib
import re
import sys

VERSION = re.compile(r"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(-[0-9A-Za-z-]+(\.[0-9A-Za-z-]+)*)?(\+[0-9A-Za-z.-]+)?")
RANGE = re.compile(r"\s*((==|!=|<=|>=|<|>)?\s*[0-9A-Za-z.+-]+\s*(,|$)\s*)+")
LICENSES = set("agpl_3 apache_1_1 apache_2_0 artistic_1 artistic_2 bsd freebsd gfdl_1_2 gfdl_1_3 gpl_1 gpl_2 gpl_3 lgpl_2_1 "
               "lgpl_3_0 mit mozilla_1_0 mozilla_1_1 openssl perl_5 postgresql qpl_1_0 ssleay sun zlib open_source restricted "
               "unrestricted unknown".split())
REQUIRED = {"name", "version", "abstract", "maintainer", "license", "provides", "meta-spec"}
OPTIONAL = {"description", "generated_by", "tags", "no_index", "prereqs", "release_status", "resources"}


def is_text(value):
    return isinstance(value, str) and value.strip() != ""


def is_term(value):
    return is_text(value) and len(value) >= 2 and not re.search(r"[\s/\\\x00-\x1f]", value)


def is_tag(value):
    return is_text(value) and len(value) < 256 and not re.search(r"[/\\\x00-\x1f]", value)


def check_provides(provides, folder):
    """What each extension of the distribution must say, and whether its files are there."""
    if not isinstance(provides, dict) or not provides:
        return ["provides is not an object with an extension"]
    wrong = []
    for name, extension in provides.items():
        if not is_term(name):
            wrong.append(f"provides: {name!r} is no name")
        unknown = set(extension) - {"file", "version", "abstract", "docfile"}
        wrong += [f"provides.{name}: unknown key {key}" for key in sorted(unknown) if not key.lower().startswith("x_")]
        if not VERSION.fullmatch(str(extension.get("version"))):
            wrong.append(f"provides.{name}.version is no semantic version")
        wrong += [f"provides.{name}.{key}: there is no such file" for key in ("file", "docfile")
                  if (key == "file" or key in extension) and not (folder / str(extension.get(key))).is_file()]
    return wrong


def check_prereqs(prereqs):
    wrong = []
    for phase, relations in prereqs.items():
        if phase not in ("configure", "build", "test", "runtime", "develop"):
            wrong.append(f"prereqs: no phase {phase}")
        for relation, wanted in relations.items():
            if relation not in ("requires", "recommends", "suggests", "conflicts"):
                wrong.append(f"prereqs.{phase}: no relation {relation}")
            wrong += [f"prereqs.{phase}.{relation}.{name} is no range of versions" for name, versions in wanted.items()
                      if versions != 0 and not (isinstance(versions, str) and RANGE.fullmatch(versions))]
    return wrong


def check(meta, folder):
    """All that is wrong."""
    wrong = [f"{key} is missing" for key in sorted(REQUIRED - set(meta))]
    wrong += [f"unknown key {key}" for key in sorted(set(meta) - REQUIRED - OPTIONAL) if not key.lower().startswith("x_")]
    if wrong:
        return wrong
    people = meta["maintainer"] if isinstance(meta["maintainer"], list) else [meta["maintainer"]]
    licenses = meta["license"] if isinstance(meta["license"], list) else [meta["license"]]
    rules = {
        "name is no term": is_term(meta["name"]),
        "version is no semantic version": VERSION.fullmatch(str(meta["version"])),
        "abstract is empty": is_text(meta["abstract"]),
        "maintainer is empty": people and all(map(is_text, people)),
        "license is not one of PGXN's names": isinstance(meta["license"], dict) or licenses and set(licenses) <= LICENSES,
        "meta-spec.version is not 1.0.x": re.fullmatch(r"1\.0\.\d+", str(meta["meta-spec"].get("version"))),
        "description is empty": "description" not in meta or is_text(meta["description"]),
        "generated_by is empty": "generated_by" not in meta or is_text(meta["generated_by"]),
        "tags are no tags": "tags" not in meta or meta["tags"] and all(map(is_tag, meta["tags"])),
        "release_status is unknown": meta.get("release_status", "stable") in ("stable", "testing", "unstable"),
    }
    wrong = [text for text, holds in rules.items() if not holds]
    return wrong + check_provides(meta["provides"], folder) + check_prereqs(meta.get("prereqs", {}))


path = pathlib.Path(sys.argv[1])
errors = check(json.loads(path.read_text()), path.parent)
print("".join(f"{path.name}: {error}\n" for error in errors), end="")
sys.exit(bool(errors))
