/*
 * Who may read, run and define: grant_layer() and grant_role(), each tried in
 * both directions as the role itself.
 */
\set name grants
\ir setup.psql
SELECT plan(63);

/* what a role is told for a statement: '' where it works, else its sqlstate */
CREATE FUNCTION pg_temp.as_role(role text, statement text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	BEGIN
		EXECUTE 'SET LOCAL ROLE ' || role;
		EXECUTE statement;
		EXECUTE 'RESET ROLE';
	EXCEPTION WHEN OTHERS THEN
		EXECUTE 'RESET ROLE';
		RETURN SQLSTATE;
	END;
	RETURN '';
END
$$;
\set roles '{grants_bronze,grants_silver,grants_gold,grants_reader,grants_operator,grants_admin,grants_owner}'
\o /dev/null
SELECT pg_temp.drop_roles(VARIADIC :'roles');
CREATE ROLE grants_bronze; CREATE ROLE grants_silver; CREATE ROLE grants_gold;
CREATE ROLE grants_reader; CREATE ROLE grants_operator; CREATE ROLE grants_admin; CREATE ROLE grants_owner;
SELECT pg_temp.put('people/a.csv', E'Id,Email,Phone,Secret\n1,ann@example.org,555123,x\n2,bob@example.org,555456,y\n');
SELECT medallion.create_feature('people', ARRAY[:'tree' || '/people/*.csv'], '{id}',
	'{"columns": {"email": {"mask": "hash", "mask_salt": "pepper"}, "phone": {"type": "text", "mask": "redact"}, "secret": {"mask": "redact"}}}');
SELECT pg_temp.run();
SELECT medallion.create_model('per_person', 'SELECT id, count(*) AS n FROM silver.people_current GROUP BY id');
SELECT pg_temp.run();
\o

/* --- layers --- */

SELECT throws_ok($$SELECT medallion.grant_layer('platinum', 'grants_gold')$$, '22023', NULL, 'an unknown layer is refused');
SELECT throws_ok($$SELECT medallion.grant_layer('gold', NULL)$$, '22004', NULL, 'so is no role');
SELECT is(pg_temp.as_role('grants_gold', 'SELECT * FROM gold.per_person'), '42501', 'without a grant gold cannot be read');
SELECT cmp_ok(medallion.grant_layer('gold', 'grants_gold'), '>=', 1::bigint, 'grant_layer() returns the number of tables');
SELECT is(medallion.grant_layer('silver', 'grants_silver') >= 2, true, '... and views');
SELECT is(medallion.grant_layer('bronze', 'grants_bronze') >= 1, true, '... of each layer');
SELECT is(string_agg(pg_temp.as_role('grants_' || r, 'SELECT * FROM ' || t), ' ' ORDER BY r, n), e, 'each reads its layer and no other')
  FROM unnest('{bronze,gold,silver}'::text[]) r, unnest('{bronze.people,silver.people,silver.people_current,gold.per_person}'::text[]) WITH ORDINALITY x (t, n),
	   (VALUES (' 42501 42501 42501 42501 42501 42501  42501   42501')) v (e) GROUP BY e;
SELECT is(pg_temp.as_role('grants_gold', 'DELETE FROM gold.per_person'), '42501', 'reading is not writing');
SELECT is(pg_temp.as_role('grants_gold', 'CREATE TABLE gold.mine (a int)'), '42501', 'nor creating');

/* tables to come */
\o /dev/null
SELECT pg_temp.put('more/a.csv', E'Id,Name\n1,x\n');
SELECT medallion.create_feature('more', ARRAY[:'tree' || '/more/*.csv'], '{id}');
SELECT pg_temp.run();
SELECT medallion.create_model('per_more', 'SELECT id, count(*) AS n FROM silver.more GROUP BY id');
SELECT pg_temp.run();
\o
SELECT is(pg_temp.as_role('grants_bronze', 'SELECT * FROM bronze.more'), '', 'a table of bronze that came later can be read');
SELECT is(pg_temp.as_role('grants_silver', 'SELECT * FROM silver.more'), '', '... of silver');
SELECT is(pg_temp.as_role('grants_silver', 'SELECT * FROM silver.more_current'), '', '... its views too');
SELECT is(pg_temp.as_role('grants_gold', 'SELECT * FROM gold.per_more'), '', '... of gold');
SELECT is(pg_temp.as_role('grants_silver', 'SELECT * FROM bronze.more'), '42501', 'but no other layer''s');
SELECT is((SELECT count(*) FROM pg_class WHERE relname ~ '^_changes_more$') || ' ' || (SELECT count(*) FROM pg_class WHERE relname ~ '^_' AND relkind = 'r' AND relnamespace IN ('silver'::regnamespace, 'gold'::regnamespace) AND has_table_privilege('grants_silver', oid, 'SELECT')),
	'1 0', 'images of changes are no tables to read');
\o /dev/null
SELECT medallion.rebuild('silver', 'people');
\o
SELECT is(pg_temp.as_role('grants_silver', 'SELECT * FROM silver.people_current'), '', 'a rebuild leaves the grant');

/* --- what is masked stays so: no way back through bronze for who reads silver --- */

SELECT is((SELECT count(*) FROM silver.people WHERE email ~ 'example' OR phone ~ '555' OR secret IN ('x', 'y')), 0::bigint, 'silver has the masked values alone');
SELECT is((SELECT count(*) FROM bronze.people WHERE email ~ 'example'), 2::bigint, '... bronze the others');
\o /dev/null
SELECT medallion.grant_role('reader', 'grants_silver');
\o
SELECT is(string_agg(pg_temp.as_role('grants_silver', s), ' ' ORDER BY s), repeat('42501 ', count(*)::int - 1) || '42501', 'a reader of silver finds them nowhere')
  FROM unnest(ARRAY['SELECT * FROM bronze.people', 'SELECT email FROM bronze.people LIMIT 1', 'SELECT raw FROM medallion.rejects',
		'SELECT * FROM medallion.corrections', 'SELECT options FROM medallion.features', 'SELECT metrics FROM medallion.profiles', 'SELECT value FROM medallion.measurements',
		'SELECT * FROM medallion.read_rows(''/etc/hostname'')',
		'SELECT medallion.export_config()', 'SELECT medallion.correct(1, '''', 1, NULL)', 'SELECT medallion.alter_feature(''people'', ''{"columns": null}'')',
		'SELECT medallion.mask(''ann@example.org'', ''hash'', '''')', 'SELECT medallion.profile(''bronze.people'')',
		'SELECT medallion.create_model(''leak'', ''SELECT * FROM bronze.people'')',
		'SELECT * FROM medallion.as_of_query(''bronze.people'', now()) q, LATERAL (SELECT * FROM bronze.people) b']) s;
SET ROLE grants_silver;
SELECT string_agg(concat_ws(' ', step, layer, regexp_replace(path, '.*/', ''), "row", coalesce(data->>'id', 'no data')), ', ' ORDER BY step, layer, path) AS said,
	   count(*) FILTER (WHERE t::text ~ 'ann@|555123') AS raw FROM medallion.trace('silver.people_current', '{"id": 1}') t \gset
RESET ROLE;
SELECT is(:'said'::text, '1 silver a.csv 2 1, 2 bronze a.csv 2 no data', 'trace() leads it to file and row');
SELECT is(:raw::int, 0, '... without what is masked');
SELECT is((SELECT count(*)::int FROM medallion.trace('silver.people_current', '{"id": 1}') t WHERE t::text ~ 'ann@.*555123|555123.*ann@'), 1, '... which who may read bronze is told');
SELECT is(string_agg(pg_temp.as_role('grants_silver', s), ' '), ' 42501', 'it reads silver''s past, and no one else''s')
  FROM unnest(ARRAY['SELECT * FROM medallion.as_of(''silver.people'', now())', 'SELECT * FROM medallion.as_of(''bronze.people'', now())']) s;
SELECT is(pg_temp.as_role('grants_gold', 'SELECT * FROM medallion.trace(''gold.per_person'', ''{}'')'), '42501', 'a grant of a layer alone does not let trace');
SELECT is((SELECT count(*) FROM etl_logs.data_quality_checks WHERE check_details::text ~ 'example.org'), 0::bigint, '... nor in the logs');
SELECT is((SELECT string_agg(c.relname, ', ') FROM pg_class c WHERE c.relnamespace IN ('bronze'::regnamespace, 'silver'::regnamespace)
			AND has_table_privilege('grants_silver', c.oid, 'SELECT') AND (c.relname ~ '^_' OR c.relnamespace = 'bronze'::regnamespace) AND c.relkind = 'r'
			AND NOT EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = '_value_hash')), NULL, 'nothing but what silver holds is granted');

