/* Configuration as one value: every kind of object goes out, comes in, and is compared. */
\set name config_apply
\ir setup.psql
SELECT plan(31);

\o /dev/null
SELECT pg_temp.put('one/a.csv', E'Id,Amount\n1,10\n2,5\n');
SELECT medallion.create_feature('one', '{one/*.csv}', '{id}', '{"columns": {"amount": {"type": "numeric"}}, "checks": [{"kind": "not_null", "columns": ["amount"]}]}');
SELECT medallion.add_check('one', 'range', '{amount}', '{"min": 0}', warn_count => 3);
SELECT pg_temp.run();
SELECT medallion.create_dimension('dim_one', 'one'), medallion.create_date_dimension('2024-01-01', '2024-12-31');
SELECT medallion.create_fact('fact_one', 'one', '{"dimensions": [{"model": "dim_one", "on": "id"}], "measures": {"amount": "f.amount"}}');
SELECT medallion.create_model('totals', 'SELECT sum(amount) AS amount FROM silver.one_current', '{"description": "all of it"}');
SELECT medallion.create_pipeline('nightly', ARRAY['one'], '{"run_timeout": "2 h"}', ARRAY['bronze', 'silver']);
SELECT medallion.add_step('holidays', 'SELECT 1', 'start'), medallion.add_step('export', 'SELECT 2', 'totals', 'nightly');
SELECT medallion.store_schedule('night', '0 2 * * *', ARRAY['one'], '{"pipeline": "nightly"}', 'Asia/Dubai');
SELECT medallion.add_window('patches', '0 2 1 * *', '1 day 2 hours', 'nightly', 'Europe/Berlin', 'the server''s "patches"');
SELECT medallion.pause('nightly', 'not yet');
CREATE FUNCTION pg_temp.export_under(style text) RETURNS jsonb LANGUAGE plpgsql AS $$
BEGIN
	PERFORM set_config('intervalstyle', style, true);
	RETURN medallion.export_config();
END
$$;
CREATE TEMP TABLE exported AS SELECT medallion.export_config() AS config;
\o
SELECT is((SELECT string_agg(key || ' ' || jsonb_array_length(value), ', ' ORDER BY key) FROM exported, jsonb_each(config)),
	'features 1, models 5, pauses 1, pipelines 1, schedules 1, steps 2, windows 1', 'every kind is exported');
SELECT is((SELECT string_agg(DISTINCT action, ' ') FROM exported, medallion.apply_config(config)), 'unchanged', 'applied where it is from, nothing changes');
SELECT is((SELECT count(*)::int FROM exported, medallion.apply_config(config) WHERE detail IS NOT NULL), 0, '... and there is no difference to tell');
SELECT ok((SELECT bool_and(created_at < now()) FROM medallion.schedules), 'a schedule that is the same is not stored again');
SELECT is((SELECT config FROM exported), pg_temp.export_under('sql_standard'), 'the session''s style of intervals does not matter');

-- a fresh start: models wait for the first run, with the step after one of them
CREATE FUNCTION pg_temp.forget() RETURNS void LANGUAGE sql AS $$
	SELECT medallion.drop_step('export'), medallion.drop_step('holidays'), medallion.drop_pipeline('nightly'), medallion.drop_schedule('night'),
		   medallion.drop_window('patches'), medallion.resume('nightly'), medallion.drop_model('fact_one'), medallion.drop_model('dim_one_current'),
		   medallion.drop_model('dim_one'), medallion.drop_model('dim_date'), medallion.drop_model('totals'), medallion.drop_feature('one', true)
$$;
SELECT pg_temp.forget() \g /dev/null
SELECT is((SELECT string_agg(value::text, '') FROM jsonb_each(medallion.export_config())), '[][][][][][][]', 'nothing is configured');
CREATE TEMP TABLE planned AS SELECT p.* FROM exported, medallion.apply_config(config, true) p;
SELECT is((SELECT string_agg(value::text, '') FROM jsonb_each(medallion.export_config())), '[][][][][][][]', '... nor after a dry run');
CREATE TEMP TABLE applied AS SELECT p.* FROM exported, medallion.apply_config(config) p;
SELECT set_eq('SELECT * FROM planned', 'SELECT * FROM applied', 'which says what the run then does');
SELECT is((SELECT string_agg(object, ', ' ORDER BY object COLLATE "C") FROM applied WHERE action = 'waiting'),
	'model dim_one, model dim_one_current, model fact_one, model totals, step export', 'models of silver wait for a run, and the step after one');
SELECT is((SELECT detail->>'waiting_for' FROM applied WHERE object = 'model totals'), 'relation "silver.one_current" does not exist', '... and say for what');
SELECT is((SELECT string_agg(DISTINCT action, ' ') FROM applied WHERE action <> 'waiting'), 'created', 'all else is created');
SELECT pg_temp.run() \g /dev/null
SELECT is((SELECT status FROM run WHERE layer = 'run'), NULL, 'a pause is for its pipeline alone');
SELECT is((SELECT string_agg(object, ', ' ORDER BY object COLLATE "C") FROM exported, medallion.apply_config(config) WHERE action = 'created'),
	'model dim_one, model dim_one_current, model fact_one, model totals, step export', 'applied again after it, they are created');
