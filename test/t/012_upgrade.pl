# ALTER EXTENSION UPDATE: from every released version, by every path, the catalog becomes that of a fresh
# installation, what users had is still there, and the next run changes nothing.
use strict;
use warnings FATAL => 'all';

use Medallion;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $folder = test_folder('upgrade');
my $server = new_server('upgrade');
my $present = $server->safe_psql('postgres', "SELECT default_version FROM pg_available_extensions WHERE name = 'medallion'");

# Everything that the extension made, a line each: definitions, columns, privileges, comments, what is dumped.
my $catalog = <<'SQL';
WITH member AS (SELECT classid, objid FROM pg_depend WHERE refclassid = 'pg_extension'::regclass AND refobjid = (SELECT oid FROM pg_extension WHERE extname = 'medallion') AND deptype = 'e'),
relation AS (SELECT c.* FROM pg_class c WHERE c.relkind <> 't' AND (EXISTS (SELECT FROM member m WHERE m.classid = 'pg_class'::regclass AND m.objid = c.oid)
		OR EXISTS (SELECT FROM pg_depend d JOIN member m ON m.classid = 'pg_class'::regclass AND m.objid = d.refobjid WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype IN ('a', 'i'))))
SELECT 'member ' || pg_describe_object(classid, objid, 0) FROM member
UNION ALL SELECT 'function ' || pg_get_functiondef(p.oid) || coalesce(p.proacl::text, 'default') || p.proowner::regrole FROM pg_proc p JOIN member ON objid = p.oid AND classid = 'pg_proc'::regclass WHERE p.prokind <> 'a'
UNION ALL SELECT 'aggregate ' || concat_ws(' ', p.oid::regprocedure, a.aggtransfn, a.aggtranstype::regtype, a.agginitval, p.proacl, p.proparallel) FROM pg_proc p JOIN pg_aggregate a ON a.aggfnoid = p.oid JOIN member ON objid = p.oid AND classid = 'pg_proc'::regclass
UNION ALL SELECT 'relation ' || concat_ws(' ', c.oid::regclass, c.relkind, c.relpersistence, coalesce(c.relacl, acldefault(CASE c.relkind WHEN 'S' THEN 's'::"char" ELSE 'r' END, c.relowner)), c.reloptions, c.relowner::regrole, c.relrowsecurity) FROM relation c
UNION ALL SELECT 'column ' || concat_ws(' ', a.attrelid::regclass, row_number() OVER (PARTITION BY a.attrelid ORDER BY a.attnum), a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull, a.attidentity, a.attgenerated,
		pg_get_expr(d.adbin, d.adrelid), a.attcollation, nullif(a.attacl::text, '{}')) FROM pg_attribute a JOIN relation c ON c.oid = a.attrelid LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum WHERE a.attnum > 0 AND NOT a.attisdropped
UNION ALL SELECT 'view ' || c.oid::regclass || pg_get_viewdef(c.oid) FROM relation c WHERE c.relkind = 'v'
UNION ALL SELECT 'index ' || pg_get_indexdef(i.indexrelid) FROM pg_index i JOIN relation c ON c.oid = i.indrelid WHERE i.indisvalid
UNION ALL SELECT 'constraint ' || conrelid::regclass || ' ' || conname || ' ' || pg_get_constraintdef(o.oid) FROM pg_constraint o JOIN relation c ON c.oid = o.conrelid
UNION ALL SELECT 'trigger ' || pg_get_triggerdef(t.oid) FROM pg_trigger t JOIN relation c ON c.oid = t.tgrelid WHERE NOT t.tgisinternal
UNION ALL SELECT 'sequence ' || concat_ws(' ', s.seqrelid::regclass, s.seqtypid::regtype, s.seqstart, s.seqincrement, s.seqmax, s.seqmin, s.seqcache, s.seqcycle) FROM pg_sequence s JOIN relation c ON c.oid = s.seqrelid
UNION ALL SELECT 'comment ' || pg_describe_object(d.classoid, d.objoid, d.objsubid) || ': ' || d.description FROM pg_description d JOIN member m ON m.classid = d.classoid AND m.objid = d.objoid
UNION ALL SELECT 'dumped ' || t::regclass || ' ' || f FROM pg_extension e, unnest(e.extconfig, e.extcondition) x (t, f) WHERE e.extname = 'medallion'
UNION ALL SELECT 'initial ' || pg_describe_object(i.classoid, i.objoid, i.objsubid) || i.initprivs::text FROM pg_init_privs i JOIN member m ON m.classid = i.classoid AND m.objid = i.objoid
UNION ALL SELECT 'schema ' || concat_ws(' ', n.nspname, coalesce(n.nspacl, acldefault('n', n.nspowner))) FROM pg_namespace n JOIN member ON objid = n.oid AND classid = 'pg_namespace'::regclass
UNION ALL SELECT 'wrapper ' || concat_ws(' ', w.fdwname, w.fdwhandler::regproc, w.fdwvalidator::regproc, w.fdwacl, w.fdwoptions) FROM pg_foreign_data_wrapper w JOIN member ON objid = w.oid AND classid = 'pg_foreign_data_wrapper'::regclass
UNION ALL SELECT 'server ' || concat_ws(' ', s.srvname, s.srvtype, s.srvversion, s.srvacl, s.srvoptions) FROM pg_foreign_server s JOIN member ON objid = s.oid AND classid = 'pg_foreign_server'::regclass
SQL

