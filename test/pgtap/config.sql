/*
 * Features that are defined, altered, dropped and made anew; names that are in
 * the way; checks of every kind.
 */
\set name config
\ir setup.psql

SELECT plan(55);

-- one voice: a duplicate takes over what its original no longer says, in the same run
\o /dev/null
SELECT medallion.create_feature('voice', '{voice/*.csv}', '{id}');
SELECT pg_temp.put('voice/a.csv', E'Id,Val\n1,one\n2,two\n'), pg_temp.put('voice/b.csv', E'Id,Val\n1,one\n2,two\n');
SELECT pg_temp.run();
SELECT pg_temp.put('voice/a.csv', E'Id,Val\n2,changed\n');
SELECT pg_temp.run();
\o
SELECT results_eq('SELECT id::int, val FROM silver.voice_current ORDER BY 1', $$VALUES (1, 'one'), (2, 'changed')$$, 'a key that the duplicate still says stays current');
SELECT is((SELECT count(*)::int FROM silver.voice WHERE id = 1), 1, '... and has no further version');
SELECT is((SELECT count(*)::int FROM silver.voice WHERE id = 2), 2, '... the changed key has two');
\o /dev/null
SELECT medallion.alter_feature('voice', '{"load_duplicates": true}');
SELECT pg_temp.put('voice/c.csv', E'Id,Val\n2,changed\n');
SELECT pg_temp.run();
\o
SELECT is((SELECT count(*)::int FROM medallion.file_versions JOIN medallion.features USING (feature_id) WHERE name = 'voice' AND status = 'DUPLICATE'), 0, 'load_duplicates loads what was passed over');

-- a silver table that is gone is made again, whole
\o /dev/null
SELECT medallion.create_feature('gone', '{gone/*.csv}', '{id}');
SELECT pg_temp.put('gone/a.csv', E'Id,Val\n1,one\n');
SELECT pg_temp.run('gone');
DROP VIEW silver.gone_current;
DROP TABLE silver.gone;
SELECT pg_temp.put('gone/b.csv', E'Id,Val\n2,two\n');
SELECT pg_temp.run('gone');
\o
SELECT is((SELECT count(*)::int FROM silver.gone), 2, 'a dropped silver table comes back with all files');

-- what an earlier feature left is not mixed with
\o /dev/null
SELECT medallion.drop_feature('gone');
SELECT medallion.create_feature('gone', '{gone/*.csv}', '{id}');
SELECT pg_temp.run('gone');
\o
SELECT matches(pg_temp.errors(), 'table bronze.gone has rows that this feature did not load', 'bronze rows of a dropped feature are in the way');
\o /dev/null
DROP TABLE bronze.gone;
SELECT pg_temp.run('gone');
\o
SELECT is(pg_temp.errors(), 'silver: table silver.gone is not one that this feature made [Drop or rename the table; drop_feature(name, true) drops a feature''s tables with it.]', '... and so is its silver table');
\o /dev/null
SELECT medallion.drop_feature('gone', true);
SELECT medallion.create_feature('gone', '{gone/*.csv}', '{id}');
SELECT pg_temp.run('gone');
\o
SELECT is(pg_temp.errors(), 'none', 'drop_feature(name, true) clears the way');

-- no relation is two features'
\o /dev/null
SELECT medallion.create_feature('a', '{a/*.csv}', '{id}', '{"split": {"b": "id > 1", "c": "else"}}');
\o
SELECT throws_ok($$SELECT medallion.create_feature('a_b', '{a/*.csv}')$$, '42710', 'relation "a_b" of feature "a_b" would also be one of feature "a"', 'a feature named as another''s split');
SELECT throws_ok($$SELECT medallion.create_feature('a_current', '{a/*.csv}')$$, '42710', 'relation "a_current" of feature "a_current" would also be one of feature "a"', '... as another''s view of current rows');
SELECT throws_ok($$SELECT medallion.create_feature('x', '{a/*.csv}', NULL, '{"split": {"current": "true"}}')$$, '42710', 'relation "x_current" of feature "x" would also be one of feature "x"', 'a split named current');
SELECT throws_like(format($$SELECT medallion.create_feature('x', '{a/*.csv}', NULL, '{"split": {"%s": "true"}}')$$, repeat('s', 56)), 'view "x_sss%" of feature "x" has too long a name', 'a split with too long a name');
SELECT lives_ok($$SELECT medallion.create_feature('a_d', '{a/*.csv}')$$, 'another name is fine');
\o /dev/null
SELECT medallion.drop_feature('a_d'), medallion.drop_feature('a');
\o