/* --- taking it back --- */
\o /dev/null
SELECT medallion.revoke_layer('gold', 'grants_gold');
SELECT medallion.create_model('later', 'SELECT id, count(*) AS n FROM silver.more GROUP BY id');
SELECT pg_temp.run();
\o
SELECT is(pg_temp.as_role('grants_gold', 'SELECT * FROM gold.per_person'), '42501', 'revoke_layer() takes it back');
SELECT is(has_schema_privilege('grants_gold', 'gold', 'USAGE'), false, '... the schema too');
SELECT is(has_table_privilege('grants_gold', 'gold.later', 'SELECT'), false, '... and tables to come');

/* --- kinds of users --- */

SELECT throws_ok($$SELECT medallion.grant_role('king', 'grants_reader')$$, '22023', NULL, 'an unknown kind is refused');
\o /dev/null
SELECT medallion.grant_role('reader', 'grants_reader');
SELECT medallion.grant_role('operator', 'grants_operator');
SELECT medallion.grant_role('admin', 'grants_admin');
\o
/* what docs/security.md says, of each function, is what each kind has of it: no more, no less */
\set document `cat :project/docs/security.md`
CREATE TEMP TABLE documented AS
SELECT ('medallion.' || m[1])::regprocedure AS function, string_to_array(m[2], ', ') AS kinds
  FROM regexp_matches(:'document', '\n\| `([^`]*\([^`]*)` \| ([^|]*) \| ', 'g') m;
