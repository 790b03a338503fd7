# Dumped and restored into a new database, the pipeline goes on where it was: nothing is loaded again,
# new ids do not collide with old ones, and a changed file is taken in as a further version.
use strict;
use warnings FATAL => 'all';

use Medallion;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $folder = test_folder('dump');
my $server = new_server('dump');
my $dump = PostgreSQL::Test::Utils::tempdir();

sub write_orders
{
	my ($month, $add) = @_;

	write_file("$folder/orders_$month.csv", 'Order,Line,Customer,Amount',
		map { sprintf('O%d%04d,%d,C%d,%d.%02d', $month, $_ / 3, $_ % 3, $_ % 17, 10 + $_ + $add, $_ % 100) } 1 .. 600);
}

# Everything that a user can ask, times included.
sub contents
{
	my ($database) = @_;
	my $names = $server->safe_psql($database, <<'SQL');
SELECT oid::regclass FROM pg_class
 WHERE relkind IN ('r', 'v', 'p') AND relnamespace::regnamespace::text IN ('medallion', 'etl_logs', 'bronze', 'silver', 'gold')
   AND oid::regclass::text NOT IN ('medallion.catalog', 'medallion.freshness', 'medallion.metrics')	-- they speak of now, and of this disk
 ORDER BY oid::regclass::text COLLATE "C"
SQL
	return join("\n", map {
		"$_ " . $server->safe_psql($database, "SELECT count(*), md5(string_agg(t::text, E'\\n' ORDER BY t::text COLLATE \"C\")) FROM $_ t")
	} split(/\n/, $names));
}

write_orders($_, 0) for 1 .. 3;
$server->safe_psql('postgres', <<"SQL");
CREATE DATABASE original;
\\c original
CREATE EXTENSION medallion;
SELECT medallion.create_feature('orders', ARRAY['$folder/orders_*.csv'], ARRAY['order', 'line'], '{"verify": true}');
SELECT medallion.add_check('orders', 'range', ARRAY['amount'], '{"min": 0, "max": 500}');
SELECT medallion.create_feature('plain_rows', ARRAY['$folder/orders_1.csv']);
SELECT FROM medallion.run_pipeline();
SELECT medallion.create_model('by_customer', 'SELECT customer, count(*) AS lines, sum(amount) AS amount FROM silver.orders_current GROUP BY 1');
SELECT medallion.create_model('best', 'SELECT customer FROM gold.by_customer WHERE amount > 10000');
SELECT FROM medallion.run_pipeline();
SELECT medallion.create_pipeline('nightly', ARRAY['orders'], '{"run_timeout": "1 h"}', '{bronze,silver}');
SELECT medallion.add_step('count', 'SELECT 1', 'orders', 'nightly');
SELECT medallion.store_schedule('night', '0 2 * * *', NULL, '{"pipeline": "nightly"}', 'Asia/Dubai');
SELECT medallion.add_window('patches', '0 2 * * 0', '2 hours', 'nightly');
SELECT medallion.pause('nightly', 'moving');
INSERT INTO medallion.corrections (feature_id, file_id, sheet, row, values)
SELECT feature_id, file_id, _sheet, _row, '{"customer": "C99"}' FROM medallion.features JOIN medallion.file_versions USING (feature_id) JOIN bronze.orders ON _file_id = file_id
 WHERE name = 'orders' AND _row = 5 AND path ~ 'orders_3';
