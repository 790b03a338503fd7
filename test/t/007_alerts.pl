# Alerts: NOTIFY, medallion.alerts and the hook, from runs that are committed, rolled back or still
# going on; the bridge gives them to a web server within five seconds; secrets stay secret.
use strict;
use warnings FATAL => 'all';

use Medallion;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep time);

my $project = $ENV{MEDALLION_PROJECT};
my $folder = test_folder('alerts');
my $server = new_server('alerts', 'max_worker_processes = 16');

sub sql
{
	return $server->safe_psql('postgres', $_[0]);
}

sub alerts
{
	return sql("SELECT string_agg(concat_ws(' ', kind, layer, object), ', ' ORDER BY alert_id) FROM medallion.alerts");
}

write_file("$folder/good/a.csv", 'Id,Amount', '1,10', '2,20');
write_file("$folder/checked/a.csv", 'Id,Amount', '1,10', '2,20');
sql(<<"SQL");
SELECT medallion.create_feature('good', ARRAY['$folder/good/*'], ARRAY['id']);
SELECT medallion.create_feature('checked', ARRAY['$folder/checked/*'], ARRAY['id']);
SELECT medallion.add_check('checked', 'range', ARRAY['amount'], '{"max": 100}', error_if => 0.1);
CREATE TABLE public.hooked (alert jsonb, who text);
CREATE ROLE watcher; GRANT INSERT ON public.hooked TO watcher; GRANT CREATE ON SCHEMA public TO watcher; SET ROLE watcher;
CREATE FUNCTION public.on_alert(alert jsonb) RETURNS void LANGUAGE sql AS 'INSERT INTO public.hooked VALUES (alert, current_user)';
SQL

# --- the bridge and its web server ---

my $received = "$folder/received";
my $webserver = <<'PYTHON';
import http.server, socketserver, sys, threading, time
class Handler(http.server.BaseHTTPRequestHandler):
	def do_POST(self):
		body = self.rfile.read(int(self.headers["Content-Length"])).decode()
		with open(sys.argv[1], "a") as out:
			out.write("%f %s\n" % (time.time(), body))
		self.send_response(204)
		self.end_headers()
	def log_message(self, *rest):
		pass
class Mail(socketserver.StreamRequestHandler):
	def handle(self):
		body = None
		self.wfile.write(b"220 test\r\n")
		for line in self.rfile:
			if body is not None and line != b".\r\n":
				body += line
				continue
			if body is not None:
				with open(sys.argv[1] + ".mail", "ab") as out:
					out.write(body.replace(b"\r\n", b"\n") + b"\n--end--\n")
			body = b"" if line[:4].upper() == b"DATA" else None
			self.wfile.write(b"354 go on\r\n" if body is not None else b"221 bye\r\n" if line[:4].upper() == b"QUIT" else b"250 test\r\n")
server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
mail = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Mail)
mail.daemon_threads = True
threading.Thread(target=mail.serve_forever, daemon=True).start()
with open(sys.argv[1] + ".ports", "w") as out:
	out.write("%d %d\n" % (server.server_port, mail.server_address[1]))
server.serve_forever()
PYTHON
my ($in, $out, $err) = ('', '', '');
my $web = IPC::Run::start([ 'python3', '-c', $webserver, $received ], '<', \$in, '>', \$out, '2>', \$err);
ok(wait_until(sub { -s "$received.ports" }), 'a web server and a mail server listen');
my ($port, $mail_port) = split(' ', slurp_file("$received.ports"));
my ($bridge_in, $bridge_out, $bridge_err) = ('', '', '');
my $bridge;
{
	local %ENV = ($server->_get_env(), MEDALLION_WEBHOOK => "http://127.0.0.1:$port/discord/s3cr3t");
	$bridge = IPC::Run::start([ 'python3', "$project/examples/alert_bridge/bridge.py", '--dbname', $server->connstr('postgres'), '--state', "$folder/state",
			'--mail', 'ops@example.com', '--smtp', "127.0.0.1:$mail_port" ],
		'<', \$bridge_in, '>', \$bridge_out, '2>', \$bridge_err);
}
ok(wait_until(sub { sql("SELECT count(*) FROM pg_stat_activity WHERE query = 'SELECT;'") ne '0' }), 'the bridge listens');