SELECT is((SELECT string_agg(format('%s: %s', kind, p.oid::regprocedure), ', ' ORDER BY kind, p.oid) FROM unnest('{reader,operator,admin}'::text[]) kind, pg_proc p
			 LEFT JOIN documented d ON d.function = p.oid WHERE p.pronamespace = 'medallion'::regnamespace
			  AND has_function_privilege('grants_' || kind, p.oid, 'EXECUTE') IS DISTINCT FROM kind = ANY (d.kinds)), NULL, 'each kind may execute what docs/security.md says');
SELECT is((SELECT string_agg(DISTINCT k, ', ' ORDER BY k) FROM documented, unnest(kinds) k), 'admin, extension''s owner, operator, reader', '... which tells them apart');
SELECT is(pg_temp.as_role('grants_admin', 'SELECT medallion.grant_role(''admin'', ''grants_reader'')'), '42501', 'an admin hands out no grants on the extension');
SELECT is(string_agg(v.relname || ' ' || e, ', '), NULL, 'a reader can look at every view') FROM pg_class v, pg_temp.as_role('grants_reader', 'SELECT * FROM medallion.' || v.relname) e
 WHERE v.relnamespace = 'medallion'::regnamespace AND v.relkind = 'v' AND e <> '';
SELECT is(string_agg(v.relname || ' ' || e, ', '), NULL, '... and at the logs') FROM pg_class v, pg_temp.as_role('grants_reader', 'SELECT * FROM etl_logs.' || v.relname) e
 WHERE v.relnamespace = 'etl_logs'::regnamespace AND v.relkind = 'r' AND e <> '';
