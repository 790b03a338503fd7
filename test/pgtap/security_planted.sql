/*
 * What a role plants where it may, run by nobody but itself, whatever a superuser,
 * an operator or the owner of other things does.  Whoever else runs it is noted by
 * a sequence, which no rollback takes back.
 */
\set name security_planted
\ir setup.psql
SELECT plan(49);

SELECT set_config('medallion.allowed_paths', :'tree', false) AS allowed \gset
\set roles '{security_attacker,security_victim,security_operator}'
/* '' where a statement works for the role, else what it is told */
CREATE FUNCTION pg_temp.as_role(role text, statement text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	BEGIN
		EXECUTE 'SET LOCAL ROLE ' || role;
		EXECUTE statement;
		EXECUTE 'RESET ROLE';
	EXCEPTION WHEN OTHERS THEN
		EXECUTE 'RESET ROLE';
		RETURN SQLERRM;
	END;
	RETURN '';
END
$$;
\o /dev/null
GRANT ALL ON run TO PUBLIC;
SELECT pg_temp.drop_roles(VARIADIC :'roles');
CREATE ROLE security_attacker;
CREATE ROLE security_victim;
CREATE ROLE security_operator;
SELECT medallion.grant_role('admin', 'security_attacker');
SELECT medallion.grant_role('admin', 'security_victim');
CREATE SCHEMA bronze; CREATE SCHEMA silver; CREATE SCHEMA gold; CREATE SCHEMA models;
GRANT USAGE, CREATE ON SCHEMA bronze, silver, gold, models TO security_attacker, security_victim;
CREATE SCHEMA mal AUTHORIZATION security_attacker;
SELECT pg_temp.put('spy/a.csv', E'Id,Email\n1,ann@example.org\n2,bob@example.org\n');
SELECT pg_temp.put('people/a.csv', E'Id,Email\n1,ann@example.org\n2,bob@example.org\n');
\o

/* --- the attacker's things --- */

SET ROLE security_attacker;
GRANT USAGE, CREATE ON SCHEMA mal TO PUBLIC;
CREATE TABLE mal.log (who text, site text);
GRANT INSERT, SELECT ON mal.log TO PUBLIC;
CREATE SEQUENCE mal.caught;
GRANT ALL ON SEQUENCE mal.caught TO PUBLIC;
CREATE FUNCTION mal.note(site text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	IF current_user <> 'security_attacker' THEN
		PERFORM nextval('mal.caught');
		RAISE WARNING '% ran as %', site, current_user;
	END IF;
	INSERT INTO mal.log SELECT current_user, site;
END
$$;
CREATE FUNCTION mal.spy(site text, v anyelement) RETURNS anyelement LANGUAGE plpgsql IMMUTABLE AS $$BEGIN PERFORM mal.note(site); RETURN v; END$$;
CREATE FUNCTION mal.yes(site text) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS $$BEGIN PERFORM mal.note(site); RETURN true; END$$;
CREATE FUNCTION mal.fires() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN PERFORM mal.note('trigger of ' || tg_relid::regclass); RETURN coalesce(new, old); END$$;
/* what the search path of a caller could lead to */
CREATE FUNCTION mal.now() RETURNS timestamptz LANGUAGE plpgsql AS $$BEGIN PERFORM mal.note('now()'); RETURN pg_catalog.now(); END$$;
CREATE FUNCTION mal.lower(text) RETURNS text LANGUAGE plpgsql AS $$BEGIN PERFORM mal.note('lower()'); RETURN pg_catalog.lower($1); END$$;
CREATE FUNCTION mal.equals(text, text) RETURNS boolean LANGUAGE plpgsql AS $$BEGIN PERFORM mal.note('='); RETURN pg_catalog.texteq($1, $2); END$$;
CREATE OPERATOR mal.= (LEFTARG = text, RIGHTARG = text, FUNCTION = mal.equals);
CREATE FUNCTION mal.format(text, VARIADIC text[]) RETURNS text LANGUAGE plpgsql AS $$BEGIN PERFORM mal.note('format()'); RETURN 'SELECT 1'; END$$;
CREATE VIEW mal.source AS SELECT mal.spy('relation', 1) AS id, 'x'::text AS v, timestamp '2024-01-01' + g * interval '1 day' AS at FROM generate_series(1, 2) g;
CREATE DOMAIN mal.spied AS text CHECK (mal.yes('domain'));
\o /dev/null
SELECT medallion.create_feature('spyrel', '{}', '{id}', '{"relation": "mal.source", "watermark": "at"}');
SELECT medallion.create_feature('spy', '{spy/*.csv}', '{id}', '{
	"columns": {"email": {"expression": "mal.spy(''expression'', c.email)", "type": "text"}},
	"derive": {"d1": "mal.spy(''derive'', t.email)"}, "filter": "mal.yes(''filter'')", "split": {"a": "mal.yes(''split'')", "b": "else"},
	"checks": [{"name": "e1", "kind": "expression", "params": {"expression": "mal.yes(''check expression'')"}},
			   {"name": "m1", "kind": "metric", "params": {"sql": "SELECT mal.spy(''check metric'', 1)", "min": 0}},
			   {"kind": "unique", "columns": ["email"]}]}');
SELECT pg_temp.run('spy', 'spyrel');
\o
SELECT is(pg_temp.errors(), 'none', 'the attacker''s features run');
\o /dev/null
SELECT medallion.create_model('spym', 'SELECT id, mal.spy(''model'', d1) AS m, mal.yes(''model const'') AS c, count(*) AS n FROM silver.spy GROUP BY 1, 2');
SELECT medallion.create_model('spyv', 'SELECT id, mal.spy(''view'', d1)::mal.spied AS m FROM silver.spy', '{"materialized": "view"}');
SELECT medallion.add_step('spys', 'SELECT mal.note(''step'')', 'start');
SELECT medallion.add_step('spys2', 'SELECT mal.spy(''step behind'', 1)', 'spy');
SELECT pg_temp.run('spy', 'spyrel');
\o
DO $$
DECLARE
	r regclass;
BEGIN
	FOREACH r IN ARRAY '{bronze.spy,silver.spy,bronze.spyrel,gold.spym}'::regclass[] LOOP
		EXECUTE format('CREATE TRIGGER planted BEFORE INSERT OR UPDATE OR DELETE ON %s FOR EACH ROW EXECUTE FUNCTION mal.fires()', r);
		EXECUTE format('CREATE TRIGGER planted_truncate BEFORE TRUNCATE ON %s FOR EACH STATEMENT EXECUTE FUNCTION mal.fires()', r);
		EXECUTE format('ALTER TABLE %s ADD CHECK (mal.yes(%L))', r, 'constraint of ' || r);
		EXECUTE format('CREATE INDEX ON %s ((mal.yes(%L)))', r, 'index of ' || r);
		EXECUTE format('CREATE STATISTICS mal.%I ON (mal.yes(%L)) FROM %s', 'st_' || r, 'statistics of ' || r, r);
	END LOOP;
END
$$;
CREATE RULE planted AS ON DELETE TO gold.spym DO ALSO SELECT mal.note('rule');
CREATE POLICY planted ON silver.spy USING (mal.yes('policy'));
ALTER TABLE silver.spy ENABLE ROW LEVEL SECURITY;
ALTER TABLE silver.spy FORCE ROW LEVEL SECURITY;
CREATE OR REPLACE VIEW mal.source AS SELECT mal.spy('relation', 1) AS id, 'x'::text AS v, timestamp '2025-01-01' + g * interval '1 day' AS at FROM generate_series(1, 2) g;
RESET ROLE;

/* --- a superuser whose search path leads to the attacker does all there is to do --- */

CREATE FUNCTION pg_temp.tries(VARIADIC statements text[]) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	statement text;
	failed text;
BEGIN
	FOREACH statement IN ARRAY statements LOOP
		BEGIN
			EXECUTE 'SELECT count(*) FROM ' || statement;
		EXCEPTION WHEN OTHERS THEN
			failed := concat_ws('; ', failed, statement || ': ' || SQLERRM);
		END;
		IF (SELECT is_called FROM mal.caught) THEN
			failed := concat_ws('; ', failed, statement || ' ran what is the attacker''s');
			PERFORM setval('mal.caught', 1, false);
		END IF;
	END LOOP;
	RETURN failed;
END
$$;
\o /dev/null
SELECT pg_temp.put('spy/a.csv', E'Id,Email\n1,ann@example.org\n2,bob@example.net\n3,cy@example.org\n');
SET search_path = mal, pg_catalog, public;
SELECT pg_temp.run();
RESET search_path;
\o
SELECT is((SELECT count(*) FROM run WHERE object ~ '^spy' AND status = 'COMPLETED'), 7::bigint, 'a superuser runs them');
SET search_path = mal, pg_catalog, public;
SELECT coalesce(pg_temp.tries(VARIADIC ARRAY['medallion.plan()', 'medallion.dry_run()', 'medallion.verify(''spy'')', 'medallion.rebuild(''silver'', ''spy'')', 'medallion.run_pipeline()',
	'medallion.undo_run((SELECT max(run_id) FROM etl_logs.file_processing))', 'medallion.run_pipeline()',
	'medallion.status', 'medallion.history', 'medallion.lineage', 'medallion.lineage_columns', 'medallion.catalog', 'medallion.tables', 'medallion.quality',
	'medallion.freshness', 'medallion.metrics', 'medallion.volume', 'medallion.progress', 'medallion.model_graph()', 'medallion.report_html()', 'medallion.export_config()',
	'medallion.files(''spy'')', 'medallion.explain_model(''spym'')', 'medallion.trace(''silver.spy'', ''{"id": 1}'')', 'medallion.trace(''gold.spym'', ''{"id": 1}'')',
	'medallion.trace_file(''a.csv'')', 'medallion.health()', 'medallion.openlineage((SELECT max(run_id) FROM medallion.runs))',
	'medallion.replay_quarantine(''spy'')', 'medallion.refresh_model(''spym'', ''full'')', 'medallion.refresh_models()',
	'medallion.alter_feature(''spy'', ''{"filter": "mal.yes(''''filter 2'''')"}'')', 'medallion.alter_model(''spym'', ''{"refresh": "full"}'')',
	'medallion.create_model(''spym'', ''SELECT id, mal.yes(''''replaced'''') AS c FROM silver.spy'')', 'medallion.run_pipeline()',
	'medallion.erase(''spy'', ''{"id": "1"}'')', 'medallion.push(''spy'', ''{"id": 99, "email": "q"}'')', 'medallion.run_pipeline()', 'medallion.discover()',
	'medallion.apply_config(medallion.export_config())', 'medallion.maintain(''{"dry_run": false, "superseded": "0 s"}'')', 'medallion.grant_layer(''silver'', ''security_operator'')',
	'medallion.reset_feature(''spy'')', 'medallion.drop_model(''spyv'')', 'medallion.drop_model(''spym'')', 'medallion.drop_feature(''spyrel'', true)', 'medallion.drop_feature(''spy'', true)']), 'none') AS failed \gset
RESET search_path;
SELECT is(:'failed'::text, 'none', '... looks at them, changes them, drops them');
SELECT is((SELECT is_called FROM mal.caught), false, 'nothing of the attacker''s ran as anybody else');
SELECT is((SELECT count(DISTINCT regexp_replace(site, ' of .*', '')) > 12 FROM mal.log WHERE who = 'security_attacker'), true, '... though it was run');
SELECT is((SELECT string_agg(DISTINCT site, ', ') FROM mal.log WHERE site ~ '\(\)|=$'), NULL, '... but for what only a search path would have found');

/* --- a type of the attacker's, with casts and defaults, in its tables --- */

\o /dev/null
SELECT pg_temp.put('moody/a.csv', E'Id,Email\n1,ann@example.org\n2,bob@example.org\n');
SET ROLE security_attacker;
CREATE TYPE mal.mood AS ENUM ('a', 'b');
CREATE FUNCTION mal.mood_as_json(mal.mood) RETURNS json LANGUAGE plpgsql AS $$BEGIN PERFORM mal.note('cast to json'); RETURN '"a"'; END$$;
CREATE FUNCTION mal.mood_as_text(mal.mood) RETURNS text LANGUAGE plpgsql AS $$BEGIN PERFORM mal.note('cast to text'); RETURN 'a'; END$$;
CREATE FUNCTION mal.text_as_mood(text) RETURNS mal.mood LANGUAGE plpgsql AS $$BEGIN PERFORM mal.note('cast of text'); RETURN 'a'::mal.mood; END$$;
CREATE FUNCTION mal.default_mood(site text) RETURNS mal.mood LANGUAGE plpgsql AS $$BEGIN PERFORM mal.note(site); RETURN 'a'::mal.mood; END$$;
CREATE CAST (mal.mood AS json) WITH FUNCTION mal.mood_as_json(mal.mood) AS ASSIGNMENT;
CREATE CAST (mal.mood AS text) WITH FUNCTION mal.mood_as_text(mal.mood) AS ASSIGNMENT;
CREATE CAST (text AS mal.mood) WITH FUNCTION mal.text_as_mood(text) AS ASSIGNMENT;
CREATE TABLE mal.moods AS SELECT g AS id, 'a'::mal.mood AS mood, timestamp '2024-01-01' + g * interval '1 day' AS at FROM generate_series(1, 3) g;
SELECT medallion.create_feature('moody', '{moody/*.csv}', '{id}', '{"derive": {"mood": "CASE WHEN t.id <> 0 THEN ''a''::mal.mood END"}, "history": "scd2"}');
SELECT medallion.create_feature('moodrel', '{}', '{id}', '{"relation": "mal.moods", "watermark": "at"}');
SELECT pg_temp.run('moody', 'moodrel');
\o
SELECT is(pg_temp.errors(), 'none', 'features with a type of their owner''s run');
\o /dev/null
SELECT medallion.create_model('moodm', 'SELECT mood, count(*) AS n FROM silver.moody GROUP BY mood', '{"primary_key": ["mood"]}');
SELECT medallion.create_model('moodt', 'SELECT id, email AS mood FROM silver.moody_current', '{"primary_key": ["id"], "refresh": "incremental"}');
SELECT pg_temp.run('moody', 'moodrel');
\o
SELECT is(pg_temp.errors(), 'none', '... and models');
SELECT is(format('%s %s', pg_temp.types('silver.moody') ~ 'mal.mood', pg_temp.types('gold.moodm') ~ 'mal.mood'), 't t', '... whose tables have it');
ALTER TABLE bronze.moody ADD COLUMN _mood mal.mood DEFAULT mal.default_mood('default of bronze');
ALTER TABLE bronze.moodrel ADD COLUMN _mood mal.mood DEFAULT mal.default_mood('default of bronze');
ALTER TABLE silver.moody ALTER mood SET DEFAULT mal.default_mood('default of silver'), ADD COLUMN other mal.mood DEFAULT mal.default_mood('default of silver');
ALTER TABLE gold.moodm ALTER mood SET DEFAULT mal.default_mood('default of gold'), ADD COLUMN other mal.mood DEFAULT mal.default_mood('default of gold');
ALTER TABLE gold.moodt ALTER mood TYPE mal.mood USING 'a'::mal.mood;
DELETE FROM mal.log;
RESET ROLE;
SELECT setval('mal.caught', 1, false) AS nothing \gset
SELECT pg_temp.put('moody/b.csv', E'Id,Email\n2,bob@example.net\n3,cy@example.org\n') AS put \gset
SET search_path = mal, pg_catalog, public;
\o /dev/null
SELECT pg_temp.run();
\o
RESET search_path;
SELECT pg_temp.errors() AS errors \gset
SET search_path = mal, pg_catalog, public;
SELECT coalesce(pg_temp.tries(VARIADIC ARRAY['medallion.plan()', 'medallion.dry_run()', 'medallion.verify(''moody'')', 'medallion.rebuild(''silver'', ''moody'')', 'medallion.run_pipeline()',
	'medallion.refresh_model(''moodm'', ''full'')', 'medallion.refresh_model(''moodt'', ''full'')', 'medallion.refresh_models()', 'medallion.explain_model(''moodm'')',
	'medallion.trace(''silver.moody'', ''{"id": 1}'')', 'medallion.trace(''gold.moodm'', ''{"mood": "a"}'')', 'medallion.trace(''gold.moodt'', ''{"id": 1}'')', 'medallion.trace(''silver.moodrel'', ''{"id": 1}'')',
	'medallion.as_of(''silver.moody'', pg_catalog.now())', 'medallion.as_of_run(''silver.moody'', (SELECT max(run_id) FROM medallion.runs))',
	'medallion.diff(''silver.moody'', (SELECT min(run_id) FROM medallion.runs), (SELECT max(run_id) FROM medallion.runs))',
	'medallion.profile(''silver.moody'')', 'medallion.profile(''gold.moodm'')', 'medallion.suggest_checks(''silver.moody'')',
	'medallion.run_checks(''silver.moody'', ''[{"kind": "not_null", "columns": ["mood"]}, {"kind": "unique", "columns": ["id", "mood"]}]'')',
	'medallion.undo_run((SELECT max(run_id) FROM etl_logs.file_processing))', 'medallion.run_pipeline()', 'medallion.push(''moody'', ''{"id": 7, "email": "q"}'')', 'medallion.run_pipeline()',
	'medallion.erase(''moody'', ''{"id": "1"}'')', 'medallion.run_pipeline()', 'medallion.replay_quarantine(''moody'')', 'medallion.report_html()', 'medallion.tables', 'medallion.catalog',
	'medallion.lineage_columns', 'medallion.openlineage((SELECT max(run_id) FROM medallion.runs))', 'medallion.maintain(''{"dry_run": false, "superseded": "0 s"}'')', 'medallion.verify(''moody'')',
	'medallion.reset_feature(''moody'')', 'medallion.run_pipeline()']), 'none') AS failed \gset
CALL medallion.run_pipeline_proc(options => '{"on_error": "report"}');
RESET search_path;
SELECT is(:'errors'::text, 'none', 'a superuser runs them, too');
SELECT is(:'failed'::text, 'none', '... and does the rest that there is to do');
SELECT is((SELECT is_called FROM mal.caught), false, 'no cast and no default ran as anybody else');
SELECT is((SELECT string_agg(DISTINCT site, ', ' ORDER BY site) FROM mal.log WHERE site ~ '^(cast|default)'), 'cast of text, cast to json, cast to text, default of silver', '... and each ran');

/* --- triggers that wait for the end of the transaction, which is the superuser's --- */

\o /dev/null
SELECT pg_temp.put('late/a.csv', E'Id,Email\n1,ann@example.org\n');
SET ROLE security_attacker;
SELECT medallion.create_feature('late', '{late/*.csv}', '{id}');
SELECT pg_temp.run('late');
SELECT medallion.create_model('latem', 'SELECT id, count(*) AS n FROM silver.late GROUP BY id');
SELECT pg_temp.run('late');
RESET ROLE;
/* a file more with the trigger on one table: by the function, by the procedure; what failed */
CREATE FUNCTION pg_temp.plant(tbl text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	DELETE FROM mal.log;
	SET LOCAL ROLE security_attacker;
	EXECUTE format('CREATE CONSTRAINT TRIGGER late AFTER INSERT OR UPDATE OR DELETE ON %s DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION mal.fires()', tbl);
	RESET ROLE;
END
$$;
\o
SELECT pg_temp.plant('bronze.late') AS nothing \gset
SELECT pg_temp.put('late/b.csv', E'Id,Email\n2,bob@example.org\n') AS put \gset
SELECT pg_temp.run() AS nothing \gset
SELECT is(pg_temp.errors(), 'bronze: cannot fire deferred trigger within security-restricted operation', 'a deferred trigger of bronze is refused');
CALL medallion.run_pipeline_proc(options => '{"on_error": "report"}');
SELECT is((SELECT count(*) FROM bronze.late) || ' ' || (SELECT count(*) FROM silver.late), '1 1', '... and with it its rows, by the procedure too');
DROP TRIGGER late ON bronze.late;
SELECT pg_temp.plant('silver.late') AS nothing \gset
SELECT pg_temp.run() AS nothing \gset
SELECT is(pg_temp.errors(), 'silver: cannot fire deferred trigger within security-restricted operation', '... of silver');
CALL medallion.run_pipeline_proc(options => '{"on_error": "report"}');
SELECT is((SELECT count(*) FROM bronze.late) || ' ' || (SELECT count(*) FROM silver.late), '2 1', '... and its rows');
DROP TRIGGER late ON silver.late;
SELECT pg_temp.plant('gold.latem') AS nothing \gset
SELECT pg_temp.run() AS nothing \gset
SELECT is(pg_temp.errors(), 'gold: cannot fire deferred trigger within security-restricted operation', '... of gold');
CALL medallion.run_pipeline_proc(options => '{"on_error": "report"}');
SELECT is((SELECT count(*) FROM silver.late) || ' ' || (SELECT count(*) FROM gold.latem), '2 1', '... and its rows');
DROP TRIGGER late ON gold.latem;
SELECT pg_temp.run() AS nothing \gset
SELECT is(pg_temp.errors() || ' ' || (SELECT count(*) FROM gold.latem), 'none 2', 'without them all of it comes');
SELECT is((SELECT is_called FROM mal.caught) || ' ' || (SELECT count(*) FROM mal.log WHERE site ~ 'trigger'), 'false 0', '... and nothing ran');

/* --- tables in the place of others' --- */

SET ROLE security_victim;
\o /dev/null
SELECT medallion.create_feature('people', ARRAY[:'tree' || '/people/*.csv'], '{id}', '{"columns": {"email": {"mask": "hash"}}}');
\o
SET ROLE security_attacker;
CREATE TABLE bronze.people (id text, email text, _file_id bigint, _sheet text, _row bigint, _run_id bigint, _ingested_at timestamptz, _rescued_data jsonb);
CREATE TRIGGER planted BEFORE INSERT ON bronze.people FOR EACH ROW EXECUTE FUNCTION mal.fires();
GRANT ALL ON bronze.people TO PUBLIC;
RESET ROLE;
\o /dev/null
SELECT pg_temp.run('people');
\o
SELECT matches(pg_temp.errors(), 'relation bronze.people does not belong to "security_victim"', 'a table that waits for the victim''s rows gets none');
SELECT is((SELECT count(*) FROM bronze.people), 0::bigint, '... none at all');
SELECT matches(pg_temp.as_role('security_victim', 'SELECT medallion.push(''people'', ''{"id": 9}'')'), 'does not belong', '... by push() neither');
DROP TABLE bronze.people;
\o /dev/null
SELECT pg_temp.run('people');
\o
SELECT is(pg_temp.errors(), 'none', 'without it the feature runs');
SET ROLE security_victim;
\o /dev/null
SELECT medallion.create_model('per_person', 'SELECT id, count(*) AS n FROM silver.people GROUP BY id');
SELECT pg_temp.run('people');
\o
RESET ROLE;
ALTER SCHEMA silver OWNER TO security_attacker;
ALTER SCHEMA gold OWNER TO security_attacker;
ALTER SCHEMA models OWNER TO security_attacker;
SET ROLE security_attacker;
SET client_min_messages = error;
DROP TABLE silver.people CASCADE;
CREATE TABLE silver.people AS SELECT 1 AS id, max(file_id) AS _file_id, 'a'::mal.mood AS mood FROM medallion.file_versions JOIN medallion.features USING (feature_id) WHERE name = 'people' AND status = 'LOADED';
CREATE VIEW models.per_person AS SELECT mal.spy('planted view', 1) AS id, 1::bigint AS n;
GRANT ALL ON silver.people, models.per_person TO PUBLIC;
RESET ROLE;
\o /dev/null
SELECT pg_temp.put('people/b.csv', E'Id,Email\n3,cy@example.org\n');
SELECT pg_temp.run();
\o
SELECT matches(pg_temp.errors(), 'silver.people does not belong to "security_victim"', 'nor is silver written where a schema''s owner put a table of its own');
SELECT is((SELECT count(*) FROM silver.people), 1::bigint, '... as it was');
SELECT matches(pg_temp.as_role('security_victim', 'SELECT medallion.refresh_model(''per_person'', ''full'')'), 'models.per_person does not belong to "security_victim"', '... nor a view read as the model''s');
SELECT is((SELECT string_agg(r->>'mood', ', ') FROM medallion.as_of('silver.people', now()) r), 'a', '... and the past of that table is read as its owner''s');
SELECT is((SELECT is_called FROM mal.caught), false, '... and nothing ran');
DROP VIEW models.per_person;
DROP TABLE silver.people;
\o /dev/null
ALTER SCHEMA silver OWNER TO CURRENT_USER; ALTER SCHEMA gold OWNER TO CURRENT_USER; ALTER SCHEMA models OWNER TO CURRENT_USER;
GRANT USAGE, CREATE ON SCHEMA silver, gold, models TO security_attacker, security_victim;
SELECT medallion.rebuild('silver', 'people');
SELECT pg_temp.run();
\o
SELECT is(pg_temp.errors(), 'none', 'when they are gone all is made again');

/* --- an operator that says where layers are --- */

\o /dev/null
SELECT medallion.grant_role('operator', 'security_operator', '{security_victim}');
CREATE SCHEMA elsewhere AUTHORIZATION security_operator;
\o
SELECT pg_temp.put('people/c.csv', E'Id,Email\n4,di@example.org\n') AS put \gset
RESET medallion.input_root;
SELECT is((SELECT string_agg(s || ': ' || e, '; ') FROM unnest('{bronze_schema,silver_schema,gold_schema,model_schema,input_root}'::text[]) s,
		   pg_temp.as_role('security_operator', format('SET LOCAL medallion.%s = elsewhere; SELECT FROM medallion.run_pipeline(''{people}'')', s)) e
			WHERE e <> format('an operator may not choose "medallion.%s"', s)), NULL, 'an operator chooses neither layers nor files');
SELECT is((SELECT string_agg(s || ': ' || e, '; ') FROM unnest('{rebuild(''people''),verify(''people''),"rebuild(''silver'', ''people'')",replay_quarantine(''people''),"undo_run((SELECT max(run_id) FROM etl_logs.file_processing))"}'::text[]) s,
		   pg_temp.as_role('security_operator', format('SET LOCAL medallion.silver_schema = elsewhere; SELECT medallion.%s', s)) e
			WHERE e !~ 'may not choose|permission denied for function rebuild'), NULL, '... in whatever it may do');
ALTER ROLE security_operator SET medallion.silver_schema = 'elsewhere';
SELECT is(pg_temp.as_role('security_operator', 'SELECT FROM medallion.run_pipeline(''{people}'')'), '', 'without a choice it runs');
SELECT is((SELECT count(*) FROM silver.people_current), 4::bigint, '... into the layers of all');

/* --- triggers of the extension's under the search path of who writes --- */

CREATE FUNCTION mal.same(uuid, uuid) RETURNS boolean LANGUAGE plpgsql AS $$BEGIN PERFORM mal.note('= of uuid'); RETURN pg_catalog.uuid_eq($1, $2); END$$;
CREATE OPERATOR mal.= (LEFTARG = uuid, RIGHTARG = uuid, FUNCTION = mal.same);
CREATE FUNCTION mal.later(timestamptz, timestamptz) RETURNS boolean LANGUAGE plpgsql AS $$BEGIN PERFORM mal.note('> of times'); RETURN pg_catalog.timestamptz_gt($1, $2); END$$;
CREATE OPERATOR mal.> (LEFTARG = timestamptz, RIGHTARG = timestamptz, FUNCTION = mal.later);
GRANT SELECT, UPDATE ON silver.people TO security_attacker;
SELECT pg_temp.as_role('security_attacker', 'SET LOCAL search_path = mal, pg_catalog; UPDATE silver.people SET _opened_run_id = _opened_run_id') AS answer \gset
SELECT is(:'answer'::text, '', 'who may write silver does so with a search path of its own');
SELECT is((SELECT is_called FROM mal.caught), false, '... which the triggers on it do not go by');

/* --- images of changes --- */

SET ROLE security_victim;
\o /dev/null
SELECT medallion.create_feature('watched', ARRAY[:'tree' || '/people/*.csv'], '{id}');
SELECT pg_temp.run('watched');
\o
GRANT SELECT ON silver.watched TO security_attacker;
SET ROLE security_attacker;
\o /dev/null
SELECT medallion.create_model('over_it', 'SELECT id, count(*) AS n FROM silver.watched GROUP BY id', '{"refresh": "incremental"}');
SELECT medallion.refresh_model('over_it');
RESET ROLE;
SELECT pg_temp.put('people/d.csv', E'Id,Email\n5,ed@example.org\n');
SELECT pg_temp.run('watched');
SET ROLE security_attacker;
SELECT medallion.refresh_model('over_it');
\o
SELECT is((SELECT count(*) FROM gold.over_it), 5::bigint, 'a model of another role''s, that may read it, sees what changes');
RESET ROLE;
SELECT is(has_table_privilege('security_attacker', 'silver._changes_watched', 'SELECT'), true, '... by images of rows that it is let read');
REVOKE SELECT ON silver.watched FROM security_attacker;
\o /dev/null
SELECT pg_temp.put('people/e.csv', E'Id,Email\n6,flo@example.org\n');
SET ROLE security_victim;
SELECT pg_temp.run('watched');
RESET ROLE;
\o
SELECT is(has_table_privilege('security_attacker', 'silver._changes_watched', 'SELECT'), false, '... until the table is closed to it');
\o /dev/null
SET ROLE security_victim;
DROP TABLE silver._changes_watched;
RESET ROLE;
SET ROLE security_attacker;
\o
CREATE TABLE silver._changes_watched (LIKE mal.log, _change_batch bigint, _change_image "char");
CREATE TRIGGER planted BEFORE INSERT OR DELETE ON silver._changes_watched FOR EACH STATEMENT EXECUTE FUNCTION mal.fires();
GRANT ALL ON silver._changes_watched TO PUBLIC;
RESET ROLE;
\o /dev/null
SELECT pg_temp.put('people/f.csv', E'Id,Email\n7,gus@example.org\n');
SELECT pg_temp.run('watched');
GRANT SELECT ON silver.watched TO security_attacker;
SELECT * FROM medallion.erase('watched', '{"id": "7"}');
\o
SELECT is((SELECT is_called FROM mal.caught), false, 'a table in the place of the images is not written');

/* a table that is none of a feature's is not watched for who may only read it */
CREATE TABLE public.watched AS SELECT 1 AS id;
GRANT SELECT ON public.watched TO security_attacker;
SELECT is(pg_temp.as_role('security_attacker', 'SET LOCAL medallion.silver_schema = public; SELECT medallion.create_feature(''its_own'', ''{x}'');'
	' SELECT medallion.create_model(''prying'', ''SELECT id, count(*) AS n FROM public.watched GROUP BY id''); SELECT medallion.refresh_model(''prying'')'), '', 'the name of a feature and a schema of its choice');
SELECT is((SELECT count(*) FROM pg_trigger WHERE tgrelid = 'public.watched'::regclass), 0::bigint, '... put no triggers on another''s table');

/* --- what is called by name of a schema --- */

SET ROLE security_attacker;
CREATE SCHEMA cron;
GRANT USAGE ON SCHEMA cron TO PUBLIC;
CREATE FUNCTION cron.schedule(text, text, text) RETURNS bigint LANGUAGE plpgsql AS $$BEGIN PERFORM mal.note('cron.schedule()'); RETURN 1; END$$;
CREATE FUNCTION cron.unschedule(text) RETURNS boolean LANGUAGE plpgsql AS $$BEGIN PERFORM mal.note('cron.unschedule()'); RETURN true; END$$;
CREATE TABLE cron.job (jobname text);
GRANT SELECT ON cron.job TO PUBLIC;
RESET ROLE;
SELECT throws_ok($$SELECT medallion.schedule('0 2 * * *')$$, '42704', NULL, 'a schema cron of anybody''s is not pg_cron');
SELECT is(medallion.unschedule('medallion'), false, '... nor asked to unschedule');
SELECT lives_ok($$SELECT medallion.apply_config('{"schedules": [{"name": "nightly", "cron": "0 2 * * *"}]}')$$, '... nor by apply_config()');
SELECT is((SELECT is_called FROM mal.caught), false, '... and nothing ran');

/* --- the caller afterwards --- */

SELECT is(current_user = session_user, true, 'who calls is who called');
SELECT is((SELECT string_agg(r.rolname, ', ') FROM pg_auth_members m JOIN pg_roles r ON r.oid = m.member WHERE r.rolname ~ '^security_'), NULL, '... and no role has become another''s member');
\o /dev/null
DROP TABLE public.watched CASCADE;
SELECT pg_temp.drop_roles(VARIADIC :'roles');
\o
SELECT * FROM finish();
