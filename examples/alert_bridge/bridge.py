#!/usr/bin/env python3
"""Passes medallion's alerts on to Discord, Slack, any webhook, or mail.

    MEDALLION_WEBHOOK=https://... bridge.py --dbname mydb               Discord or Slack, by the address
    MEDALLION_WEBHOOK=https://... bridge.py --dbname mydb --format json the alert as it is
    bridge.py --dbname mydb --mail ops@example.com --smtp localhost:25

It keeps one psql that listens, and looks into medallion.alerts for what was raised while it was
away (--state remembers how far it came).  Connections are libpq's affair: PGHOST, PGUSER,
~/.pgpass.  The webhook's address is a secret: it is taken from the environment and never printed.
"""
import argparse
import json
import os
import re
import select
import smtplib
import subprocess
import sys
import time
import urllib.request
from email.message import EmailMessage

HEARD = re.compile(r'^Asynchronous notification "medallion" with payload "(.*)" received from server process', re.S)
SINCE = ("SELECT jsonb_build_object('alert_id', alert_id, 'kind', kind, 'severity', severity, 'run_id', run_id,"
         " 'pipeline', pipeline_name, 'layer', layer, 'object', object, 'message', message)"
         " FROM medallion.alerts WHERE alert_id > %d ORDER BY alert_id;\n")


def text_of(alert):
    """One alert as a line for people."""
    place = " ".join(str(alert[k]) for k in ("layer", "object") if alert.get(k))
    return f"[{alert.get('severity', '?')}] {alert.get('kind', '?')} {place}: {alert.get('message', '')} (run {alert.get('run_id')})"


def body_for(alert, kind, url):
    """What a webhook of this kind wants to read."""
    if kind == "auto":
        kind = "discord" if "discord" in url else "slack" if "slack" in url else "json"
    if kind == "json":
        return alert
    return {"content" if kind == "discord" else "text": text_of(alert)[:1900]}


def post(alert, kind, url):
    request = urllib.request.Request(url, json.dumps(body_for(alert, kind, url)).encode(),
                                     {"Content-Type": "application/json", "User-Agent": "medallion-alerts"})
    with urllib.request.urlopen(request, timeout=10):
        pass


def mail(alert, to, server, sender):
    message = EmailMessage()
    message["Subject"] = f"medallion: {alert.get('kind')} {alert.get('object') or ''}".replace("\n", " ")
    message["From"], message["To"] = sender, to
    message.set_content(text_of(alert) + "\n\n" + json.dumps(alert, indent=2))
    host, _, port = server.partition(":")
    with smtplib.SMTP(host, int(port or 25), timeout=10) as smtp:
        smtp.send_message(message)


def deliver(alert, options, url):
    """Sends one alert; three tries, then the loss is said, without the address."""
    for attempt in range(3):
        try:
            if url:
                post(alert, options.format, url)
            if options.mail:
                mail(alert, options.mail, options.smtp, options.sender)
            return
        except OSError as error:
            print(f"alert {alert.get('alert_id')} not delivered: {type(error).__name__}", file=sys.stderr)
            time.sleep(0.5 * 2 ** attempt)


def listen(options, url, seen):
    """One connection: yields until it breaks; returns the last alert seen."""
    psql = subprocess.Popen(["psql", "-X", "-q", "-A", "-t", "-d", options.dbname], stdin=subprocess.PIPE,
                            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)

    def ask(statement):
        psql.stdin.write(statement.encode())
        psql.stdin.flush()

    buffer = b""
    try:
        ask("LISTEN medallion;\n" + (SINCE % seen if seen is not None else
                                     "SELECT jsonb_build_object('start', coalesce(max(alert_id), 0)) FROM medallion.alerts;\n"))
        while True:
            ready, _, _ = select.select([psql.stdout], [], [], options.interval)
            if not ready:
                ask("SELECT;\n")        # psql looks for notifications after a statement
                continue
            chunk = os.read(psql.stdout.fileno(), 65536)
            if not chunk:
                return seen
            *lines, buffer = (buffer + chunk).split(b"\n")
            for line in lines:
                line = line.decode(errors="replace")
                heard = HEARD.match(line)
                text = heard.group(1) if heard else line
                if not text.startswith("{"):
                    continue
                alert = json.loads(text)
                if "start" in alert:
                    seen = alert["start"]
                elif seen is None or alert["alert_id"] > seen:
                    deliver(alert, options, url)
                    seen = alert["alert_id"]
                    remember(options.state, seen)
    except (BrokenPipeError, OSError):
        return seen
    finally:
        psql.kill()
        psql.wait()


def remember(path, seen):
    if path:
        with open(path + ".part", "w") as out:
            out.write(str(seen))
        os.replace(path + ".part", path)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dbname", default=os.environ.get("PGDATABASE", "postgres"), help="name or connection string without password")
    parser.add_argument("--format", choices=["auto", "discord", "slack", "json"], default="auto")
    parser.add_argument("--mail", help="address to send mail to")
    parser.add_argument("--smtp", default="localhost:25")
    parser.add_argument("--sender", default="medallion@localhost")
    parser.add_argument("--state", help="file that remembers the last alert delivered")
    parser.add_argument("--interval", type=float, default=1.0, help="seconds between looks for notifications")
    options = parser.parse_args()
    url = os.environ.get("MEDALLION_WEBHOOK")
    if not url and not options.mail:
        parser.error("set MEDALLION_WEBHOOK, or give --mail")
    seen = None
    if options.state and os.path.exists(options.state):
        with open(options.state) as state:
            seen = int(state.read() or 0)
    while True:
        seen = listen(options, url, seen)
        time.sleep(1)


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        pass