SELECT is(pg_temp.as_role('grants_reader', 'SELECT * FROM medallion.health()'), '', '... at health()');
SELECT is(pg_temp.as_role('grants_reader', 'SELECT medallion.report_html()'), '', '... and the report');
SELECT is(string_agg(pg_temp.as_role('grants_reader', s), ' '), '42501 42501 42501 42501 42501', 'it runs, defines and reads no data')
  FROM unnest(ARRAY['SELECT FROM medallion.run_pipeline()', 'SELECT medallion.undo_run(1)', 'SELECT medallion.create_feature(''z'', ''{z}'')',
		'SELECT * FROM silver.people', 'DELETE FROM etl_logs.pipeline_runs']) s;

SELECT pg_temp.put('people/b.csv', E'Id,Email,Phone,Secret\n3,cy@example.org,555789,z\n') AS put \gset
SELECT is(pg_temp.as_role('grants_operator', 'SELECT FROM medallion.run_pipeline(ARRAY[''people''])'), '42501', 'an operator runs nothing with an input root of its session''s choice');
RESET medallion.input_root;
SELECT is(pg_temp.as_role('grants_operator', 'SET medallion.gold_schema = grants; SELECT FROM medallion.run_pipeline(ARRAY[''people''])'), '42501', '... nor into a schema of its choice');
RESET medallion.gold_schema;
SET ROLE grants_reader;
SELECT is((SELECT count(*)::int FROM medallion.runnable), 0, 'a reader runs nothing');
RESET ROLE;
SET ROLE grants_operator;
SELECT is((SELECT string_agg(kind || ' ' || name, ', ' ORDER BY kind, name) FROM medallion.runnable), 'feature more, feature people, model later, model per_more, model per_person', 'an operator knows what it may run');
SELECT string_agg(concat_ws(' ', layer, object, action, files), ', ' ORDER BY layer, object) AS said FROM medallion.plan() \gset
SELECT is(:'said'::text, 'bronze people load 1, gold per_person refresh, silver people merge', '... plans it');
SELECT is((SELECT string_agg(state, ', ' ORDER BY path) FROM medallion.files('people')), 'loaded, new', '... sees its files');
SELECT is((SELECT count(*)::int FROM medallion.dry_run() WHERE status = 'COMPLETED'), 3, '... tries it');
RESET ROLE;
SELECT is((SELECT count(*) FROM silver.people), 2::bigint, '... which changes nothing');
SELECT is(string_agg(pg_temp.as_role('grants_reader', s), ' '), '42501 42501 42501', 'none of which a reader does')
  FROM unnest(ARRAY['SELECT * FROM medallion.plan()', 'SELECT * FROM medallion.files(''people'')', 'SELECT * FROM medallion.dry_run()']) s;
SELECT is(pg_temp.as_role('grants_operator', 'SELECT FROM medallion.run_pipeline(ARRAY[''people''])'), '', '... but with the server''s what is not its own');
SELECT is((SELECT count(*) FROM silver.people), 3::bigint, '... and it is run');
SELECT is((SELECT sum(n) FROM gold.per_person), 3::numeric, '... up to gold');
SELECT is(pg_temp.as_role('grants_operator', format('SELECT FROM medallion.undo_run(%s)', (SELECT max(run_id) FROM medallion.runs))), '', '... undoes it');
SELECT is((SELECT count(*) FROM silver.people), 2::bigint, '... which takes the rows back');
SELECT is(pg_temp.as_role('grants_operator', 'SELECT medallion.rebuild(''silver'', ''people'')'), '', '... rebuilds it');
SELECT is(pg_temp.as_role('grants_operator', 'SELECT FROM medallion.verify(''people'')'), '', '... verifies it');
SELECT is(string_agg(pg_temp.as_role('grants_operator', s), ' '), '42501 42501 42501 42501 42501 42501 42501 42501', 'but neither reads nor defines, nor takes away')
  FROM unnest(ARRAY['SELECT * FROM silver.people', 'SELECT * FROM bronze.people', 'SELECT medallion.alter_feature(''people'', ''{}'')', 'SELECT medallion.drop_feature(''people'')',
		'SELECT medallion.push(''people'', ''{}'')', 'SELECT FROM medallion.maintain()', 'SELECT options FROM medallion.features', 'INSERT INTO medallion.operators VALUES (''grants_owner'', ''grants_operator'')']) s;
