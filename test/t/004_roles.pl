# Who may read what, and as whom things run.
#
# What a plain role needs to work with medallion, and no more:
#   GRANT USAGE ON SCHEMA medallion;            to name its functions
#   GRANT EXECUTE ON FUNCTION ...;              those it is to call: PUBLIC has none
#   GRANT CREATE ON DATABASE, or on the schemas bronze, silver, gold, models where these exist
#   medallion.allowed_paths, or membership in pg_read_server_files
use strict;
use warnings FATAL => 'all';

use Medallion;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $folder = test_folder('roles');
my $server = new_server('roles');
my $open = "$folder/open";
my $secret = "$folder/secret";

write_file("$open/good.csv", 'Id,Name', '1,one', '2,two');
write_file("$secret/secret.csv", 'Id,Name', '1,hidden', '2,hidden');
write_file("$folder/open_but_not/other.csv", 'Id,Name', '1,hidden');

# --- as installed ---

is($server->safe_psql('postgres', <<'SQL'), '', 'PUBLIC may execute no function of schema medallion');
SELECT string_agg(p.oid::regprocedure::text, ', ')
  FROM pg_proc p CROSS JOIN aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a
 WHERE p.pronamespace = 'medallion'::regnamespace AND a.grantee = 0
SQL
is($server->safe_psql('postgres', <<'SQL'), '', 'no function runs as its owner without need (SECURITY DEFINER with a pinned search_path at most)');
SELECT string_agg(oid::regprocedure::text, ', ') FROM pg_proc
 WHERE pronamespace = 'medallion'::regnamespace AND prosecdef
   AND NOT coalesce(proconfig::text ~ 'search_path', false)
SQL

# The role works in a schema of its own as well, so that the last word is not with missing schemas.
$server->safe_psql('postgres', <<'SQL');
CREATE ROLE plain LOGIN;
CREATE ROLE stranger LOGIN;
CREATE ROLE reader LOGIN;
GRANT pg_read_server_files TO reader;
SQL

# As a role: what it printed, or what the server said.
sub as_role
{
	my ($role, $sql) = @_;
	my ($status, $out, $err) = $server->psql('postgres', $sql, extra_params => [ '-U', $role ]);

	return $status == 0 && $err !~ /ERROR:/ ? $out : $err;
}

like(as_role('plain', 'SELECT medallion.create_feature($$f$$, ARRAY[$$/x$$])'),
	qr/permission denied for schema medallion/, 'without USAGE on the schema nothing can be called');
$server->safe_psql('postgres', 'GRANT USAGE ON SCHEMA medallion TO plain, stranger, reader');
like(as_role('plain', 'SELECT medallion.create_feature($$f$$, ARRAY[$$/x$$])'),
	qr/permission denied for function create_feature/, 'without EXECUTE neither');
$server->safe_psql('postgres', <<'SQL');
GRANT EXECUTE ON ALL ROUTINES IN SCHEMA medallion TO plain, stranger, reader;
GRANT CREATE ON DATABASE postgres TO plain, reader;
SQL

# With every function granted, the tables stay closed.
my @tables = split(/\n/, $server->safe_psql('postgres', <<'SQL'));
SELECT oid::regclass FROM pg_class WHERE relkind IN ('r', 'v', 'm', 'p', 'f', 'S')
   AND relnamespace IN ('medallion'::regnamespace, 'etl_logs'::regnamespace) ORDER BY 1
SQL
cmp_ok(scalar(@tables), '>', 10, 'the extension has tables');
is(join(' ', grep { as_role('plain', "SELECT * FROM $_ LIMIT 1") !~ /permission denied/ } @tables), '',
	'a plain role can read none of them');
is($server->safe_psql('postgres', <<'SQL'), '', 'nor write');
SELECT string_agg(c.oid::regclass::text, ', ') FROM pg_class c
 WHERE c.relkind IN ('r', 'v', 'p') AND c.relnamespace IN ('medallion'::regnamespace, 'etl_logs'::regnamespace)
   AND has_table_privilege('plain', c.oid, 'INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER')
SQL

# --- files ---