-- names of columns that the server, or silver, has already; long ones; expressions with comments
\o /dev/null
SELECT medallion.create_feature('odd', '{odd/*.csv}', '{id}', jsonb_build_object(
	'columns', '{"price": {"expression": "price || ''!'' -- shouted"}}'::jsonb,
	'derive', '{"twice": "id * 2 -- doubled"}'::jsonb, 'filter', 'id > 0 -- real ones',
	'split', '{"some": "id > 1 -- most", "others": "else"}'::jsonb));
SELECT pg_temp.put('odd/a.csv', format(E'Id,xmin,ctid,dq_cast_flag_id,%s,%s,Price\n1,a,b,c,10,20,x\n2,d,e,f,30,31,y\n0,,,,1,1,z\n',
	repeat('long ', 11) || 'one', repeat('long ', 11) || 'two'));
SELECT pg_temp.run('odd');
\o
SELECT is(pg_temp.errors(), 'none', 'headers like system columns and flags, and long ones, load');
SELECT results_eq('SELECT id::int, xmin_2, ctid_2, dq_cast_flag_id, price, twice::int FROM silver.odd ORDER BY 1', $$VALUES (1, 'a', 'b', 'c', 'x!', 2), (2, 'd', 'e', 'f', 'y!', 4)$$, '... and stand in silver; comments in expressions end with their line');
SELECT is((SELECT count(*)::int FROM pg_attribute WHERE attrelid = 'silver.odd'::regclass AND attname ~ '^dq_cast_flag_'), 4, '... each with a flag of its own, beside the column that is named like one');
SELECT is((SELECT count(*)::int FROM silver.odd_some), 1, '... and splits');
\o /dev/null
SELECT medallion.alter_feature('odd', '{"derive": {"id": "1"}}');
SELECT pg_temp.run('odd');
\o
SELECT matches(pg_temp.errors(), 'derived column "id" is a column of the source too', 'a derived column cannot have a source column''s name');
\o /dev/null
SELECT medallion.drop_feature('odd', true);
\o

-- checks: several of a kind; numbers in lists and ranges
\o /dev/null
SELECT medallion.create_feature('checked', '{checked/*.csv}', '{id}', '{"checks": [
	{"kind": "not_null", "columns": ["a"]}, {"kind": "not_null", "columns": ["b"]},
	{"kind": "accepted_values", "columns": ["a"], "params": {"values": [1, 2.5]}},
	{"kind": "accepted_values", "columns": ["c"], "params": {"values": ["x", "it''s"]}},
	{"kind": "range", "columns": ["b"], "params": {"min": 0.5}},
	{"kind": "range", "columns": ["b"], "params": {"max": 5}, "name": "small"},
	{"kind": "range", "columns": ["d"], "params": {"min": "2024-01-01"}}]}');
SELECT pg_temp.put('checked/a.csv', E'Id,A,B,C,D\n1,1,0,x,2024-05-01\n2,2.50,7,it''s,2023-05-01\n3,3,,y,\n4,,1,,2024-01-01\n');
SELECT pg_temp.run('checked');
\o
SELECT is(pg_temp.errors(), 'none', 'checks of all these kinds run');
SELECT is((SELECT string_agg(c.name, ' ' ORDER BY c.name COLLATE "C") FROM medallion.checks c JOIN medallion.features f USING (feature_id) WHERE f.name = 'checked'),
	'accepted_values accepted_values_c not_null not_null_b range range_d small', 'unnamed checks of one kind do not overwrite each other');