\o /dev/null
SELECT medallion.revoke_role('operator', 'grants_operator');
\o
SELECT is(pg_temp.as_role('grants_operator', 'SELECT FROM medallion.run_pipeline(ARRAY[''people''])'), '42501', 'revoke_role() takes it back');
SELECT is((SELECT count(*) FROM medallion.operators), 0::bigint, '... wholly');
SELECT is(pg_temp.as_role('grants_operator', 'SELECT * FROM medallion.plan()'), '42501', '... the plan too');

SELECT is(pg_temp.as_role('grants_admin', 'SELECT medallion.create_feature(''own'', ''{own/*.csv}'')'), '', 'an admin defines features');
SELECT is(pg_temp.as_role('grants_admin', 'SELECT medallion.drop_feature(''people'')'), '42501', '... but owns no others''');
SELECT is(pg_temp.as_role('grants_admin', 'SELECT medallion.drop_feature(''own'')'), '', '... and drops its own');

/* --- nothing is left --- */

CREATE FUNCTION pg_temp.privileges(role text) RETURNS text LANGUAGE sql AS $$
	SELECT string_agg(what, ', ' ORDER BY what) FROM (
		SELECT p.oid::regprocedure::text FROM pg_proc p WHERE p.pronamespace = 'medallion'::regnamespace AND has_function_privilege(role, p.oid, 'EXECUTE')
		 UNION ALL
		SELECT n.nspname FROM pg_namespace n WHERE n.nspname IN ('medallion', 'etl_logs', 'bronze', 'silver', 'gold', 'models') AND has_schema_privilege(role, n.oid, 'USAGE, CREATE')
		 UNION ALL
		SELECT c.oid::regclass::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
		 WHERE n.nspname IN ('medallion', 'etl_logs', 'bronze', 'silver', 'gold', 'models') AND c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S')
		   AND CASE WHEN c.relkind = 'S' THEN has_sequence_privilege(role, c.oid, 'USAGE, SELECT, UPDATE')
					ELSE has_any_column_privilege(role, c.oid, 'SELECT, INSERT, UPDATE, REFERENCES') OR has_table_privilege(role, c.oid, 'DELETE, TRUNCATE, TRIGGER') END
		 UNION ALL
		SELECT pg_describe_object(d.classid, d.objid, d.objsubid) FROM pg_shdepend d
		 WHERE d.refclassid = 'pg_authid'::regclass AND d.refobjid = role::regrole AND d.dbid IN (0, (SELECT oid FROM pg_database WHERE datname = current_database()))) x (what)
$$;
SELECT is(pg_temp.privileges('grants_reader') ~ 'medallion.runs' AND pg_temp.privileges('grants_admin') ~ 'create_feature' AND pg_temp.privileges('grants_admin') ~ 'database ', true, 'a reader has privileges, and an admin');
\o /dev/null
SELECT medallion.revoke_role('reader', 'grants_reader');
SELECT medallion.revoke_role('admin', 'grants_admin');
\o
SELECT is((SELECT string_agg(kind || ': ' || pg_temp.privileges('grants_' || kind), '; ') FROM unnest('{reader,operator,admin}'::text[]) kind), NULL,
	'revoke_role() leaves none on a function, a relation, a schema, nor anything');
\o /dev/null
SELECT pg_temp.drop_roles(VARIADIC :'roles');
\o
SELECT * FROM finish();
