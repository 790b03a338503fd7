# The report on a history of 1,000 runs, as a browser shows it: on a phone and on a desk, light and
# dark, every section says something, all of it can be read, and nothing comes from elsewhere.
use strict;
use warnings FATAL => 'all';

use List::Util qw(min);
use Medallion;
use POSIX qw(sysconf _SC_CLK_TCK);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;


my $project = $ENV{MEDALLION_PROJECT};
$ENV{MEDALLION_PICTURES} //= '';	# a folder, to have pictures
my $folder = test_folder('report');
my $server = new_server('report');

# --- a history: features of many kinds, files that fail, columns that come, checks that fail ---

$server->safe_psql('postgres', <<"SQL");
SELECT medallion.create_feature('orders', ARRAY['$folder/a folder with a rather long name/orders/*.csv'], ARRAY['order'],
	'{"checks": [{"kind": "range", "columns": ["amount"], "params": {"max": 500}, "name": "amount of an order is plausible"}, {"kind": "not_null", "columns": ["customer"]}]}');
SELECT medallion.create_feature('customers', ARRAY['$folder/customers.csv'], ARRAY['customer']);
SELECT medallion.create_feature('events_of_the_web_shop_as_they_came_in', ARRAY['$folder/events/*']);
SELECT medallion.create_feature('broken', ARRAY['$folder/broken/*']);
SQL
write_file("$folder/customers.csv", 'Customer,Name', map { "C$_,Name $_" } 1 .. 20);
write_file("$folder/broken/" . 'a_name_without_any_place_to_break_the_line_' x 3 . '.xlsx', "PK\x03\x04 this is no workbook");
for my $round (1 .. 10)
{
	write_file("$folder/a folder with a rather long name/orders/$round.csv", 'Order,Customer,Amount' . ($round > 5 ? ',Discount' : ''),
		map { "O$round-$_,C" . $_ % 20 . ',' . $_ * $round . ($round > 5 ? ',1' : '') } 1 .. 50 * ($round % 7 + 1));
	write_file("$folder/events/$round.json", map { qq({"at": "2025-01-01T00:00:$_", "what": "view"}) } 10 .. 40);
	$server->safe_psql('postgres', "SELECT FROM medallion.run_pipeline();\n" x 5);
	$server->safe_psql('postgres', <<'SQL') if $round == 1;
SELECT medallion.create_model('per_customer', 'SELECT customer, name, sum(amount) AS amount FROM silver.orders_current JOIN silver.customers_current USING (customer) GROUP BY 1, 2',
	'{"description": "What each customer has bought, in the currency of the order; customers without an order are left out, and so are orders of customers that nobody knows."}');
SELECT medallion.create_model('best', 'SELECT customer FROM gold.per_customer WHERE amount > 10000');
SELECT medallion.create_model('views_of_the_web_shop_however_made', 'SELECT count(*) AS views FROM silver.events_of_the_web_shop_as_they_came_in');
SQL
}
# ... and the same 19 times before.
$server->safe_psql('postgres', <<'SQL');
CREATE TEMP TABLE copy AS SELECT r.*, r.run_id - 50 * n AS id, n * interval '4 hours' AS ago FROM medallion.runs r, generate_series(1, 19) n;
INSERT INTO medallion.runs (run_id, started_at, finished_at, status, run_by, options, error_message)
SELECT id, started_at - ago, finished_at - ago, CASE WHEN id % 70 = -7 THEN 'FAILED' WHEN id % 5 <> 0 THEN 'COMPLETED' ELSE status END, run_by, options, error_message FROM copy;
INSERT INTO etl_logs.pipeline_runs SELECT (jsonb_populate_record(p, jsonb_build_object('run_id', id, 'started_at', p.started_at - ago, 'completed_at', p.completed_at - ago))).*
  FROM etl_logs.pipeline_runs p JOIN copy USING (run_id);
INSERT INTO etl_logs.data_quality_checks SELECT (jsonb_populate_record(q, jsonb_build_object('check_id', -q.check_id + id * 10000, 'run_id', id, 'checked_at', q.checked_at - ago))).*
  FROM etl_logs.data_quality_checks q JOIN copy USING (run_id);
INSERT INTO etl_logs.file_processing SELECT (jsonb_populate_record(f, jsonb_build_object('processing_id', -f.processing_id + id * 10000, 'run_id', id, 'processed_at', f.processed_at - ago))).*
  FROM etl_logs.file_processing f JOIN copy USING (run_id);
ANALYZE;
SQL
is($server->safe_psql('postgres', 'SELECT count(*) FROM medallion.runs'), '1000', '1,000 runs');

# --- its report: the best of three; by the processor's clock, for other programs are none of its business ---

my $session = Medallion::Session->new($server, 'postgres');
my ($page, $best) = ('', 1e9);

# Seconds that the session's backend has computed.
sub computed
{
	my @fields = split(/ /, slurp_file("/proc/$session->{pid}/stat") =~ s/^.*\) //sr);

	return ($fields[11] + $fields[12]) / sysconf(_SC_CLK_TCK);
}

for (1 .. 3)
{
	my $start = computed();
	($page) = $session->query('SELECT medallion.report_html()');
	$best = min($best, computed() - $start);
}
$session->close;
cmp_ok($best, '<', 1, sprintf('its report takes less than a second (%.2f s)', $best));
cmp_ok(length($page), '<', 2 * 1024 * 1024, sprintf('and less than 2 MB (%d kB)', length($page) / 1024));
unlike($page, qr/class="none"/, 'no section is without content');
append_to_file("$folder/report.html", $page);

# --- and in a browser; of a new database too ---

$server->safe_psql('postgres', 'CREATE DATABASE empty');
append_to_file("$folder/empty.html", $server->safe_psql('empty', 'CREATE EXTENSION medallion; SELECT medallion.report_html()'));
for my $name ('report', 'empty')
{
	my @answers = split(/\n/, qx(python3 "$project/test/browser.py" "$folder/$name.html" $ENV{MEDALLION_PICTURES} 2>&1));

  SKIP:
	{
		skip('no Chromium here', 1) if $? >> 8 == 77;
		is($?, 0, "$name: Chromium shows it") or diag(@answers);
		is(scalar(@answers), 32, "$name: two sizes, light and dark");
		for my $answer (@answers)
		{
			my ($not, $what, $why) = $answer =~ /^(not )?ok ([^:]*: [^:]*)(?:: (.*))?$/;
			ok(!$not && defined $what, "$name: " . ($what // $answer)) or diag($why // $answer);
		}
	}
}
$server->stop;
done_testing();