SELECT results_eq('SELECT id::int FROM silver.checked WHERE dq_null_flag_a', 'VALUES (4)', 'not_null on the first column');
SELECT results_eq('SELECT id::int FROM silver.checked WHERE dq_null_flag_b', 'VALUES (3)', '... and on the second');
SELECT results_eq('SELECT id::int FROM silver.checked WHERE dq_accepted_values_flag_a', 'VALUES (3)', 'accepted numbers are compared as numbers');
SELECT results_eq('SELECT id::int FROM silver.checked WHERE dq_accepted_values_flag_c', 'VALUES (3)', 'accepted words as words');
SELECT results_eq('SELECT id::int FROM silver.checked WHERE dq_range_flag_b', 'VALUES (1)', 'a fraction bounds whole numbers');
SELECT results_eq('SELECT id::int FROM silver.checked WHERE dq_range_flag_b_', 'VALUES (2)', 'a second check of a kind on one column has a flag of its own');
SELECT results_eq('SELECT id::int FROM silver.checked WHERE dq_range_flag_d', 'VALUES (2)', 'a date bounds dates');
SELECT throws_ok($$SELECT medallion.add_check('checked', 'nul_check', '{a}')$$, '22023', 'unrecognized kind of check "nul_check"', 'an unknown kind has the nearest as hint');
\o /dev/null
SELECT medallion.add_check('checked', 'not_null', '{c}'), medallion.add_check('checked', 'not_null', '{c}');
\o
SELECT is((SELECT count(*)::int FROM medallion.checks WHERE name = 'not_null_c'), 1, 'the same check twice is one');

-- a table made anew keeps what users gave it
DROP ROLE IF EXISTS config_reader;
CREATE ROLE config_reader;
\o /dev/null
SELECT medallion.create_feature('kept', '{kept/*.csv}', '{id}', '{"split": {"high": "id > 1", "low": "else"}}');
SELECT pg_temp.put('kept/a.csv', E'Id,N,D\n1,1,2024-01-01\n2,2,2024-02-01\n');
SELECT pg_temp.run('kept');
GRANT SELECT ON silver.kept, silver.kept_high TO config_reader WITH GRANT OPTION;
GRANT SELECT (id) ON silver.kept_current TO PUBLIC;
COMMENT ON COLUMN silver.kept.n IS 'how many';
COMMENT ON TABLE silver.kept IS 'my words';
SELECT medallion.rebuild('kept');
SELECT pg_temp.run('kept');
\o
SELECT is(pg_temp.errors(), 'none', 'a rebuild runs');
SELECT ok(has_table_privilege('config_reader', 'silver.kept', 'SELECT WITH GRANT OPTION') AND has_table_privilege('config_reader', 'silver.kept_high', 'SELECT'), 'grants outlive it');
SELECT ok(has_column_privilege('config_reader', 'silver.kept_current', 'id', 'SELECT') AND NOT has_column_privilege('config_reader', 'silver.kept_current', 'n', 'SELECT'), '... those of columns too');
SELECT is(col_description('silver.kept'::regclass, 2) || ', ' || obj_description('silver.kept'::regclass), 'how many, my words', '... and comments');
\o /dev/null
SELECT pg_temp.put('kept/b.csv', E'Id,N,D\n3,2.5,2024-03-01\n');
SELECT pg_temp.run('kept');
\o
SELECT is(pg_temp.errors() || ' ' || pg_temp.types('silver.kept'), 'none id bigint, n numeric, d date', 'a type widens');
SELECT ok(has_table_privilege('config_reader', 'silver.kept_high', 'SELECT'), '... and the views still have their grants');

-- what depends on our views stops a change, and is not dropped
\o /dev/null
CREATE FUNCTION public.mine() RETURNS bigint LANGUAGE sql BEGIN ATOMIC SELECT count(*) FROM silver.kept_current; END;
SELECT pg_temp.put('kept/c.csv', E'Id,N,D\n4,many,2024-03-01\n');
SELECT pg_temp.run('kept');
\o
SELECT matches(pg_temp.errors(), 'silver: cannot drop view silver.kept_current because other objects depend on it', 'a function over a view stops the change of its columns');
SELECT is(public.mine(), 3::bigint, '... and is still there');
\o /dev/null
DROP FUNCTION public.mine();
SELECT pg_temp.run('kept');
\o
SELECT is(pg_temp.errors() || ' ' || pg_temp.types('silver.kept'), 'none id bigint, n text, d date', 'once it is gone the change is made');

