# Files and folders that misbehave: cut short or replaced while they are read, folders that cannot be
# opened or looked into, names that no one would choose, and a hundred thousand of them in one folder.
# Each time: a clear error, nothing lost, and the next run heals.
#
# A file changes while it is read, and not before or after: the backend is stopped as soon as it is seen
# to have loaded rows, the file is changed, and the backend goes on.
#
# FILES=n: how many files in one folder; a hundred thousand take minutes.
use strict;
use warnings FATAL => 'all';

use IO::Compress::Zip qw($ZipError);
use Medallion;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep time);

my $files = $ENV{FILES} // 1000;
my $folder = test_folder('bad_folders');
my $server = new_server('bad_folders');

sub sql
{
	return $server->safe_psql('postgres', $_[0]);
}

# A run of one feature: status of each layer; its errors.
sub run_feature
{
	my ($feature) = @_;
	my ($status, $out, $err) = $server->psql('postgres',
		"SELECT string_agg(layer || ' ' || status, ',' ORDER BY layer), string_agg(detail->>'error', ' ')"
		. " FROM medallion.run_pipeline(ARRAY['$feature'], ARRAY['bronze', 'silver'])");
	my ($states, $error) = split(/\|/, $out, 2);
	return ($states, $error // '', $err);
}

sub state_of
{
	my ($feature) = @_;
	return sql("SELECT count(*), sum(amount) FROM silver.$feature" . '_current');
}

# --- a file changes while it is read ---

my $lines = 60000;

sub big_file
{
	my ($path, $factor) = @_;
	my $note = 'some words to make this row longer';

	return write_workbook($path, $factor, $note) if $path =~ /xlsx$/;
	return write_file($path, 'Id,Amount,Note', map { "$_," . $_ * $factor . ",\"$note\"" } 1 .. $lines) if $path =~ /csv$/;
	write_file($path, '[', (map { "{\"Id\": $_, \"Amount\": " . $_ * $factor . ", \"Note\": \"$note\"}" . ($_ < $lines && ',') } 1 .. $lines), ']');
}

# The same as a workbook.
sub write_workbook
{
	my ($path, $factor, $note) = @_;
	my $main = 'http://schemas.openxmlformats.org/spreadsheetml/2006/main';
	my $office = 'http://schemas.openxmlformats.org/officeDocument/2006/relationships';
	my $relations = '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="r1" Type="' . $office;
	my @parts = (
		[ '[Content_Types].xml', '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
			. '<Default Extension="xml" ContentType="application/xml"/></Types>' ],
		[ '_rels/.rels', "$relations/officeDocument\" Target=\"xl/workbook.xml\"/></Relationships>" ],
		[ 'xl/_rels/workbook.xml.rels', "$relations/worksheet\" Target=\"worksheets/sheet1.xml\"/></Relationships>" ],
		[ 'xl/workbook.xml', "<workbook xmlns=\"$main\" xmlns:r=\"$office\"><sheets><sheet name=\"Rows\" sheetId=\"1\" r:id=\"r1\"/></sheets></workbook>" ],
		[ 'xl/worksheets/sheet1.xml', "<worksheet xmlns=\"$main\"><sheetData>" . sheet_row(1, 'Id', 'Amount', 'Note')
			. join('', map { sheet_row($_ + 1, $_, $_ * $factor, $note) } 1 .. $lines) . '</sheetData></worksheet>' ]);

	(my $feature_folder = $path) =~ s{/[^/]*$}{};
	mkdir($feature_folder);
	my $zip;
	for my $part (@parts)
	{
		if ($zip) { $zip->newStream(Name => $part->[0]) or die $ZipError; }
		else { $zip = IO::Compress::Zip->new("$path.part", Name => $part->[0]) or die $ZipError; }
		$zip->print($part->[1]) or die $ZipError;
	}
	$zip->close or die $ZipError;
	rename("$path.part", $path) or die "cannot rename to $path: $!";
}

sub sheet_row
{
	my ($row, @cells) = @_;
	return "<row r=\"$row\">" . join('', map { /^\d+$/ ? "<c><v>$_</v></c>" : "<c t=\"inlineStr\"><is><t>$_</t></is></c>" } @cells) . '</row>';
}

sub total
{
	my ($factor) = @_;
	return "$lines|" . $factor * $lines * ($lines + 1) / 2;
}

# Runs the feature; does something to its file when rows of it have been loaded.
sub change_while_read
{
	my ($feature, $change) = @_;
	my $session = Medallion::Session->new($server, 'postgres');
	my $watch = Medallion::Session->new($server, 'postgres');

	$session->send("SELECT string_agg(layer || ' ' || status, ',' ORDER BY layer), string_agg(detail->>'error', ' ')"
		. " FROM medallion.run_pipeline(ARRAY['$feature'], ARRAY['bronze', 'silver'])");
	ok(wait_until(sub {
		($watch->query("SELECT 1 FROM pg_stat_progress_copy WHERE pid = $session->{pid} AND tuples_processed BETWEEN 1 AND $lines * 2 / 3"))[0]
	}), "$feature: the file is being read");
	kill('STOP', $session->{pid});
	$change->();
	kill('CONT', $session->{pid});
	my ($out, $err) = $session->answer;
	$_->close for ($session, $watch);
	my ($states, $error) = split(/\|/, $out, 2);
	return ($states, $error // '', $err);
}

sub new_feature
{
	my ($feature, $pattern) = @_;
	sql("SELECT medallion.create_feature('$feature', ARRAY['$folder/$feature/$pattern'], ARRAY['id'])");
}

new_feature('cut', '*.csv');
big_file("$folder/cut/lines.csv", 1);
my ($states, $error) = change_while_read('cut', sub { truncate("$folder/cut/lines.csv", 700000) or die $! });
is($states, 'bronze FAILED,silver UNCHANGED', 'cut short while read: the run says so');
like($error, qr{file ".*cut/lines\.csv" changed while it was read}, 'cut short while read: the error names the file');
is(sql("SELECT count(*) FROM medallion.file_versions JOIN medallion.features USING (feature_id) WHERE name = 'cut'"), '0',
	'cut short while read: not taken in');
big_file("$folder/cut/lines.csv", 2);
($states, $error) = run_feature('cut');
is($states, 'bronze COMPLETED,silver COMPLETED', 'cut short while read: the next run loads what is there then');
is(state_of('cut'), total(2), 'cut short while read: all of it');

big_file("$folder/cut/lines.csv", 3);
($states, $error) = change_while_read('cut', sub { truncate("$folder/cut/lines.csv", 0) or die $! });
is($states, 'bronze FAILED,silver UNCHANGED', 'emptied while read: the run says so');
is(state_of('cut'), total(2), 'emptied while read: what was loaded before is there');
big_file("$folder/cut/lines.csv", 4);
run_feature('cut');
is(state_of('cut'), total(4), 'emptied while read: the next run heals');

new_feature('grown', '*.csv');
big_file("$folder/grown/lines.csv", 1);
($states, $error) = change_while_read('grown', sub {
	open(my $out, '>>', "$folder/grown/lines.csv") or die $!;
	print $out $lines + 1, ",5,more\n";
	close($out);
});
is($states, 'bronze FAILED,silver UNCHANGED', 'appended to while read: the run says so');
run_feature('grown');
is(state_of('grown'), ($lines + 1) . '|' . ($lines * ($lines + 1) / 2 + 5), 'appended to while read: the next run has all of it');

# Under its own name the old file is read to its end; the new one is the next run's.
new_feature('replaced', '*.csv');
big_file("$folder/replaced/lines.csv", 1);
($states) = change_while_read('replaced', sub { big_file("$folder/replaced/lines.csv", 2) });
is($states, 'bronze COMPLETED,silver COMPLETED', 'replaced while read: the run completes');
is(state_of('replaced'), total(1), 'replaced while read: with the old file, whole');
run_feature('replaced');
is(state_of('replaced'), total(2), 'replaced while read: the next run has the new one, whole');

new_feature('removed', '*.csv');
big_file("$folder/removed/lines.csv", 1);
($states) = change_while_read('removed', sub { unlink("$folder/removed/lines.csv") or die $! });
is($states, 'bronze COMPLETED,silver COMPLETED', 'removed while read: it is read to its end');
is(state_of('removed'), total(1), 'removed while read: whole');

# Other formats meet the end of what is there, or bytes of another file, in the middle of something.
for my $format (qw(json xlsx))
{
	my $file = "$folder/$format/rows.$format";

	new_feature($format, "*.$format");
	big_file($file, 1);
	($states, $error) = change_while_read($format, sub { truncate($file, int((-s $file) / 10)) or die $! });
	is($states, 'bronze FAILED,silver UNCHANGED', "$format, cut short while read: the run says so");
	like($error, qr{rows\.$format" changed while it was read}, "$format, cut short while read: the error says what happened");
	big_file($file, 2);
	($states, $error) = change_while_read($format, sub {
		open(my $out, '+<', $file) or die $!;
		seek($out, int((-s $file) * 0.7), 0);
		print $out 'x' x 1000;
		close($out);
	});
	is($states, 'bronze FAILED,silver UNCHANGED', "$format, written over while read: the run says so");
	like($error, qr{rows\.$format" changed while it was read}, "$format, written over while read: the error says what happened");
	is(sql("SELECT count(*) FROM medallion.file_versions JOIN medallion.features USING (feature_id) WHERE name = '$format'"), '0',
		"$format: neither was taken in");
	big_file($file, 3);
	($states) = change_while_read($format, sub { big_file($file, 4) });
	is($states, 'bronze COMPLETED,silver COMPLETED', "$format, replaced while read: the run completes");
	is(state_of($format), total(3), "$format, replaced while read: with the old file, whole");
	run_feature($format);
	is(state_of($format), total(4), "$format, replaced while read: the next run has the new one, whole");
}

# --- folders that cannot be read ---

sub small_file
{
	my ($path, $first) = @_;
	write_file($path, 'Id,Amount', map { "$_,$_" } $first .. $first + 9);
}

# A feature whose missing files would close rows: a folder that cannot be read is not one without files.
sub closing_feature
{
	my ($feature) = @_;
	sql("SELECT medallion.create_feature('$feature', ARRAY['$folder/$feature/**/*.csv'], ARRAY['id'], '{\"on_missing\": \"close\"}')");
	small_file("$folder/$feature/a/a.csv", 1);
	small_file("$folder/$feature/b/b.csv", 101);
	run_feature($feature);
	is(state_of($feature), '20|1110', "$feature: loaded");
}

sub check_healed
{
	my ($feature) = @_;
	($states, $error) = run_feature($feature);
	is($states, 'bronze COMPLETED,silver COMPLETED', "$feature: the next run is whole again");
	is($error, '', "$feature: without an error");
	is(state_of($feature), '30|3165', "$feature: and has what came meanwhile");
	is(sql("SELECT count(*) FROM etl_logs.file_processing WHERE status = 'MISSING' AND file_path LIKE '%/$feature/%'"), '0',
		"$feature: no file was said to be gone");
}

for my $mode ([ closed => 0000 ], [ unlisted => 0311 ], [ unsearchable => 0444 ])
{
	my ($feature, $bits) = @$mode;

	closing_feature($feature);
	small_file("$folder/$feature/b/c.csv", 201);
	chmod($bits, "$folder/$feature/b");
	($states, $error) = run_feature($feature);
	chmod(0755, "$folder/$feature/b");
	is($states, 'bronze PARTIAL,silver UNCHANGED', "$feature folder: the run says so");
	like($error, qr{"$folder/$feature/b(/[bc]\.csv)?": Permission denied}, "$feature folder: the error names it");
	is(state_of($feature), '20|1110', "$feature folder: nothing is lost");
	check_healed($feature);
}

# The first folder of the pattern itself.
closing_feature('first');
small_file("$folder/first/b/c.csv", 201);
chmod(0000, "$folder/first");
($states, $error) = run_feature('first');
chmod(0755, "$folder/first");
is($states, 'bronze FAILED,silver UNCHANGED', 'first folder: the run says so');
like($error, qr{could not open folder "$folder/first": Permission denied}, 'first folder: the error names it');
is(state_of('first'), '20|1110', 'first folder: nothing is lost');
check_healed('first');

# One file that cannot be opened does not keep the others.
closing_feature('one_file');
small_file("$folder/one_file/b/c.csv", 201);
chmod(0000, "$folder/one_file/b/c.csv");
($states, $error) = run_feature('one_file');
is($states, 'bronze PARTIAL,silver UNCHANGED', 'one_file: the run says so');
like($error, qr{could not open "$folder/one_file/b/c\.csv": Permission denied}, 'one_file: the error names it');
chmod(0644, "$folder/one_file/b/c.csv");
check_healed('one_file');

# --- names ---

my $long = 'n' x 251 . '.csv';
my %names = (
	"two\nlines.csv" => 1, "tab\tquote'\"\\.csv" => 2, ' spaces .csv' => 3, $long => 4,
	"\xd0\xb8\xd0\xbc\xd1\x8f \xe2\x80\xae\xf0\x9f\x99\x82.csv" => 5, '-rf $(touch x);%s%n.csv' => 6, "bell\a\x7f.csv" => 7);

# Under another name no careful sender could write the longest.
sub write_odd
{
	my ($name, $id) = @_;
	open(my $out, '>', "$folder/names/$name") or die "cannot write: $!";
	print $out "Id,Amount\n$id,$id\n";
	close($out);
}

mkdir("$folder/names");
write_odd($_, $names{$_}) for keys %names;
new_feature('names', '*.csv');
($states, $error) = run_feature('names');
is($states, 'bronze COMPLETED,silver COMPLETED', 'odd names: all are loaded');
is(state_of('names'), '7|28', 'odd names: each with its row');
is(sql("SELECT count(*) FROM etl_logs.file_processing WHERE file_path = E'$folder/names/two\\nlines.csv' AND status = 'SUCCESS'"), '1',
	'odd names: logged as they are');
is(sql("SELECT count(*) FROM medallion.file_versions WHERE path = '$folder/names/$long'"), '1', 'odd names: 255 bytes and none lost');
($states, $error) = run_feature('names');
is($states, 'bronze UNCHANGED,silver UNCHANGED', 'odd names: and known again');

# What the database's encoding cannot spell is a file that is not loaded, said with its place.
write_odd("bad\xff\xfename.csv", 8);
write_odd('good.csv', 9);
($states, $error) = run_feature('names');
is($states, 'bronze PARTIAL,silver COMPLETED', 'a name that is not UTF-8: the run says so');
like($error, qr{file ".*/names/bad\\xff\\xfename\.csv" was passed over: its name is not valid in the database's encoding}, 'a name that is not UTF-8: the error shows it');
is(state_of('names'), '8|37', 'a name that is not UTF-8: the others are loaded');
rename("$folder/names/bad\xff\xfename.csv", "$folder/names/renamed.csv");
($states, $error) = run_feature('names');
is($states, 'bronze COMPLETED,silver COMPLETED', 'a name that is not UTF-8: renamed, it is loaded');
is(state_of('names'), '9|45', 'a name that is not UTF-8: nothing is missing');

# A folder with such a name holds files too.
mkdir("$folder/tree");
mkdir("$folder/tree/bad\xe9");
small_file("$folder/tree/good/a.csv", 1);
small_file("$folder/tree/bad\xe9/b.csv", 101);
new_feature('tree', '**/*.csv');
($states, $error) = run_feature('tree');
is($states, 'bronze PARTIAL,silver COMPLETED', 'a folder whose name is not UTF-8: the run says so');
like($error, qr{tree/bad\\xe9/b\.csv}, 'a folder whose name is not UTF-8: the error shows it');
is(state_of('tree'), '10|55', 'a folder whose name is not UTF-8: the rest is loaded');

# --- very many files ---

mkdir("$folder/many");
for my $i (1 .. $files)
{
	open(my $out, '>', sprintf('%s/many/%06d.csv', $folder, $i)) or die $!;
	print $out "Id,Amount\n$i,$i\n";
	close($out);
}
# Entries of the ledger's indexes that were read so far.
sub looked_at
{
	return sql("SELECT sum(idx_tup_read) FROM pg_stat_user_indexes WHERE relname = 'file_versions'");
}

new_feature('many', '*.csv');
my $looked_before = looked_at();
my $start = time();
sql("SET client_min_messages = error; CALL medallion.run_pipeline_proc(ARRAY['many'])");
my $took = time() - $start;
is(state_of('many'), "$files|" . $files * ($files + 1) / 2, sprintf('%d files in one folder: all are loaded (%.1f s)', $files, $took));
cmp_ok(looked_at() - $looked_before, '<', 50 * $files, '... each looked up in the ledger, not among all before it');
$start = time();
($states) = run_feature('many');
my $again = time() - $start;
is($states, 'bronze UNCHANGED,silver UNCHANGED', sprintf('%d files in one folder: nothing to do (%.2f s)', $files, $again));
cmp_ok($again, '<', 3 + $files / 5000, '... which takes little time');
diag(sprintf('%d files in one folder: loaded in %.1f s, looked through in %.2f s', $files, $took, $again));

done_testing();