# Runs a feature of the role's own over a path; the files it failed on, or a summary.
sub run_over
{
	my ($role, $path, $name) = @_;
	$name //= "f_$role";

	return as_role($role, <<"SQL");
SET client_min_messages = error;
SELECT FROM medallion.create_feature('$name', ARRAY['$path']);
SELECT layer || ' ' || status || ' ' || rows_out || coalesce(' ' || (detail->>'error'), '')
  FROM medallion.run_pipeline(ARRAY['$name'], ARRAY['bronze']);
SQL
}

my $denied = qr/permission denied to read/;
like(run_over('plain', "$open/good.csv"), $denied, 'a plain role cannot read a file');
like(run_over('plain', "$open/*.csv"), $denied, 'nor by a pattern');
like(run_over('plain', "$folder/**/*.csv"), $denied, 'nor by a deep pattern');
like(run_over('plain', "$folder/no_such_folder/*.csv"), $denied, 'nor is it told whether a folder exists');
like(run_over('plain', "$folder/no_such_file.csv"), $denied, 'nor whether a file does');
is($server->safe_psql('postgres', "SELECT to_regclass('bronze.f_plain') IS NULL OR (SELECT count(*) = 0 FROM medallion.file_versions)"), 't',
	'and nothing was loaded');

# Every function that takes a path, as far as this version has it.
my %reading = (
	read_rows => "SELECT * FROM medallion.read_rows('$secret/secret.csv')",
	read_cells => "SELECT * FROM medallion.read_cells('$secret/secret.csv')",
	sheets => "SELECT * FROM medallion.sheets('$secret/secret.csv')",
	describe_file => "SELECT * FROM medallion.describe_file('$secret/secret.csv')",
	discover => "SELECT * FROM medallion.discover('$secret')",
	found_files => "SELECT * FROM medallion.found_files('f_plain')",
	read_file => "SELECT * FROM medallion.read_file('$secret/secret.csv') AS t (a text)");
for my $function (sort keys %reading)
{
  SKIP:
	{
		skip "there is no medallion.$function()", 1
		  if $server->safe_psql('postgres', "SELECT count(*) FROM pg_proc WHERE pronamespace = 'medallion'::regnamespace AND proname = '$function'") eq '0';
		like(as_role('plain', $reading{$function}), $denied, "a plain role cannot read by $function()");
	}
}