-- the column of the partitions widens
\o /dev/null
SELECT medallion.create_feature('parts', '{parts/*.csv}', '{id}', '{"partition_by": "d"}');
SELECT pg_temp.put('parts/a.csv', E'Id,D\n1,2024-01-05\n2,2024-02-05\n');
SELECT pg_temp.run('parts');
GRANT SELECT ON silver.parts TO config_reader;
SELECT pg_temp.put('parts/b.csv', E'Id,D\n3,2024-02-05 10:30:00\n');
SELECT pg_temp.run('parts');
\o
SELECT is(pg_temp.errors() || ' ' || pg_temp.types('silver.parts'), 'none id bigint, d timestamp without time zone', 'the partitioned column widens');
SELECT is((SELECT count(*)::int FROM silver.parts_2024_02), 2, '... rows stand in their months');
SELECT ok(has_table_privilege('config_reader', 'silver.parts', 'SELECT'), '... and grants are kept');

-- numbers too small for their type
\o /dev/null
SELECT medallion.create_feature('tiny', '{tiny/*.csv}', NULL, '{"columns": {"x": {"type": "double precision"}, "y": {"type": "real"}}}');
SELECT pg_temp.put('tiny/a.csv', E'X,Y\n1e-400,1e-60\n-2.5,1e39\n');
SELECT pg_temp.run('tiny');
\o
SELECT results_eq('SELECT x, y, dq_cast_flag_y FROM silver.tiny ORDER BY x', 'VALUES (-2.5::float8, NULL::real, true), (0, 0, false)', 'too small is 0, too great is flagged');

-- which sheets, which cells, how many malformed rows
\o /dev/null
SELECT pg_temp.put('book/a.fods', $$<?xml version="1.0"?>
<office:document xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0" xmlns:table="urn:oasis:names:tc:opendocument:xmlns:table:1.0" xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0" xmlns:style="urn:oasis:names:tc:opendocument:xmlns:style:1.0" office:mimetype="application/vnd.oasis.opendocument.spreadsheet"><office:automatic-styles><style:style style:name="h" style:family="table"><style:table-properties table:display="false"/></style:style></office:automatic-styles><office:body><office:spreadsheet><table:table table:name="first"><table:table-row><table:table-cell office:value-type="string"><text:p>Id</text:p></table:table-cell><table:table-cell office:value-type="string"><text:p>Val</text:p></table:table-cell></table:table-row><table:table-row><table:table-cell office:value-type="string"><text:p>1</text:p></table:table-cell><table:table-cell office:value-type="string"><text:p>one</text:p></table:table-cell></table:table-row></table:table><table:table table:name="secret" table:style-name="h"><table:table-row><table:table-cell office:value-type="string"><text:p>Id</text:p></table:table-cell><table:table-cell office:value-type="string"><text:p>Val</text:p></table:table-cell></table:table-row><table:table-row><table:table-cell office:value-type="string"><text:p>2</text:p></table:table-cell><table:table-cell office:value-type="string"><text:p>two</text:p></table:table-cell></table:table-row></table:table><table:table table:name="third"><table:table-row><table:table-cell office:value-type="string"><text:p>Id</text:p></table:table-cell><table:table-cell office:value-type="string"><text:p>Val</text:p></table:table-cell></table:table-row><table:table-row><table:table-cell office:value-type="string"><text:p>3</text:p></table:table-cell><table:table-cell office:value-type="string"><text:p>three</text:p></table:table-cell></table:table-row></table:table></office:spreadsheet></office:body></office:document>$$);
SELECT medallion.create_feature('book_all', '{book/*}'), medallion.create_feature('book_shown', '{book/*}', NULL, '{"hidden_sheets": "skip"}'),
	medallion.create_feature('book_third', '{book/*}', NULL, '{"sheets": "#3"}'), medallion.create_feature('book_name', '{book/*}', NULL, '{"sheets": "S*"}');