SELECT FROM medallion.rebuild('orders');
SELECT FROM medallion.run_pipeline();
SQL
# A run that is undone, its alerts of a broken file, and a run that leaves changes for models to take.
write_orders(1, 3);
write_file("$folder/orders_9.csv", 'Order,Line,Customer,Amount', 'O9,1,C1,2');
my $undone = $server->safe_psql('original', 'SELECT max(run_id) FROM medallion.run_pipeline()');
$server->safe_psql('original', "SELECT FROM medallion.undo_run($undone)");
write_file("$folder/broken.xlsx", "PK\x03\x04 this is no workbook");
$server->safe_psql('original', <<"SQL");
SELECT medallion.create_feature('broken', ARRAY['$folder/broken.xlsx']);
SELECT FROM medallion.run_pipeline(ARRAY['broken']);
SELECT medallion.alter_feature('broken', '{"paused": true}');
SQL
write_orders(2, 5);
$server->safe_psql('original', 'SELECT FROM medallion.run_pipeline()');
my $before = contents('original');
my $loaded = $server->safe_psql('original', 'SELECT count(*) FROM medallion.file_versions');
my $config = $server->safe_psql('original', 'SELECT medallion.export_config()');
is($server->safe_psql('original', "SELECT string_agg(DISTINCT table_name, ',') FROM (VALUES ('alerts'), ('corrections'), ('windows'), ('steps'), ('schedules'), ('pauses'), ('model_feeds')) t (table_name)
	WHERE query_to_xml('SELECT 1 FROM medallion.' || table_name || ' LIMIT 1', false, true, '')::text = ''"), '', 'there is something of every kind to dump');

for my $format (qw(plain custom directory))
{
	my $target = "restored_$format";
	my $file = "$dump/$target";

	$server->safe_psql('postgres', "CREATE DATABASE $target");
	$server->command_ok([ 'pg_dump', '-F', substr($format, 0, 1), '-f', $file, $server->connstr('original') ], "$format: pg_dump");
	$server->command_ok($format eq 'plain' ?
		[ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-d', $server->connstr($target), '-f', $file ] :
		[ 'pg_restore', '--exit-on-error', '-d', $server->connstr($target), $file ], "$format: restored without an error");
	is(contents($target), $before, "$format: every table says the same");
	is($server->safe_psql($target, "SELECT string_agg(DISTINCT status, ',') FROM medallion.run_pipeline() WHERE object <> 'broken'"),
		'UNCHANGED', "$format: the next run has nothing to do");
	is($server->safe_psql($target, 'SELECT count(*) FROM medallion.file_versions'), $loaded, "$format: and loads nothing");
	is($server->safe_psql($target, q{SELECT string_agg(DISTINCT action, ',') FROM medallion.apply_config('} . $config =~ s/'/''/gr . q{')}), 'unchanged', "$format: it is configured as it was");
	is($server->safe_psql($target, "SELECT status FROM medallion.run_pipeline(options => '{\"pipeline\": \"nightly\"}')"), 'SKIPPED', "$format: what is paused is paused");
}

# --- life goes on in a restored database ---

my $database = 'restored_custom';
my $highest = $server->safe_psql($database, 'SELECT max(file_id) FROM medallion.file_versions');
write_orders(3, 7);
write_orders(4, 0);
is($server->safe_psql($database, <<'SQL'), "bronze|COMPLETED\nsilver|COMPLETED", 'a changed and a new file are taken in');
SELECT layer, status FROM medallion.run_pipeline(ARRAY['orders'], ARRAY['bronze', 'silver']) ORDER BY 1
SQL
is($server->safe_psql($database, "SELECT count(*) FROM medallion.file_versions WHERE file_id > $highest"), '2', 'their ids are new');
is($server->safe_psql($database, 'SELECT count(*) FROM (SELECT run_id FROM medallion.runs GROUP BY 1 HAVING count(*) > 1) d'), '0', 'no run id is used twice');
is($server->safe_psql($database, "SELECT version FROM medallion.file_versions WHERE path ~ 'orders_3' AND superseded_at IS NULL"), '2',
	'the changed file is its second version');
is($server->safe_psql($database, <<'SQL'), '0', 'every key has one current version');
SELECT count(*) FROM (SELECT FROM silver.orders WHERE _scd2_is_current GROUP BY "order", line HAVING count(*) > 1) d
SQL
$server->safe_psql($database, "SELECT medallion.create_feature('further', ARRAY['$folder/orders_4.csv'])");
is($server->safe_psql($database, 'SELECT count(DISTINCT feature_id) FROM medallion.features'), '4', 'a further feature gets a further id');
is($server->safe_psql($database, "SELECT string_agg(DISTINCT status, ',') FROM medallion.run_pipeline() WHERE status NOT IN ('UNCHANGED', 'SKIPPED')"),
	'COMPLETED', 'and its run succeeds');

# The same run in the original gives the same.
is($server->safe_psql('original', 'SELECT medallion.create_feature($$further$$, ARRAY[' . "'$folder/orders_4.csv'" . ']);
	SELECT count(*) FROM medallion.run_pipeline() WHERE status IN ($$FAILED$$, $$PARTIAL$$)'), "\n0", 'the original runs too');
my $silver = 'SELECT md5(string_agg(ROW("order", line, customer, amount, _scd2_version, _scd2_is_current)::text, \',\'
	ORDER BY "order", line, _scd2_version)) FROM silver.orders';
is($server->safe_psql($database, $silver), $server->safe_psql('original', $silver), 'and silver is the same in both');

my $gold = 'SELECT md5(string_agg(ROW(customer, lines, amount)::text, \',\' ORDER BY customer)) FROM gold.by_customer';
is($server->safe_psql($database, $gold), $server->safe_psql('original', $gold), 'so is gold');
is($server->safe_psql($database, $gold), $server->safe_psql($database, $gold =~ s/gold\.by_customer/(SELECT customer, count(*) AS lines, sum(amount) AS amount FROM silver.orders_current GROUP BY 1) q/r),
	'which is what its query says: changes were noted after the restore too');

# Configuration only: rows of the extension's tables follow a schema-only dump too, data does not.
$server->command_ok([ 'pg_dump', '--schema-only', '-f', "$dump/schema.sql", $server->connstr('original') ], 'a dump of the schema alone works');

done_testing();
