# What only a server shows: links that are swapped while files are looked for and opened, what the
# server's log has of rows and passwords, who background workers are.

use strict;
use warnings FATAL => 'all';

use Cwd qw(abs_path);
use File::Basename qw(dirname);
use lib dirname(__FILE__);
use Medallion;
use POSIX ();
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time);

my $folder = test_folder('security');
my $server = new_server('security', "log_statement = none\nmedallion.retry_delay = 0\nlog_min_messages = notice");
my $open = "$folder/open";
my $secret = "$folder/secret";

sub as_role
{
	my ($role, $sql) = @_;
	my ($status, $out, $err) = $server->psql('postgres', $sql, extra_params => [ '-U', $role ]);
	return "$out$err";
}

# --- a process swaps a file and a link, a folder and a link, as fast as it can ---

write_file("$open/in/good.csv", 'Id,Word', '1,good');
write_file("$open/good.csv", 'Id,Word', '1,good');
write_file("$secret/secret.csv", 'Id,Word', map { "$_,secret" } 1 .. 40);
write_file("$secret/hidden_name.csv", 'Id,Word', '1,secret');
write_file("$open/plain.csv", 'Id,Word', '1,good');
system('cp', '-r', "$open/in", "$open/kept") == 0 or die 'cannot copy';

$server->safe_psql('postgres', "CREATE ROLE plain LOGIN; CREATE ROLE manager LOGIN;
	GRANT CREATE ON DATABASE postgres TO plain;
	SELECT medallion.grant_role('admin', 'plain')");
$server->safe_psql('postgres', "ALTER DATABASE postgres SET medallion.allowed_paths = '$open'");

my $swapper = fork() // die "cannot fork: $!";
if ($swapper == 0)
{
	my $parent = getppid();
	# renames replace in one step; the exchange of a folder takes two
	for (my $i = 0; getppid() == $parent; $i++)
	{
		if ($i % 2)
		{
			symlink("$secret/secret.csv", "$open/next.tmp");
			rename("$open/in", "$open/out");
			symlink($secret, "$open/in");
		}
		else
		{
			link("$open/plain.csv", "$open/next.tmp");
			unlink("$open/in");
			rename("$open/out", "$open/in");
		}
		rename("$open/next.tmp", "$open/good.csv");
	}
	POSIX::_exit(0);
}

my %told;
my ($leaked, $names, $sizes, $reads) = (0, 0, 0, 0);
my $end = time() + ($ENV{MEDALLION_QUICK} ? 6 : 15);
my $statement = <<"SQL";
SET client_min_messages = error;
CREATE TEMP TABLE seen (what text, said text);
CREATE FUNCTION pg_temp.try(what text, query text) RETURNS void LANGUAGE plpgsql AS \$\$
DECLARE
	said text;
BEGIN
	EXECUTE query INTO said;
	INSERT INTO seen VALUES (what, coalesce(said, ''));
EXCEPTION WHEN OTHERS THEN
	INSERT INTO seen VALUES (what, 'ERROR ' || SQLERRM);
END
\$\$;
CREATE FOREIGN TABLE IF NOT EXISTS public.raced (id text, word text, _path text) SERVER medallion_files OPTIONS (path '$open/*/*.csv');
SELECT count(*) FROM (SELECT pg_temp.try('read', 'SELECT string_agg(cells::text, '','') FROM medallion.read_rows(''$open/good.csv'')'),
	pg_temp.try('read', 'SELECT string_agg(cells::text, '','') FROM medallion.read_rows(''$open/in/good.csv'')'),
	pg_temp.try('read', 'SELECT string_agg(cells::text, '','') FROM medallion.read_rows(''$open/in/secret.csv'')'),
	pg_temp.try('read', 'SELECT string_agg(columns::text, '','') FROM medallion.describe_file(''$open/good.csv'')'),
	pg_temp.try('read', 'SELECT string_agg(word, '','') FROM medallion.read_file(''$open/good.csv'') AS t (id text, word text)'),
	pg_temp.try('list', 'SELECT string_agg(path || '' '' || size, '','') FROM medallion.list_files(''$open/in'')'),
	pg_temp.try('list', 'SELECT string_agg(path || '' '' || size, '','') FROM medallion.list_files(''$open'')'),
	pg_temp.try('list', 'SELECT string_agg(path || '' '' || size, '','') FROM medallion.found_files(''raced'')'),
	pg_temp.try('list', 'SELECT string_agg(path || '' '' || size, '','') FROM medallion.found_files(''raced_in'')'),
	pg_temp.try('read', 'SELECT string_agg(word || _path, '','') FROM public.raced')
	FROM generate_series(1, 20)) s;
SELECT what, said, count(*) FROM seen GROUP BY 1, 2;
SQL
$server->safe_psql('postgres', 'GRANT CREATE ON SCHEMA public TO plain');
is(as_role('plain', "SELECT FROM medallion.create_feature('raced', ARRAY['$open/good.csv']);
	SELECT FROM medallion.create_feature('raced_in', ARRAY['$open/*/*.csv'])"), '', 'a plain role looks where links are swapped');
while (time() < $end)
{
	for my $line (split /\n/, as_role('plain', $statement))
	{
		my ($what, $said, $count) = split /\|/, $line;
		next if !defined $count;
		$reads += $count;
		$told{$said =~ /^ERROR permission denied/ ? 'denied' : $said =~ /^ERROR/ ? 'error' : 'said'} += $count;
		$leaked++ if $what eq 'read' && $said =~ /secret/ && $said !~ /^ERROR/;
		$names++ if $said =~ /hidden_name/;
		$sizes++ if $what eq 'list' && $said =~ m{good\.csv (\d+)} && $1 > 20;
	}
	my $run = as_role('plain', "SET client_min_messages = error; SELECT count(*) FROM medallion.run_pipeline('{raced,raced_in}', '{bronze}')");
}
kill 'KILL', $swapper;
waitpid($swapper, 0);
note(join ', ', map { "$_: $told{$_}" } sort keys %told);
cmp_ok($told{said} // 0, '>', 0, 'files were read');
cmp_ok($told{denied} // 0, '>', 0, '... and links met');
is($leaked, 0, "none of $reads looks showed a row of a file outside");
is($names, 0, '... nor the name of one');
is($sizes, 0, '... nor its size');
is($server->safe_psql('postgres', <<'SQL'), '0', 'nothing of it is in bronze');
CREATE FUNCTION pg_temp.rows_of(t text) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE n bigint := 0;
BEGIN
	IF to_regclass(t) IS NOT NULL THEN EXECUTE 'SELECT count(*) FROM ' || t || ' x WHERE x::text ~ ''secret''' INTO n; END IF;
	RETURN n;
END
$$;
SELECT coalesce(pg_temp.rows_of('bronze.raced'), 0) + coalesce(pg_temp.rows_of('bronze.raced_in'), 0)
SQL

# --- one door: every entry point, with every way to name a file outside ---

system('rm', '-rf', "$open/in", "$open/out", "$open/good.csv", "$open/next.tmp");
write_file("$folder/open2/secret.csv", 'Id,Word', '1,secret');
symlink("$secret/secret.csv", "$open/link.csv") or die "cannot link: $!";
symlink($secret, "$open/linked") or die "cannot link: $!";
symlink("$open/linked", "$open/twice") or die "cannot link: $!";
my @outside = ("$secret/secret.csv", "$open/../secret/secret.csv", "$open/./../secret/secret.csv", "$open//..//secret//secret.csv", "$open/link.csv",
	"$open/linked/secret.csv", "$open/twice/secret.csv", "${open}2/secret.csv", "$open/kept/../../secret/secret.csv", "/proc/self/cwd/PG_VERSION",
	'/proc/self/environ', '/etc/passwd', "$open/linked/../secret/secret.csv");
my @doors = map { my $door = $_; sub { (my $sql = $door) =~ s/PATH/$_[0]/g; $sql } } (
	"SELECT * FROM medallion.read_rows('PATH')", "SELECT * FROM medallion.read_cells('PATH')", "SELECT * FROM medallion.sheets('PATH')",
	"SELECT * FROM medallion.describe_file('PATH')", "SELECT * FROM medallion.sample_file('PATH', '{}', '{}', 10)",
	"SELECT * FROM medallion.read_file('PATH') AS t (word text)", "SELECT * FROM medallion.read_file('PATH*') AS t (word text)",
	"CREATE FOREIGN TABLE f (word text) SERVER medallion_files OPTIONS (path 'PATH'); SELECT * FROM f; ANALYZE f",
	"CREATE FOREIGN TABLE f (word text) SERVER medallion_files OPTIONS (path '$open/plain.csv'); ALTER FOREIGN TABLE f OPTIONS (SET path 'PATH'); SELECT * FROM f",
	"IMPORT FOREIGN SCHEMA files FROM SERVER medallion_files INTO public OPTIONS (path 'PATH')",
	"SELECT FROM medallion.create_feature('door', ARRAY['PATH'], NULL, '{\"header\": \"none\"}'); SELECT * FROM medallion.run_pipeline('{door}', '{bronze}'); SELECT * FROM bronze.door",
	"SELECT FROM medallion.create_feature('door', ARRAY['$open/plain.csv']); SELECT FROM medallion.create_feature('door', ARRAY['PATH'], NULL, '{\"header\": \"none\"}'); SELECT * FROM medallion.found_files('door')",
	"SET medallion.input_root = '$open'; SELECT * FROM medallion.read_file('PATH') AS t (word text)",
	"SELECT * FROM medallion.list_files('PATH')", "SELECT * FROM medallion.discover('PATH')", "SELECT * FROM medallion.plan('{door}')");
my @through;
my $tried = 0;
for my $path (@outside)
{
	my $all = join("\n", map { "BEGIN; " . $_->($path) . "; ROLLBACK;" } @doors);
	$all =~ s/; ROLLBACK;/;\nROLLBACK;/g;
	my ($status, $out) = $server->psql('postgres', "SET client_min_messages = fatal;\n$all", extra_params => [ '-U', 'plain' ], on_error_stop => 0);
	$tried += @doors;
	push @through, "$path: $out" if $out =~ /secret"|,secret|^secret|\{.*secret\}|root:|PATH=|^1[5-9]$/m;
}
is(join("\n", @through), '', "none of $tried ways leads outside");
like($server->safe_psql('postgres', "SELECT cells FROM medallion.read_rows('$secret/secret.csv') LIMIT 1"), qr/Id/, '... which are there, for who may look');

# Who sets the setting: not a plain role, by no way; who may grant it can.
like(as_role('plain', "SELECT FROM medallion.clean_text('x'); SET medallion.log_values = on"), qr/permission denied/, 'a plain role does not ask for values in logs');

# --- the server's log has no rows and no passwords ---

my $start = -s $server->logfile;
write_file("$open/log/a.csv", 'Id,Word', '1,zq7value', '1,zq7again');
write_file("$open/log/broken.xlsx", 'PKzq7zq7zq7');
$server->safe_psql('postgres', "GRANT CREATE ON DATABASE postgres TO manager; SELECT medallion.grant_role('admin', 'manager')");
$server->safe_psql('postgres', 'GRANT USAGE, CREATE ON SCHEMA bronze TO manager');
as_role('manager', "SELECT FROM medallion.create_feature('logged', ARRAY['$open/log/*'], '{id}', '{\"columns\": {\"word\": {\"type\": \"text\"}}}')");
as_role('manager', 'CALL medallion.run_pipeline_proc()');
as_role('manager', "SELECT FROM medallion.create_model('cast_fails', 'SELECT id, CASE WHEN id > 0 THEN word::int END AS n FROM silver.logged')");
as_role('manager', "SELECT FROM medallion.create_model('key_fails', 'SELECT word, x FROM silver.logged, generate_series(1, 2) x', '{\"primary_key\": [\"word\"]}')");
as_role('manager', "SELECT FROM medallion.add_step('remote', 'SELECT pg_catalog.set_config(''password=zq7secret'', ''zq7secret'', true)')");
my $said = as_role('manager', 'SET medallion.max_workers = 2; CALL medallion.run_pipeline_proc()');
like($said, qr/some steps of the pipeline failed/, 'models and a step fail');
unlike($said, qr/zq7/, '... which is told without values');
as_role('manager', 'SELECT FROM medallion.run_pipeline(options => $${"on_error": "raise"}$$)');
my $log = substr(slurp_file($server->logfile), $start);
like($log, qr/some steps of the pipeline failed/, 'the server\'s log tells that they failed');
unlike(join("\n", grep { !/STATEMENT:/ } split /\n/, $log), qr/zq7(value|again|secret)/, '... and nothing of rows and passwords');
is($server->safe_psql('postgres', "SELECT count(*) FROM etl_logs.pipeline_runs p WHERE p::text ~ 'zq7'"), '0', '... nor do the logs of runs');

# --- workers are who calls ---

$server->safe_psql('postgres', <<'SQL');
CREATE TABLE public.workers (who text, session text, pid int);
GRANT INSERT ON public.workers TO PUBLIC;
CREATE FUNCTION public.note_worker() RETURNS int LANGUAGE plpgsql AS
	$$BEGIN INSERT INTO public.workers VALUES (current_user, session_user, pg_backend_pid()); RETURN 1; END$$;
SQL
is(as_role('manager', "SELECT FROM medallion.drop_step('remote');
	SELECT FROM generate_series(1, 3) i, medallion.create_feature('w' || i, ARRAY['$open/plain.csv'], NULL, '{\"derive\": {\"w\": \"public.note_worker()\"}}')"), '', 'features that say who runs them');
$server->safe_psql('postgres', 'CREATE ROLE worker_operator LOGIN');
$server->safe_psql('postgres', "SELECT medallion.grant_role('operator', 'worker_operator', '{manager}')");
my ($caller) = as_role('worker_operator', 'SELECT pg_backend_pid(); SET medallion.max_workers = 2; CALL medallion.run_pipeline_proc($${w1,w2}$$)') =~ /^(\d+)/;
is($server->safe_psql('postgres', "SELECT string_agg(DISTINCT who || ' ' || session, ',') FROM public.workers WHERE pid <> $caller"), 'manager worker_operator',
	'a worker is the operator that called, and runs as the feature\'s owner');
$server->safe_psql('postgres', 'TRUNCATE public.workers');
$server->psql('postgres', 'SET ROLE manager; SET medallion.max_workers = 2; CALL medallion.run_pipeline_proc($${w3}$$); CALL medallion.run_pipeline_proc()');
is($server->safe_psql('postgres', "SELECT string_agg(DISTINCT who, ',') FROM public.workers"), 'manager', '... as for a superuser in that role');
like(as_role('worker_operator', 'SET medallion.silver_schema = mine; SET medallion.max_workers = 2; CALL medallion.run_pipeline_proc($${w1,w2}$$)'), qr/may not choose/,
	'settings that an operator may not choose do not come in by workers');

done_testing();