SELECT pg_temp.run('book_all', 'book_shown', 'book_third', 'book_name');
\o
SELECT is((SELECT string_agg(val, ' ' ORDER BY id) FROM silver.book_all), 'one two three', 'all sheets are loaded');
SELECT is((SELECT string_agg(val, ' ' ORDER BY id) FROM silver.book_shown), 'one three', '... or only those that are shown');
SELECT is((SELECT string_agg(val, ' ' ORDER BY id) FROM silver.book_third), 'three', '... or the third');
SELECT is((SELECT string_agg(val, ' ' ORDER BY id) FROM silver.book_name), 'two', '... or those of a name');
\o /dev/null
SELECT pg_temp.put('cut/a.csv', E'title,,,\n,,,\nx,Id,Val,note\nx,1,one,n\n,2,two,\nx,3,three,n\nx,total,6,n\n');
SELECT medallion.create_feature('cut', '{cut/*}', NULL, '{"range": "B3:C6"}');
SELECT pg_temp.run('cut');
\o
SELECT results_eq('SELECT id::int, val, _row::int FROM silver.cut ORDER BY 1', $$VALUES (1, 'one', 4), (2, 'two', 5), (3, 'three', 6)$$, 'a range cuts title, margin and total off');
SELECT is(pg_temp.types('silver.cut'), 'id bigint, val text', '... and its columns are all');
SELECT throws_ok($$SELECT medallion.create_feature('x', '{a/*}', NULL, '{"range": "F3:B200"}')$$, '22023', '"F3:B200" is no range of cells', 'a range that ends before it begins');
SELECT results_eq(format('SELECT row_no::int, cells FROM medallion.read_rows(%L, ''{"range": "B5:"}'')', :'tree' || '/cut/a.csv'), $$VALUES (5, '{2,two}'::text[]), (6, '{3,three,n}'), (7, '{total,6,n}')$$, 'read_rows() takes a range too');
\o /dev/null
SELECT pg_temp.put('bad/a.csv', E'Id,Val\n1,one\n2,"two\n');
SELECT medallion.create_feature('bad', '{bad/*}', NULL, '{"max_errors": 0}');
SELECT pg_temp.run('bad');
\o
SELECT matches(pg_temp.errors(), 'could not read ".*bad/a.csv", row 3: more than 0 malformed rows, this one: ', 'one malformed row too many fails the file');
\o /dev/null
SELECT medallion.alter_feature('bad', '{"max_errors": 1}');
SELECT pg_temp.run('bad');
\o
SELECT is(pg_temp.errors() || (SELECT count(*) FROM silver.bad), 'none1', '... and a greater number lets it pass');

-- types are those of the cleaned texts
\o /dev/null
SELECT pg_temp.put('types/a.csv', E'Id,N,M,D\n1, 5 ,-,2024-01-01 \n2,n/a,7,n/a\n');
SELECT medallion.create_feature('types', '{types/*}', NULL, '{"null_tokens": ["n/a"], "columns": {"m": {"null_tokens": ["-"]}}}');
SELECT pg_temp.run('types');
\o
SELECT is(pg_temp.types('silver.types'), 'id bigint, n bigint, m bigint, d date', 'white space and words for nothing say nothing of a type');
SELECT is((SELECT (sum(n), sum(m), count(d))::text FROM silver.types), '(5,7,1)', '... and the values are typed');

-- a failure within a workbook is logged with its sheet
\o /dev/null
SELECT medallion.create_feature('book2', '{book2/*}', NULL, '{"schema_evolution": "freeze"}');
SELECT pg_temp.shell(format('mkdir -p %1$s/book2 && cp %1$s/book/a.fods %1$s/book2/a.fods', :'tree'));
SELECT pg_temp.run('book2');
SELECT pg_temp.shell(format('sed -i ''s/\(table:name="third".*<text:p>\)Val/\1Other/'' %s/book2/a.fods', :'tree'));
SELECT pg_temp.run('book2');
\o
SELECT is((SELECT sheet_name FROM etl_logs.file_processing WHERE status = 'FAILED' AND file_path LIKE '%/book2/a.fods'), 'third', 'a file that fails is logged with the sheet');

\o /dev/null
SELECT pg_temp.shell(format('rm -rf %s', :'tree'));
SELECT medallion.drop_feature(name, true) FROM medallion.features;
DROP ROLE config_reader;
\o
SELECT * FROM finish();
