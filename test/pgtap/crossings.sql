/*
 * Where one feature of the extension meets another: masks and filled values,
 * renamed history columns and time, foreign keys and other people's triggers.
 */
\set name crossings
\ir setup.psql
SELECT plan(27);

-- a value that an update leaves out keeps the verdict on it, masked or not
\o /dev/null
SELECT pg_temp.put('m/1.csv', $$id,at,mail,phone,paid
1,2024-01-01,nope,0301234567,x
2,2024-01-01,b@c.de,12,yes
$$);
SELECT medallion.create_feature('m', '{m/*.csv}', '{id}', '{"sequence_by": "at", "ignore_null_updates": true, "columns": {"paid": {"type": "boolean"},
	"mail": {"type": "text", "mask": "hash"}, "phone": {"type": "text", "mask": "last4"}},
	"checks": [{"kind": "email", "columns": ["mail"]}, {"kind": "length", "columns": ["phone"], "params": {"min": 5}}, {"kind": "cast", "columns": ["paid"]},
			   {"kind": "not_null", "columns": ["mail"]}, {"kind": "pattern", "columns": ["phone"], "params": {"pattern": "^0"}, "on_null": "fail"}]}');
SELECT pg_temp.run('m');
SELECT pg_temp.put('m/2.csv', $$id,at,mail,phone,paid
1,2024-02-01,,12,yes
2,2024-02-01,nope,,
1,2024-03-01,d@e.de,,
3,2024-03-01,,,
$$);
SELECT pg_temp.run('m');
SELECT pg_temp.put('m/0.csv', $$id,at,mail,phone,paid
3,2024-02-15,,7,z
$$);
SELECT pg_temp.run('m');
\o
SELECT is(pg_temp.errors(), 'none', 'masks go with ignore_null_updates, and so do checks of what they hide');
CREATE FUNCTION pg_temp.verdicts() RETURNS text LANGUAGE sql AS $$
	SELECT string_agg(concat_ws(' ', id, _scd2_version, dq_email_flag_mail, dq_null_flag_mail, dq_length_flag_phone, dq_pattern_flag_phone, dq_cast_check_flag_paid), E'\n' ORDER BY id, _scd2_version) FROM silver.m
$$;
/* email, null; length, pattern; cast */
SELECT is(pg_temp.verdicts(), '1 1 t f f f t
1 2 t f t t f
1 3 f f t t f
2 1 f f t t f
2 2 t f t t f
3 1 f t t t t', 'the verdict on a masked value goes with the value');
SELECT pg_temp.verdicts() AS before \gset
\o /dev/null
SELECT medallion.rebuild('silver', 'm');
\o
SELECT is(pg_temp.verdicts(), :'before', '... and is the same after a rebuild');

-- history columns of other names are found by whoever asks about the past
\o /dev/null
SELECT pg_temp.put('h/a.csv', E'id,v\n1,a\n');
SELECT medallion.create_feature('h', '{h/*.csv}', '{id}', '{"history_columns": {"valid_from": "begins at", "valid_to": "ends", "is_current": "now", "version": "no"}}');
SELECT pg_temp.run('h');
SELECT clock_timestamp() AS then \gset
SELECT pg_temp.put('h/a.csv', E'id,v\n1,b\n');
SELECT pg_temp.run('h');
\o
SELECT is((SELECT string_agg(j->>'v', ',') FROM medallion.as_of('silver.h', :'then') j), 'a', 'as_of() of renamed history columns');
SELECT is((SELECT string_agg(v, ',') FROM medallion.rows_as_of(NULL::silver.h, :'then')), 'a', '... and rows_as_of()');
SELECT is((SELECT string_agg(what || ' ' || rows, ', ' ORDER BY file_id) FROM medallion.trace_file('h/a.csv') WHERE layer = 'silver'), 'versions, closed 1, versions, current 1', '... and trace_file()');
SELECT is((SELECT sum(broken) FROM medallion.verify('h')), 0::numeric, '... and verify()');

-- what an undone run measured is no past of what comes next
\o /dev/null
SELECT pg_temp.put('d/a.csv', E'id\n' || (SELECT string_agg(i::text, E'\n') FROM generate_series(1, 10) i) || E'\n');
SELECT medallion.create_feature('d', '{d/*.csv}', '{id}', '{"checks": [{"kind": "row_count", "params": {"max_change": 0.5}}]}');
SELECT pg_temp.run('d');
SELECT pg_temp.put('d/b.csv', E'id\n' || (SELECT string_agg(i::text, E'\n') FROM generate_series(11, 100) i) || E'\n');
SELECT pg_temp.run('d');
SELECT max(run_id) AS bad FROM medallion.runs \gset
CREATE FUNCTION pg_temp.counted() RETURNS text LANGUAGE sql AS $$
	SELECT string_agg(check_status, ' ' ORDER BY check_id) FROM etl_logs.data_quality_checks WHERE table_name = 'silver.d' AND check_type = 'row_count'
$$;
\o
SELECT is(pg_temp.counted(), 'PASSED WARNING', 'ten times the rows are noticed');
\o /dev/null
SELECT medallion.undo_run(:bad);
\o
SELECT is(pg_temp.counted(), 'PASSED WARNING PASSED', '... and their undoing is no drop');

-- a column without values is text, for want of a type: before the first value, and after it is undone
\o /dev/null
SELECT pg_temp.put('n/a.csv', E'id,v\n1,\n');
SELECT medallion.create_feature('n', '{n/*.csv}', '{id}', '{"checks": [{"kind": "range", "columns": ["v"], "params": {"max": 8}, "action": "quarantine"}, {"kind": "amount", "columns": ["v"]},
	{"kind": "range", "name": "when", "columns": ["v"], "params": {"min": "0"}}, {"kind": "drift", "columns": ["v"], "params": {"metric": "mean", "max": 8}}]}');