sub posted
{
	return -e $received ? slurp_file($received) : '';
}

# --- a failure while its transaction goes on ---

my $listener = Medallion::Session->new($server, 'postgres');
$listener->query('LISTEN medallion');
sql("SELECT medallion.add_step('bad', 'SELECT public.explode()', 'start')");
sql(<<'SQL');
CREATE FUNCTION public.explode() RETURNS int LANGUAGE plpgsql AS $$
BEGIN
	RAISE EXCEPTION 'cannot connect to postgresql://joe:hunter2@db/x with password=hunter2 "token": "hunter2"' USING HINT = 'PASSWORD ''hunter2''';
END $$
SQL
my $session = Medallion::Session->new($server, 'postgres');
$session->query("SET medallion.alert_hook = 'public.on_alert'");
$session->query('BEGIN');
my $start = time();
$session->query('SELECT count(*) FROM medallion.run_pipeline()');
ok(wait_until(sub { posted() =~ /failure step bad/ }, 10), 'the web server hears of a failure');
my ($at) = posted() =~ /^([\d.]+)/;
cmp_ok($at - $start, '<', 5, sprintf('within five seconds (%.2f s), while the run has not committed', $at - $start));
ok(wait_until(sub { -s "$received.mail" }, 10), 'so does the mail server');
my $mail = slurp_file("$received.mail");
like($mail, qr/^Subject: medallion: failure bad$/m, 'the mail says what failed');
like($mail, qr/^To: ops\@example\.com$/m, 'to whom it should');
like(($listener->query('SELECT 1'))[0], qr/Asynchronous notification "medallion" with payload "\{.*"kind": "failure".*\}"/, 'NOTIFY has a json payload');
is(sql("SELECT count(*) || min(who) FROM public.hooked"), '1watcher', 'the hook was called, with the rights of its owner');
$session->query('ROLLBACK');
is(alerts(), 'failure step bad', 'the alert outlives the rollback');
is(sql("SELECT failures FROM medallion.failing"), '1', 'what fails is known');

# --- secrets ---

