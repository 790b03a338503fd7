"""Runs a command; prints "seconds cpu_seconds peak_kB" of it, or fails as it does."""
import resource
import subprocess
import sys
import time

start = time.perf_counter()
status = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL).returncode
elapsed = time.perf_counter() - start
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print("%.3f %.3f %d" % (elapsed, used.ru_utime + used.ru_stime, used.ru_maxrss))
sys.exit(status)
