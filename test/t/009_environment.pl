# What a database is for is its administrator's to say; features follow, masks above all.
use strict;
use warnings FATAL => 'all';

use Medallion;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $folder = test_folder('environment');
my $server = new_server('environment');

write_file("$folder/a.csv", 'Id,Email,Amount', '1,ann@example.org,10', '2,bob@example.org,20');
$server->safe_psql('postgres', <<"SQL");
CREATE ROLE plain LOGIN;
SELECT medallion.create_feature('people', ARRAY['$folder/*.csv'], '{id}',
	'{"columns": {"email": {"null_tokens": ["none"]}, "amount": {"type": "numeric"}}, "environments": {"test": {"columns": {"email": {"mask": "hash"}}, "filter": "id = 1"}}}');
SELECT FROM medallion.run_pipeline();
SQL

my $emails = "SELECT string_agg(email, ' ' ORDER BY id) FROM silver.people_current";
is($server->safe_psql('postgres', $emails), 'ann@example.org bob@example.org', 'without an environment options are as they stand');

# What the server says to a statement of a role.
sub said
{
	my ($role, $sql) = @_;
	my ($status, $out, $err) = $server->psql('postgres', "SELECT FROM medallion.layer_schema('gold'), medallion.row_hash(1); $sql", extra_params => [ '-U', $role ]);

	return $out . $err;
}
$server->safe_psql('postgres', 'GRANT USAGE ON SCHEMA medallion TO plain; GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA medallion TO plain');
like(said('plain', "SET medallion.environment = 'test'"), qr/permission denied/, 'a plain role cannot set it');
like(said('postgres', "SET medallion.environment = 'test'"), qr/invalid value.*ALTER DATABASE/s, 'nor can a session of the superuser');
like(said('postgres', "BEGIN; SET LOCAL medallion.environment = 'test'"), qr/invalid value/, 'nor its transaction');
is($server->safe_psql('postgres', "SET client_min_messages = error; SET medallion.environment = 'test'; SELECT FROM medallion.row_hash(1); SHOW medallion.environment"),
	'', 'nor before the library is loaded');
$server->safe_psql('postgres', "ALTER ROLE postgres SET medallion.environment = 'test'");
is($server->safe_psql('postgres', "SET client_min_messages = error; SELECT FROM medallion.row_hash(1); SHOW medallion.environment"), '', 'nor a role');
$server->safe_psql('postgres', 'ALTER ROLE postgres RESET medallion.environment');

$server->safe_psql('postgres', "ALTER DATABASE postgres SET medallion.environment = 'test'");
is($server->safe_psql('postgres', "SELECT FROM medallion.row_hash(1); SHOW medallion.environment"), 'test', 'ALTER DATABASE sets it');
$server->safe_psql('postgres', 'SELECT FROM medallion.run_pipeline()');
like($server->safe_psql('postgres', $emails), qr/^[0-9a-f-]{32,}$/, 'the next run makes silver anew: masked, and with the other options of that environment');
is($server->safe_psql('postgres', "SELECT options->'environments'->'test'->>'filter' FROM medallion.features"), 'id = 1', 'the configuration is the same everywhere');
is($server->safe_psql('postgres', "SELECT string_agg(status, ' ') FROM medallion.run_pipeline()"), 'UNCHANGED UNCHANGED', 'a further run changes nothing');
write_file("$folder/b.csv", 'Id,Email,Amount', '1,eve@example.org,10');
$server->safe_psql('postgres', 'CALL medallion.run_pipeline_proc(options => $${"workers": 2}$$)');
unlike($server->safe_psql('postgres', 'SELECT string_agg(email, $$ $$) FROM silver.people'), qr/@/, 'workers are in it too');

$server->safe_psql('postgres', "ALTER DATABASE postgres SET medallion.environment = 'production'");
$server->safe_psql('postgres', 'SELECT FROM medallion.run_pipeline()');
is($server->safe_psql('postgres', $emails), 'eve@example.org bob@example.org', 'another environment, of which the feature says nothing');
$server->safe_psql('postgres', 'ALTER DATABASE postgres RESET medallion.environment');
$server->append_conf('postgresql.conf', "medallion.environment = 'test'");
$server->reload;
$server->safe_psql('postgres', 'SELECT FROM medallion.run_pipeline()');
unlike($server->safe_psql('postgres', $emails), qr/@/, 'postgresql.conf sets it');

like(said('postgres', q(SELECT medallion.alter_feature('people', '{"environments": {"test": {"colums": {}}}}'))), qr/unrecognized feature option "colums".*columns/s,
	'an option of an environment is checked like any');
like(said('postgres', q(SELECT medallion.alter_feature('people', '{"environments": {"test": {"checks": []}}}'))), qr/environment "test" must be an object of options/,
	'checks are the same everywhere');
is($server->safe_psql('postgres', q(SELECT medallion.overlay_options('{"a": {"b": 1, "c": [1], "d": {"e": 2}}, "f": 3}', '{"a": {"b": null, "c": [2], "d": {"g": 4}}, "h": 5}') = '{"a": {"c": [2], "d": {"e": 2, "g": 4}}, "f": 3, "h": 5}')),
	't', 'objects are laid over each other member by member');

done_testing();