ok(wait_until(sub { sql("SELECT count(*) FROM medallion.runs WHERE status = 'ROLLED_BACK'") eq '1' }), 'the run is logged');
is(sql("SELECT count(*) FROM (SELECT alerts::text FROM medallion.alerts UNION ALL SELECT runs::text FROM medallion.runs
	UNION ALL SELECT pipeline_runs::text FROM etl_logs.pipeline_runs UNION ALL SELECT failing::text FROM medallion.failing
	UNION ALL SELECT hooked::text FROM public.hooked) t (line) WHERE line ~ 'hunter2'"), '0', 'no log has the password');
unlike(posted() . $mail, qr/hunter2/, 'nor has the message');
unlike($bridge_out . $bridge_err, qr/s3cr3t/, 'the bridge does not print its address');

# --- again, then recovery, quality, success ---

$server->psql('postgres', 'CALL medallion.run_pipeline_proc()');
is(sql("SELECT detail->>'failures' FROM medallion.alerts ORDER BY alert_id DESC LIMIT 1"), '2', 'a second failure in a row says so');
sql("SELECT medallion.add_step('bad', 'SELECT 1', 'start')");
sql('CALL medallion.run_pipeline_proc()');
is(sql("SELECT kind || ' ' || object FROM medallion.alerts ORDER BY alert_id DESC LIMIT 1"), 'recovery bad', 'it works again');
is(sql('SELECT count(*) FROM medallion.failing'), '0', 'nothing fails any more');
write_file("$folder/checked/b.csv", 'Id,Amount', '3,1000', '4,2000');
sql("SET medallion.alert_on = 'failure,recovery,quality,success'; CALL medallion.run_pipeline_proc()");
is(sql("SELECT string_agg(kind || ' ' || object, ', ' ORDER BY alert_id) FROM medallion.alerts WHERE alert_id > 3"), 'quality checked, success default', 'a failed check and a success');
my $before = alerts();
sql('CALL medallion.run_pipeline_proc()');
is(alerts(), $before, 'a run with nothing to tell tells nothing');
write_file("$folder/good/broken.xlsx", "PK\x03\x04 this is no workbook");
$server->psql('postgres', "SET medallion.alert_on = ''; CALL medallion.run_pipeline_proc()");
is(alerts(), $before, 'alert_on decides');
unlink("$folder/good/broken.xlsx");

# --- a hook that fails, one that is not there ---

sql("CREATE OR REPLACE FUNCTION public.explode() RETURNS int LANGUAGE sql AS 'SELECT 1/0'; SELECT medallion.add_step('bad', 'SELECT public.explode()', 'start');
	CREATE FUNCTION public.bad_hook(jsonb) RETURNS void LANGUAGE sql AS 'SELECT 1/0'");
my ($status, $text, $errors) = $server->psql('postgres', "SET client_min_messages = warning; SET medallion.alert_hook = 'public.bad_hook'; CALL medallion.run_pipeline_proc()");
like($errors, qr/WARNING:.*alert hook public\.bad_hook failed: division by zero/, 'a hook that fails is a warning');
($status, $text, $errors) = $server->psql('postgres', "SET client_min_messages = warning; SET medallion.alert_hook = 'public.nowhere'; CALL medallion.run_pipeline_proc()");
like($errors, qr/WARNING:.*alert hook public\.nowhere\(jsonb\) does not exist/, 'one that is not there too');
is(sql("SELECT detail->>'failures' FROM medallion.alerts ORDER BY alert_id DESC LIMIT 1"), '2', 'the alerts stand');
sql("SELECT medallion.drop_step('bad')");

# --- who waits for a run is told where it is ---

sql("SELECT medallion.add_step('slow', 'SELECT pg_sleep(2.5)', 'start')");
($status, $text, $errors) = $server->psql('postgres', 'SET client_min_messages = notice; SELECT FROM medallion.run_pipeline()');
like($errors, qr/NOTICE:  bronze \w+$/m, 'a line of progress');
unlike($errors, qr/(NOTICE:.*\n.*){3}/, 'not one for each step');
($status, $text, $errors) = $server->psql('postgres', "SET client_min_messages = notice;\nCALL medallion.run_pipeline_proc()");
like($errors, qr/NOTICE:  0 of 3 steps done; at work: step slow$/m, 'also of a run whose workers do the work');
sql("SELECT medallion.drop_step('slow')");

# --- a run that is cancelled, a bridge that was away ---

ok(wait_until(sub { (() = posted() =~ /\n/g) == sql('SELECT count(*) FROM medallion.alerts') }, 15), 'the web server has them all');
$bridge->kill_kill;
$session->query("SELECT medallion.add_step('slow', 'SELECT pg_sleep(30)', 'start')");
$session->query('SET statement_timeout = 200');
$session->query('SELECT count(*) FROM medallion.run_pipeline()');
ok(wait_until(sub { alerts() =~ /failure run default$/ }), 'a cancelled run is told of');
{
	local %ENV = ($server->_get_env(), MEDALLION_WEBHOOK => "http://127.0.0.1:$port/slack");
	$bridge = IPC::Run::start([ 'python3', "$project/examples/alert_bridge/bridge.py", '--dbname', $server->connstr('postgres'), '--state', "$folder/state" ],
		'<', \$bridge_in, '>', \$bridge_out, '2>', \$bridge_err);
}
ok(wait_until(sub { posted() =~ /"text": "\[error\] failure run default: run cancelled/ }, 15), 'the bridge tells what it missed, to Slack in its words');
is((() = posted() =~ /\n/g), sql('SELECT count(*) FROM medallion.alerts'), 'and nothing twice');

$bridge->kill_kill;
$web->kill_kill;
$_->close for ($listener, $session);
$server->stop;
done_testing();