# The lines of the catalog of a database, each on one line.
sub catalog
{
	my ($database) = @_;

	return split(/\n/, $server->safe_psql($database, "SELECT replace(line, E'\\n', ' / ') FROM ($catalog) q (line) ORDER BY line COLLATE \"C\""));
}

# A test: two catalogs say the same; what only one of them says is shown.
sub same_catalog
{
	my ($got, $expected, $name) = @_;
	my %seen;
	$seen{$_}++ for @$got;
	$seen{$_}-- for @$expected;
	my @differing = grep { $seen{$_} } sort keys %seen;

	ok(!@differing && @$expected > 1000, $name);
	diag(($seen{$_} > 0 ? 'updated: ' : 'fresh:   ') . substr($_, 0, 1500)) for splice(@differing, 0, 10);
}

# What users have: their tables, and what is configured and recorded.
sub contents
{
	my ($database) = @_;
	my $names = $server->safe_psql($database, <<'SQL');
SELECT oid::regclass FROM pg_class WHERE relkind IN ('r', 'p') AND relnamespace::regnamespace::text IN ('medallion', 'etl_logs', 'bronze', 'silver', 'gold') ORDER BY oid::regclass::text COLLATE "C"
SQL
	return { map {
		$_ => $server->safe_psql($database, "SELECT count(*), md5(string_agg(jsonb_strip_nulls(to_jsonb(t))::text, E'\\n' ORDER BY jsonb_strip_nulls(to_jsonb(t))::text COLLATE \"C\")) FROM $_ t")
	} split(/\n/, $names) };
}

sub write_orders
{
	my ($place, $month, $add) = @_;

	write_file("$folder/$place/orders_$month.csv", 'Order,Customer,Amount', map { sprintf('O%d%04d,C%d,%d', $month, $_, $_ % 17, 10 + $_ + $add) } 1 .. 200);
}