SELECT is(medallion.export_config(), (SELECT config FROM exported), 'and what is exported is what was');

-- differences
CREATE TEMP TABLE changed AS SELECT jsonb_set(jsonb_set(jsonb_set(config, '{features,0,options,history}', '"append"'), '{steps,1,sql}', '"SELECT 3"'),
	'{windows,0,duration}', '"26:00:00"') AS config FROM exported;
CREATE TEMP TABLE planned_change AS SELECT p.* FROM changed, medallion.apply_config(config, true) p;
SELECT is((SELECT string_agg(object || ' ' || detail, ', ' ORDER BY object COLLATE "C") FROM planned_change WHERE action = 'changed'),
	'feature one {"options.history": {"to": "append", "from": null}}, step holidays {"sql": {"to": "SELECT 3", "from": "SELECT 1"}}, window patches {"duration": {"to": "26:00:00", "from": "1 day 02:00:00"}}',
	'the plan of differences');
SELECT is(medallion.export_config(), (SELECT config FROM exported), '... of which none is made');
SELECT set_eq('SELECT p.* FROM changed, medallion.apply_config(config) p', 'SELECT * FROM planned_change', 'then they are');
SELECT is((SELECT string_agg(DISTINCT action, ' ') FROM changed, medallion.apply_config(config)), 'unchanged', '... once');
SELECT is((SELECT string_agg(object || ' ' || action, ', ') FROM medallion.apply_config('{"pauses": [{"name": "nightly"}], "steps": [{"name": "holidays", "sql": "SELECT 3", "after": "start", "notes": "why"}]}')),
	'step holidays unchanged, pause nightly unchanged', 'keys may be left out; notes are for people');
SELECT is((SELECT count(*)::int FROM exported, medallion.apply_config(config || '{"$schema": "config.schema.json"}')), 12, 'and editors have a key of their own');

-- the server's text of a query, read again, may be another: it flattens conditions
SELECT medallion.create_model('settled', 'SELECT id FROM silver.one_current WHERE id IS NULL OR (id, amount) IS DISTINCT FROM (amount, id)') \g /dev/null
SELECT pg_temp.run() \g /dev/null
SELECT is((SELECT string_agg(DISTINCT action, ' ') FROM medallion.apply_config(medallion.export_config())), 'unchanged', 'a model whose query is flattened stays as it is');
SELECT isnt((SELECT refreshed_run_id FROM medallion.models WHERE name = 'settled'), NULL, '... and refreshed');
SELECT medallion.drop_model('settled') \g /dev/null

-- what is wrong changes nothing
CREATE TEMP TABLE before AS SELECT medallion.export_config() AS config;
SELECT throws_ok($$SELECT medallion.apply_config('{"steps": [{"name": "x", "sql": "SELECT 1"}, {"name": "y", "sql": "SELECT 1", "after": "golld"}]}')$$, '22023', NULL, 'a place that is none');
SELECT throws_ok($$SELECT medallion.apply_config('{"models": [{"name": "x", "query": "SELECT * FROM silver.nowhere"}]}')$$, '42P01', NULL, 'a table that no run will make');
SELECT throws_ok($$SELECT medallion.apply_config('{"windows": [{"name": "x", "cron": "0 2 * * *"}]}')$$, '22023', 'a window of a configuration has no "duration"', 'a key that is missing');
SELECT throws_ok($$SELECT medallion.apply_config('{"windows": [{"name": "x", "cron": "0 2 * * *", "duration": "1 h", "zone": "UTC"}]}')$$, '22023', 'unrecognized key "zone" in a window of a configuration', 'a key that is none');
SELECT throws_ok($$SELECT medallion.apply_config('{"pipelines": [{"name": "x", "options": {"run_timeot": "1 h"}}]}')$$, '22023', NULL, 'an option that is none');
SELECT throws_ok($$SELECT medallion.apply_config('{"steps": [{"name": "x", "sql": "SELECT 1"}, {"name": "x", "sql": "SELECT 2"}]}')$$, '42710', 'step "x" is twice in the configuration', 'a name that is there twice');
SELECT throws_ok($$SELECT medallion.apply_config('{"schedules": [{"name": "x", "cron": "daily"}]}')$$, '22023', NULL, 'no cron expression');
SELECT throws_ok($$SELECT medallion.apply_config('{"steps": {"name": "x"}}')$$, '22023', '"steps" of a configuration must be an array', 'no array');
SELECT is(medallion.export_config(), (SELECT config FROM before), 'none of these left a trace');

SELECT pg_temp.forget() \g /dev/null
SELECT * FROM finish();