# input_root is everybody's: it widens nothing.
like(as_role('plain', "SET medallion.input_root = '$open'; SET client_min_messages = error;
	SELECT FROM medallion.create_feature('f_root', ARRAY['*.csv']);
	SELECT detail->>'error' FROM medallion.run_pipeline(ARRAY['f_root'], ARRAY['bronze'])"),
	$denied, 'medallion.input_root opens no door');

like(run_over('reader', "$secret/secret.csv"), qr/^bronze COMPLETED 2$/m, 'a member of pg_read_server_files can');

# --- medallion.allowed_paths ---

# The setting is known once the library is loaded, by any function; set before that, it is dropped
# with a warning as the library comes.
my $load = 'SELECT FROM medallion.clean_text($$x$$)';
my $refused = qr/permission denied to set parameter "medallion.allowed_paths"/;
like(as_role('plain', "$load; SET medallion.allowed_paths = '/'"), $refused, 'a plain role cannot set medallion.allowed_paths');
like(as_role('plain', "$load; SELECT set_config('medallion.allowed_paths', '/', false)"), $refused, 'nor by set_config()');
like(as_role('plain', "$load; ALTER ROLE plain SET medallion.allowed_paths = '/'"), $refused, 'nor for its later sessions');
is(as_role('plain', "SET medallion.allowed_paths = '/'; SET client_min_messages = error; $load; SHOW medallion.allowed_paths"), '',
	'nor before the library is loaded');
like(as_role('plain', "SET medallion.allowed_paths = '/'; SET client_min_messages = error;
	SELECT FROM medallion.create_feature('early', ARRAY['$secret/*.csv']);
	SELECT detail->>'error' FROM medallion.run_pipeline(ARRAY['early'], ARRAY['bronze'])"), $denied, 'and that opens no door');
{
	local $ENV{PGOPTIONS} = '-c medallion.allowed_paths=/';
	unlike(run_over('plain', "$secret/secret.csv"), qr/COMPLETED/, 'nor from the command line');
}

# The schemas exist by now and are the reader's.
$server->safe_psql('postgres', 'GRANT USAGE, CREATE ON SCHEMA bronze TO plain');
$server->safe_psql('postgres', "ALTER DATABASE postgres SET medallion.allowed_paths = '/no/such/folder:$open/'");
like(run_over('plain', "$open/*.csv"), qr/^bronze COMPLETED 2$/m, 'below an allowed path a plain role can read');
like(run_over('plain', "$open/good.csv"), qr/^bronze UNCHANGED/m, 'by its name as well');
like(run_over('plain', "$secret/*.csv", 'f_secret'), $denied, 'elsewhere it cannot');
like(run_over('plain', "$folder/open_but_not/*.csv", 'f_not'), $denied, 'nor where the name only begins alike');
like(run_over('plain', "$open/../secret/secret.csv", 'f_dots'), $denied, 'nor through ".."');
unlike(run_over('plain', "$open/../secret/*.csv", 'f_dots'), qr/COMPLETED/, 'nor through ".." and a pattern');

symlink("$secret/secret.csv", "$open/link.csv") or die "cannot link: $!";
my $linked = run_over('plain', "$open/link.csv", 'f_link');
like($linked, $denied, 'nor through a symbolic link to a file');
symlink($secret, "$open/linked") or die "cannot link: $!";
unlike(run_over('plain', "$open/linked/*.csv", 'f_link'), qr/COMPLETED/, 'nor through a symbolic link to a folder');
unlike(run_over('plain', "$open/linked/secret.csv", 'f_link'), qr/COMPLETED/, 'nor to a file in it');
run_over('plain', "$open/**/*.csv", 'f_deep');
is($server->safe_psql('postgres', <<'SQL'), '0', 'nothing hidden came in by any of these');
SELECT count(*) FROM medallion.file_versions JOIN medallion.features USING (feature_id)
 WHERE owner = 'plain'::regrole AND (path ~ '/secret|/link' OR rows <> 2)
SQL
unlink("$open/link.csv", "$open/linked");

# --- whose feature, whose rights ---

like(as_role('stranger', 'SELECT * FROM medallion.run_pipeline(ARRAY[$$f_plain$$])'), qr/permission denied|must be owner/,
	'another plain role cannot run a feature that is not its own');
for my $call ('drop_feature($$f_plain$$, true)', 'alter_feature($$f_plain$$, $${"header": 1}$$)', 'rebuild($$f_plain$$)',
	'create_feature($$f_plain$$, ARRAY[$$/y$$])', 'add_check($$f_plain$$, $$not_null$$, ARRAY[$$id$$])')
{
	like(as_role('stranger', "SELECT medallion.$call"), qr/permission denied|must be owner/, "nor call $call");
}
is(as_role('stranger', 'SELECT count(*) FROM medallion.run_pipeline()'), '0', 'a run over everything leaves it out');

# The superuser's run of a plain role's feature: tables of that role, expressions with its rights.
$server->safe_psql('postgres', <<'SQL');
CREATE FUNCTION public.only_superuser() RETURNS text LANGUAGE sql AS 'SELECT $$leaked$$::text';
REVOKE EXECUTE ON FUNCTION public.only_superuser() FROM PUBLIC;
CREATE TABLE public.stolen (said text);
CREATE FUNCTION public.steal() RETURNS text LANGUAGE plpgsql AS
	$$BEGIN INSERT INTO public.stolen VALUES (current_user); RETURN current_user; END$$;
SQL
is(as_role('plain', <<"SQL"), '', 'the plain role defines features');
SELECT FROM medallion.create_feature('mine', ARRAY['$open/*.csv'], ARRAY['id'], '{"derive": {"who": "current_user::text"}}');
SELECT FROM medallion.create_feature('trick', ARRAY['$open/*.csv'], ARRAY['id'], '{"derive": {"got": "public.only_superuser()"}}');
SELECT FROM medallion.create_feature('thief', ARRAY['$open/*.csv'], ARRAY['id'], '{"derive": {"got": "public.steal()"}}');
SQL
my $report = $server->safe_psql('postgres', <<'SQL');
SET client_min_messages = error;
SELECT object, layer, status, detail->>'error' FROM medallion.run_pipeline(ARRAY['mine', 'trick', 'thief'], ARRAY['bronze', 'silver'])
SQL
like($report, qr/^mine\|bronze\|COMPLETED/m, "the superuser runs the plain role's feature: bronze");
like($report, qr/^mine\|silver\|COMPLETED/m, 'silver');
is($server->safe_psql('postgres', <<'SQL'), 'plain', 'all tables and views of it are that role\'s');
SELECT string_agg(DISTINCT pg_get_userbyid(relowner), ',') FROM pg_class
 WHERE relname ~ '^mine' AND relnamespace IN ('bronze'::regnamespace, 'silver'::regnamespace)
SQL
is($server->safe_psql('postgres', 'SELECT string_agg(DISTINCT who, $$,$$) FROM silver.mine'), 'plain', 'its expressions ran as that role');
like($report, qr/^trick\|silver\|FAILED\|permission denied for function only_superuser/m,
	'an expression that calls a function of the superuser\'s alone fails');
like($report, qr/^thief\|silver\|FAILED\|permission denied for table stolen/m,
	'a function that writes writes with that role\'s rights');
is($server->safe_psql('postgres', 'SELECT count(*) FROM public.stolen'), '0', 'and so nothing');

# Code of a plain role's that runs in a superuser's run must not reach what runs after it: not by the
# search path that the superuser's statements use, not by a table put where statistics are counted.
$server->safe_psql('postgres', 'GRANT CREATE ON DATABASE postgres TO plain');
is(as_role('plain', <<"SQL"), '', 'the plain role lays traps');
CREATE SCHEMA trap;
GRANT USAGE ON SCHEMA trap TO PUBLIC;
CREATE TABLE trap.caught (who text);
GRANT INSERT ON trap.caught TO PUBLIC;
CREATE FUNCTION trap.count_trap() RETURNS bigint LANGUAGE plpgsql AS
	\$\$BEGIN INSERT INTO trap.caught VALUES (current_user); RETURN 1; END\$\$;
CREATE FUNCTION trap.now() RETURNS timestamptz LANGUAGE plpgsql AS
	\$\$BEGIN INSERT INTO trap.caught VALUES (current_user); RETURN pg_catalog.now(); END\$\$;
CREATE FUNCTION trap.set_path(x bigint) RETURNS bigint LANGUAGE plpgsql AS
	\$\$BEGIN PERFORM set_config('search_path', 'trap, pg_catalog', false); RETURN x; END\$\$;
CREATE FUNCTION trap.swap(x bigint) RETURNS bigint LANGUAGE plpgsql AS
	\$\$BEGIN PERFORM set_config('session_authorization', 'plain', false); RETURN x; EXCEPTION WHEN OTHERS THEN RETURN x; END\$\$;
CREATE FUNCTION trap.reset(x bigint) RETURNS bigint LANGUAGE plpgsql AS
	\$\$BEGIN EXECUTE 'RESET ROLE'; RETURN x; EXCEPTION WHEN OTHERS THEN RETURN x; END\$\$;
SELECT FROM medallion.create_feature('pathed', ARRAY['$open/*.csv'], ARRAY['id'], '{"derive": {"p": "trap.set_path(id)", "s": "trap.swap(id)", "r": "trap.reset(id)", "w": "current_user::text"}}');
SQL
is($server->safe_psql('postgres', <<'SQL'), "pathed bronze COMPLETED\npathed silver COMPLETED\npostgres", 'the superuser runs it');
SET client_min_messages = error;
SELECT object || ' ' || layer || ' ' || status FROM medallion.run_pipeline(ARRAY['pathed'], ARRAY['bronze', 'silver']);
SELECT session_user;
SQL
is($server->safe_psql('postgres', "SELECT string_agg(DISTINCT w, ',') FROM silver.pathed"), 'plain', 'its code was the plain role all the while');
is($server->safe_psql('postgres', "SELECT coalesce(string_agg(DISTINCT who, ','), 'nobody') FROM trap.caught WHERE who <> 'plain'"), 'nobody',
	'nothing of the superuser\'s ran into the traps');

# The table that is counted for the statistics is swapped for a view whose function would run as who counts.
is(as_role('plain', <<"SQL"), '', 'the plain role swaps its bronze table for a view');
ALTER TABLE bronze.pathed RENAME TO pathed_real;
CREATE VIEW bronze.pathed AS SELECT *, trap.count_trap() AS trapped FROM bronze.pathed_real;
SQL
write_file("$open/more.csv", 'Id,Name', '7,seven');
$server->psql('postgres', "SET client_min_messages = error; SELECT FROM medallion.run_pipeline(ARRAY['pathed'])");
is($server->safe_psql('postgres', "SELECT coalesce(string_agg(DISTINCT who, ','), 'nobody') FROM trap.caught WHERE who <> 'plain'"), 'nobody',
	'a view in a table\'s place traps nobody');
unlink("$open/more.csv");

# A relation is read with the rights of the feature's owner, whoever runs it.
$server->safe_psql('postgres', 'CREATE TABLE public.payroll (id int, amount int); INSERT INTO public.payroll VALUES (1, 1000)');
is(as_role('plain', <<'SQL'), '', 'the plain role names a relation that it may not read');
SELECT FROM medallion.create_feature('payroll', '{}', '{id}', '{"relation": "public.payroll", "watermark": "id"}');
SQL
like($server->safe_psql('postgres', "SET client_min_messages = error; SELECT status, detail->>'error' FROM medallion.run_pipeline(ARRAY['payroll'])"),
	qr/FAILED\|permission denied for table payroll/, 'the superuser\'s run does not read it for that role');

# Two roles that define a feature of one name at once: the second waits, and is refused.
my $first = Medallion::Session->new($server, 'postgres', user => 'plain');
my $second = Medallion::Session->new($server, 'postgres', user => 'stranger');
$server->safe_psql('postgres', 'GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA medallion TO stranger');
$first->query("BEGIN; SELECT FROM medallion.create_feature('raced', ARRAY['$open/*.csv'])");
$second->send("SELECT FROM medallion.create_feature('raced', ARRAY['$open/*.csv'], NULL, '{\"filter\": \"true\"}')");
ok(wait_until(sub { $server->safe_psql('postgres', "SELECT count(*) FROM pg_stat_activity WHERE pid = $second->{pid} AND wait_event_type = 'Lock'") eq '1' }),
	'the second waits for the first');
$first->query('COMMIT');
my ($raced, $refusal) = $second->answer;
like($refusal, qr/must be owner of feature "raced"/, '... and is refused');
$first->close;
$second->close;

# The identity and the settings of the caller are as before.
is($server->safe_psql('postgres', <<'SQL'), "postgres public true", 'after a run with failures the caller is who he was');
SET client_min_messages = error;
SET search_path = public;
SELECT FROM medallion.run_pipeline(ARRAY['trick']);
SELECT 'postgres ' || current_setting('search_path') || ' ' || (current_user = session_user);
SQL

# A feature of the superuser's over the same folder is not readable to others.
$server->safe_psql('postgres', "SELECT medallion.create_feature('his', ARRAY['$secret/*.csv']);
	SELECT FROM medallion.run_pipeline(ARRAY['his'])");
like(as_role('plain', 'SELECT * FROM bronze.his'), qr/permission denied/, 'the superuser\'s tables are closed to a plain role');

# A plain role's model over it fails with that role's rights, whoever runs it.
my ($status) = $server->psql('postgres', 'SELECT FROM medallion.create_model($$m$$, $$SELECT * FROM silver.his_current$$)', extra_params => [ '-U', 'plain' ]);
if ($status == 0)
{
	like($server->safe_psql('postgres', "SET client_min_messages = error; SELECT status FROM medallion.run_pipeline(ARRAY['his']) WHERE object = 'm'"),
		qr/FAILED/, 'a plain role\'s model over closed tables fails in the superuser\'s run');
}
else
{
	pass('a plain role cannot define a model over closed tables');
}

# What the extension's own writing fires is not the user's: no triggers on its tables, for they are not his.
like(as_role('plain', 'CREATE TRIGGER t AFTER INSERT ON medallion.runs FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()'),
	qr/permission denied/, 'a plain role cannot put a trigger on the ledger');

done_testing();