SELECT pg_temp.run('n');
\o
SELECT is(pg_temp.errors(), 'none', 'checks of numbers bear a column without values');
\o /dev/null
SELECT pg_temp.put('n/b.csv', E'id,v\n2,5\n3,9\n');
SELECT pg_temp.run('n');
\o
SELECT is((SELECT string_agg(id || ' ' || coalesce(v::text, '-'), ', ' ORDER BY id) FROM silver.n_current), '1 -, 2 5', '... and judge the values that come');
\o /dev/null
SELECT medallion.undo_run((SELECT max(seen_run_id) FROM medallion.file_versions));
\o
SELECT is((SELECT string_agg(id || ' ' || coalesce(v::text, '-'), ', ' ORDER BY id) FROM silver.n_current), '1 -', '... which can be undone');

-- nothing is left of what is dropped or reset that would judge what comes after it
\o /dev/null
SELECT (SELECT file_id FROM medallion.file_versions WHERE path ~ 'd/a.csv') AS file \gset
SELECT medallion.correct(:file, '', 2, '{"id": "77"}');
SELECT medallion.reset_feature('d');
\o
SELECT is((SELECT count(*) FROM medallion.corrections) + (SELECT count(*) FROM medallion.measurements), 0::bigint, 'reset_feature() forgets corrections and measurements');
\o /dev/null
INSERT INTO medallion.failing (layer, object, last_error) VALUES ('bronze', 'd', 'x'), ('silver', 'd', 'x'), ('gold', 'd', 'x'), ('step', 'd', 'x');
SELECT medallion.add_step('d', 'SELECT 1');
SELECT medallion.create_model('d', 'SELECT 1 AS one');
SELECT medallion.drop_feature('d', true);
\o
SELECT is((SELECT string_agg(kind, ' ' ORDER BY kind) FROM medallion.health()), 'gold step', 'what is gone fails no longer');
\o /dev/null
SELECT medallion.drop_step('d');
SELECT medallion.drop_model('d');
\o
SELECT is((SELECT count(*) FROM medallion.health()), 0::bigint, '... be it a feature, a step or a model');

-- a file that is gone has said what silver keeps closed
\o /dev/null
SELECT pg_temp.put('g/a.csv', E'id,v\n1,a\n');
SELECT pg_temp.put('g/b.csv', E'id,v\n2,b\n');
SELECT medallion.create_feature('g', '{g/*.csv}', '{id}', '{"on_change": "restate", "on_missing": "close"}');
SELECT pg_temp.run('g');
SELECT pg_temp.shell(format('rm %s/g/a.csv', :'tree'));
SELECT pg_temp.run('g');
SELECT medallion.maintain('{"dry_run": false, "superseded": "0 s"}');
SELECT medallion.rebuild('silver', 'g');
\o
SELECT is((SELECT string_agg(v || ' ' || _scd2_is_current, ', ' ORDER BY id) FROM silver.g), 'a false, b true', 'maintain() leaves bronze what closed versions come from');

-- a table that happens to be called as ours would be stays
\o /dev/null
CREATE TABLE public.ledger AS SELECT 1 AS id, 2 AS v;
CREATE TABLE public._changes_ledger AS SELECT 'mine' AS whose;
SELECT medallion.create_model('ledger_sum', 'SELECT id, sum(v) AS v FROM public.ledger GROUP BY id');
SELECT medallion.refresh_model('ledger_sum');
INSERT INTO public.ledger VALUES (1, 3);
SELECT medallion.refresh_model('ledger_sum');
\o
SELECT is((SELECT whose FROM public._changes_ledger) || (SELECT v FROM gold.ledger_sum), 'mine5', 'a user''s table is not taken for a table of changes, and the model refreshes in full');

-- what results depend on is the server's setting, not a session's
SELECT throws_ok(format('SET medallion.%s = off', s), '55P02', NULL, s || ' is not for sessions') FROM unnest('{enable_scd2,enable_data_quality_checks,enable_schema_evolution}'::text[]) s;