# A database of an older version, with a bit of everything in it: restored from a dump, for an older
# version's functions need not run with the present library.
sub old_database
{
	my ($database, $version) = @_;
	my $file = PostgreSQL::Test::Utils::tempdir() . "/of_$database";

	fill_database($database);
	$server->command_ok([ 'pg_dump', '-Fc', '-f', $file, $server->connstr($database) ], "$version: a database to put into it");
	my $made = contents($database);
	$server->safe_psql('postgres', "DROP DATABASE $database");
	$server->safe_psql('postgres', "CREATE DATABASE $database");
	$server->safe_psql($database, "CREATE EXTENSION medallion VERSION '$version'");
	# Tables and functions that came later are errors here.
	run_log([ 'pg_restore', '-d', $server->connstr($database), $file ]);
	my $kept = contents($database);
	is(join(', ', grep { $kept->{$_} ne ($made->{$_} // '') } sort keys %$kept), '', "$version: its tables have it");
}

sub fill_database
{
	my ($database) = @_;

	$server->safe_psql('postgres', "CREATE DATABASE $database");
	$server->safe_psql($database, 'CREATE EXTENSION medallion');
	write_orders($database, $_, 0) for 1 .. 3;
	$server->safe_psql($database, <<"SQL");
SELECT medallion.create_feature('orders', ARRAY['$folder/$database/orders_*.csv'], ARRAY['order'], '{"verify": true}');
SELECT medallion.add_check('orders', 'range', ARRAY['amount'], '{"min": 0, "max": 150}');
SELECT medallion.create_feature('plain_rows', ARRAY['$folder/$database/orders_1.csv']);
SELECT FROM medallion.run_pipeline();
SELECT medallion.create_model('by_customer', 'SELECT customer, count(*) AS lines, sum(amount) AS amount FROM silver.orders_current GROUP BY 1');
SELECT medallion.create_model('best', 'SELECT customer FROM gold.by_customer WHERE amount > 1000');
SELECT FROM medallion.run_pipeline();
SELECT medallion.create_pipeline('nightly', ARRAY['orders'], '{"run_timeout": "1 h"}', '{bronze,silver}');
SELECT medallion.add_step('count', 'SELECT 1', 'orders', 'nightly');
SELECT medallion.store_schedule('night', '0 2 * * *', NULL, '{"pipeline": "nightly"}', 'Asia/Dubai');
SELECT medallion.add_window('patches', '0 2 * * 0', '2 hours', 'nightly');
SELECT medallion.pause('nightly', 'moving');
SELECT medallion.grant_role('reader', 'looks');
CREATE VIEW public.mine AS SELECT run_id, status FROM medallion.history;
SQL
	write_orders($database, 1, 3);
	my $undone = $server->safe_psql($database, 'SELECT max(run_id) FROM medallion.run_pipeline()');
	$server->safe_psql($database, "SELECT FROM medallion.undo_run($undone)");
	write_orders($database, 2, 5);
	$server->safe_psql($database, 'SELECT FROM medallion.run_pipeline()');
	write_orders($database, 1, 0);		# as it was before the run that was undone
	$server->safe_psql($database, 'SELECT FROM medallion.run_pipeline()');
}

$server->safe_psql('postgres', 'CREATE ROLE looks');
my @fresh = catalog('postgres');
my @paths = split(/\n/, $server->safe_psql('postgres', <<"SQL"));
SELECT DISTINCT path FROM pg_extension_update_paths('medallion') WHERE target = '$present' AND path IS NOT NULL
SQL
my @released = map { /medallion--([^-]*)\.sql$/ ? $1 : () } glob("$ENV{MEDALLION_PROJECT}/sql/released/*.sql");
ok(@released > 0, 'there is a released version');
for my $version (@released)
{
	ok((grep { /^\Q$version\E--/ } @paths), "there is a way from $version to $present");
}

for my $path (@paths)
{
	my ($first, @steps) = split(/--/, $path);
	my $database = 'from_' . $path =~ s/\W/_/gr;

	next if !grep { $_ eq $first } @released;
	old_database($database, $first);
	my $before = contents($database);
	my $loaded = $server->safe_psql($database, 'SELECT count(*) FROM medallion.file_versions');
	$server->safe_psql($database, "ALTER EXTENSION medallion UPDATE TO '$_'") for @steps;
	is($server->safe_psql($database, "SELECT extversion FROM pg_extension WHERE extname = 'medallion'"), $present, "$path: updated");
	my $after = contents($database);
	is(join(', ', grep { ($after->{$_} // 'gone') ne $before->{$_} } sort keys %$before), '', "$path: no row is another");
	is(join(', ', grep { !exists $before->{$_} && $after->{$_} !~ /^0\|/ } sort keys %$after), '', "$path: new tables are empty");
	is($server->safe_psql($database, "SELECT count(*) > 0 FROM public.mine"), 't', "$path: a user's view on ours works");
	is($server->safe_psql($database, "SELECT has_table_privilege('looks', 'medallion.history', 'SELECT')"), 't', "$path: a reader may still look");
	$server->safe_psql($database, "DROP VIEW public.mine; SELECT medallion.grant_role('reader', 'looks'); SELECT medallion.revoke_role('reader', 'looks')");
	same_catalog([ catalog($database) ], \@fresh, "$path: the catalog is that of a fresh installation");
	is($server->safe_psql($database, "SELECT string_agg(DISTINCT status, ',') FROM medallion.run_pipeline()"), 'UNCHANGED', "$path: the next run has nothing to do");
	is($server->safe_psql($database, 'SELECT count(*) FROM medallion.file_versions'), $loaded, "$path: and loads nothing");
	is($server->safe_psql($database, "SELECT status FROM medallion.run_pipeline(options => '{\"pipeline\": \"nightly\"}')"), 'SKIPPED', "$path: what is paused is paused");
	is($server->safe_psql($database, "SELECT string_agg(DISTINCT action, ',') FROM medallion.apply_config(medallion.export_config())"), 'unchanged', "$path: the configuration can be taken out and in");

	$server->safe_psql($database, "SELECT medallion.grant_role('reader', 'looks')");

	# Restored from a dump, it is a fresh installation with the same in it.
	my $file = PostgreSQL::Test::Utils::tempdir() . "/$database";
	$before = contents($database);
	$server->command_ok([ 'pg_dump', '-Fc', '-f', $file, $server->connstr($database) ], "$path: dumped");
	$server->safe_psql('postgres', "CREATE DATABASE restored_$database");
	$server->command_ok([ 'pg_restore', '--exit-on-error', '-d', $server->connstr("restored_$database"), $file ], "$path: and restored");
	is_deeply(contents("restored_$database"), $before, "$path: with the same in it");
	is($server->safe_psql("restored_$database", "SELECT has_function_privilege('looks', 'medallion.report_html(int)', 'EXECUTE'), has_function_privilege('public', 'medallion.report_html(int)', 'EXECUTE')"),
		't|f', "$path: and what was granted");

	# And life goes on.
	write_orders($database, 3, 7);
	write_orders($database, 4, 0);
	for my $here ($database, "restored_$database")
	{
		is($server->safe_psql($here, "SELECT string_agg(layer || ' ' || object, ', ' ORDER BY layer, object) FROM medallion.run_pipeline() WHERE status = 'COMPLETED'"),
			'bronze orders, gold best, gold by_customer, silver orders', "$here: a changed and a new file are taken in")
		  or diag($server->safe_psql($here, 'SELECT * FROM etl_logs.pipeline_runs ORDER BY run_id DESC LIMIT 6'));
		is($server->safe_psql($here, 'SELECT count(*), sum(amount) FROM silver.orders_current'), '800|' . (4 * (200 * 10 + 20100) + 200 * 12), "$here: and silver has them");
	}
}
$server->stop;
done_testing();
