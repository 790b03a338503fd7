"""How the workbooks that a script writes are judged by what reader_check makes of them.

A script is called as: authored_FORMAT.py READER_CHECK FOLDER.
"""
import os
import subprocess
import sys

check, folder = sys.argv[1:]
patience = int(os.environ.get("MEDALLION_PATIENCE", "20"))  # seconds
plain = os.environ.get("MEDALLION_PLAIN")  # the same without sanitizers
tenth = int(os.environ.get("MEDALLION_TENTH", "1"))  # 10 where time is short
failures = []
cases = 0


def some(count):
    """The numbers of so many random cases, or of a tenth of them."""
    return range(0, count, tenth)


def run(data, name, *options):
    """What the reader makes of these bytes; neither a crash nor a hang is right, whatever they are."""
    global cases
    cases += 1
    path = os.path.join(folder, "authored")
    with open(path, "wb") as file:
        file.write(data)
    try:
        done = subprocess.run([check, *options, path], capture_output=True, timeout=patience)
    except subprocess.TimeoutExpired:
        failures.append("%s: hangs" % name)
        return ""
    if done.returncode != 0:
        failures.append("%s: %s" % (name, done.stderr.decode()[:600]))
    return done.stdout.decode()


def gives(name, data, *cells, options=()):
    """Cells as "row column kind value", in order; those of another sheet than S begin with its name."""
    wanted = "".join(("\t".join(cell) if len(cell) == 5 else "S\t" + "\t".join(cell)) + "\n"
                     for cell in (c.split(" ", 3) if isinstance(c, str) else c for c in cells))
    got = run(data, name, *options)
    if got != wanted:
        failures.append("%s:\n%s  instead of\n%s" % (name, got, wanted))


def cheap(name, *options, megabytes=64):
    """What was run last takes a second of the processor at most, and so much memory."""
    if plain is None:
        return
    done = subprocess.run([plain, "-cm", *options, os.path.join(folder, "authored")], capture_output=True, timeout=60)
    peak, spent = map(int, done.stderr.split()[-2:])
    if peak > megabytes << 10 or spent > 1000:
        failures.append("%s: takes %d kB and %d ms" % (name, peak, spent))


def survives(name, data, *options):
    """Damaged as it is, it is read or refused in good order, and at little cost."""
    run(data, name, *options)
    cheap(name, *options)


def refused(name, data, message, rows=0, options=()):
    """So many rows, then a refusal that says this, at little cost."""
    got = run(data, name, *options).split("\n")
    if len(got) <= rows or not got[rows].startswith("error\t") or message not in got[rows]:
        failures.append("%s: %s" % (name, got[:rows + 2]))
    cheap(name, *options)


def bomb(name, data, message, *options):
    """Refused, however much was given before, at little cost."""
    got = run(data, name, "-c", *options).split("\n")[:-1]
    if not got or not got[-1].startswith("error\t") or message not in got[-1]:
        failures.append("%s: %s" % (name, got[-4:]))
    cheap(name, *options)


def counts(name, data, rows, cells, *options):
    """Read to its end, however much it is, at little cost."""
    got = run(data, name, "-c", *options)
    if got != "rows\t%d\nbad\t0\ncells\t%d\n" % (rows, cells):
        failures.append("%s: %s" % (name, got[-200:]))
    cheap(name, *options)


def finish():
    for failure in failures:
        print(failure[:2000])
    print("%d workbooks, %d fail" % (cases, len(failures)))
    sys.exit(len(failures) > 0)