-- what runs at the end of a transaction runs as who ends it: a refresh must not leave it there
\o /dev/null
CREATE ROLE crossings_eve;
CREATE SCHEMA IF NOT EXISTS gold;
CREATE SCHEMA IF NOT EXISTS models;
GRANT CREATE, USAGE ON SCHEMA public, gold, models TO crossings_eve;
GRANT USAGE ON SCHEMA medallion TO crossings_eve;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA medallion TO crossings_eve;
SET ROLE crossings_eve;
CREATE TABLE public.eve_in (id int);
INSERT INTO public.eve_in VALUES (1), (2);
SELECT medallion.create_model('eve_parent', 'SELECT id FROM public.eve_in', '{"primary_key": ["id"]}');
SELECT medallion.create_model('eve_child', 'SELECT id FROM public.eve_in', '{"primary_key": ["id"], "foreign_keys": [{"columns": ["id"], "references": "eve_parent"}]}');
SELECT medallion.refresh_model('eve_parent');
SELECT medallion.refresh_model('eve_child');
CREATE TABLE public.eve_as (who text);
GRANT INSERT ON public.eve_as TO PUBLIC;
CREATE TABLE public.eve_trap (id int REFERENCES gold.eve_child ON DELETE CASCADE);
INSERT INTO public.eve_trap VALUES (1), (2);
CREATE FUNCTION public.eve_spring() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN INSERT INTO public.eve_as VALUES (current_user); RETURN NULL; END';
CREATE CONSTRAINT TRIGGER spring AFTER DELETE ON public.eve_trap DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION public.eve_spring();
DELETE FROM public.eve_in WHERE id = 2;
RESET ROLE;
DO $$ BEGIN PERFORM medallion.refresh_model('eve_child'); EXCEPTION WHEN OTHERS THEN NULL; END $$;
\o
SELECT is((SELECT count(*) FROM public.eve_as WHERE who <> 'crossings_eve'), 0::bigint, 'a trigger behind a foreign key that cascades does not run as who refreshes');
\o /dev/null
DROP TABLE public.eve_trap;
SELECT medallion.refresh_model('eve_child');
SELECT medallion.refresh_model('eve_parent');
\o
SELECT is((SELECT string_agg(id::text, ',') FROM gold.eve_child), '1', 'without it the refresh works');


-- who follows a row back does not run what a model's query calls as himself
\o /dev/null
SET ROLE crossings_eve;
CREATE FUNCTION public.eve_tells(id int) RETURNS int LANGUAGE plpgsql AS 'BEGIN INSERT INTO public.eve_as VALUES (current_user); RETURN id; END';
SELECT medallion.create_model('eve_teller', 'SELECT public.eve_tells(id) AS id FROM public.eve_in');
SELECT medallion.refresh_model('eve_teller');
DELETE FROM public.eve_as;
RESET ROLE;
\o
SELECT is((SELECT string_agg(concat_ws(' ', step, object), ', ' ORDER BY step) FROM medallion.trace('gold.eve_teller', '{"id": 1}')), '1 eve_teller, 2 public.eve_in', 'trace() through a query of another''s');
SELECT is((SELECT string_agg(DISTINCT who, ',') FROM public.eve_as), 'crossings_eve', '... runs what it calls as that one');

-- nor who tidies up what triggers of another's do
\o /dev/null
SELECT pg_temp.put('e/a.csv', E'id\n1\n');
SELECT medallion.create_feature('eves', '{e/*.csv}');
UPDATE medallion.features SET owner = 'crossings_eve' WHERE name = 'eves';
GRANT pg_read_server_files TO crossings_eve;
GRANT ALL ON SCHEMA bronze, silver TO crossings_eve;
SELECT pg_temp.run('eves');
SELECT pg_temp.put('e/a.csv', E'id\n2\n');
SELECT pg_temp.run('eves');
CREATE TRIGGER spring BEFORE DELETE ON bronze.eves FOR EACH STATEMENT EXECUTE FUNCTION public.eve_spring();
DELETE FROM public.eve_as;
\o
SELECT is((SELECT rows FROM medallion.maintain('{"dry_run": false, "superseded": "0 s"}') WHERE object = 'bronze.eves' AND action = 'prune'), 1::bigint, 'maintain() prunes another''s table');
SELECT is((SELECT string_agg(who, ',') FROM public.eve_as), 'crossings_eve', '... as that one');

-- who may only read a table does not make the history by which its owner judges it
\o /dev/null
CREATE TABLE public.read_only AS SELECT 1 AS id;
GRANT SELECT ON public.read_only TO crossings_eve;
CREATE FUNCTION pg_temp.judged() RETURNS text LANGUAGE sql AS $$
	SELECT status FROM medallion.run_checks('public.read_only', '[{"kind": "row_count", "params": {"max_change": 0.5}}]')
$$;
SELECT pg_temp.judged();
INSERT INTO public.read_only SELECT generate_series(2, 100);
SET ROLE crossings_eve;
SELECT * FROM medallion.run_checks('public.read_only', '[{"kind": "row_count", "params": {"max_change": 0.5}}]');
RESET ROLE;
\o
SELECT is(pg_temp.judged(), 'WARNING', 'a reader''s run_checks() is no past of the owner''s');
\o /dev/null
DROP OWNED BY crossings_eve CASCADE;
DROP ROLE crossings_eve;
\o
SELECT * FROM finish();
