/*
 * Values of rows: in no log, no alert, no view that a reader may see; behind a
 * mask nowhere but in bronze and what is closed with it.  The values that may not
 * be seen all have "zq7" in them.
 */
\set name security_values
\ir setup.psql
SELECT plan(18);

/* every text that a role may read in medallion, etl_logs, silver, gold and the catalogs: where the value is */
CREATE FUNCTION pg_temp.seen_by(role text, value text, schemas text[] DEFAULT '{medallion,etl_logs,bronze,silver,gold,models}') RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	r record;
	found boolean;
	places text;
BEGIN
	EXECUTE 'SET LOCAL ROLE ' || role;
	FOR r IN SELECT c.oid::regclass AS relation, string_agg(format('%I::text', a.attname), ', ') AS columns
			   FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
			  WHERE (c.relnamespace::regnamespace::text = ANY (schemas)
					 OR cardinality(schemas) > 2 AND c.oid IN ('pg_stats'::regclass, 'pg_stats_ext'::regclass, 'pg_stats_ext_exprs'::regclass, 'pg_statistic_ext'::regclass))
				AND c.relkind IN ('r', 'p', 'v', 'm') AND has_column_privilege(c.oid, a.attnum, 'SELECT') AND has_schema_privilege(c.relnamespace, 'USAGE')
			  GROUP BY c.oid LOOP
		BEGIN
			EXECUTE format('SELECT EXISTS (SELECT FROM %s WHERE concat_ws('' '', %s) ~* $1)', r.relation, r.columns) INTO found USING value;
		EXCEPTION WHEN insufficient_privilege THEN
			found := false;
		END;
		IF found THEN
			places := concat_ws(', ', places, r.relation);
		END IF;
	END LOOP;
	EXECUTE 'RESET ROLE';
	RETURN places;
END
$$;
\set roles '{security_reader,security_operator}'
\o /dev/null
SELECT pg_temp.drop_roles(VARIADIC :'roles');
CREATE ROLE security_reader;
CREATE ROLE security_operator;

/* --- masked columns --- */

SELECT pg_temp.put('people/a.csv', E'Id,Email,Phone,Card,Born\n1,zq7ann@example.org,zq7555123,zq7-4711,1990-01-01\n2,zq7bob@example.org,zq7555456,zq7-4712,zq7-not-a-date\n3,,,,\nzq7dup,zq7x,zq7y,zq7z,zq7w,zq7toomany\n');
SELECT medallion.create_feature('people', ARRAY['people/*.csv'], '{email}', '{"schema_evolution": "rescue", "columns": {
	"email": {"mask": "hash", "mask_salt": "zq7salt"}, "phone": {"type": "text", "mask": "redact"}, "card": {"type": "text", "mask": "redact"},
	"id": {"type": "text", "mask": "redact"}, "born": {"type": "date"}},
	"checks": [{"kind": "email", "columns": ["email"]}, {"kind": "length", "columns": ["phone"], "params": {"max": 5}, "action": "quarantine"},
			   {"kind": "accepted_values", "columns": ["card"], "params": {"values": ["a"]}}, {"kind": "unique", "columns": ["phone"]}]}');
SELECT pg_temp.run();
SELECT medallion.alter_feature('people', '{"checks": [{"kind": "email", "columns": ["email"]}, {"kind": "unique", "columns": ["phone"]}]}');
SELECT pg_temp.run();
SELECT medallion.create_model('per_person', 'SELECT email, count(*) AS n FROM silver.people_current GROUP BY email', '{"refresh": "incremental"}');
SELECT pg_temp.run();
SELECT pg_temp.put('people/b.csv', E'Id,Email,Phone,Card,Born\n4,zq7cy@example.org,zq7555,zq7-1,1991-01-01\n');
SELECT pg_temp.run();
SELECT medallion.profile('bronze.people');
SELECT medallion.profile('silver.people');
CREATE STATISTICS bronze.together ON email, phone FROM bronze.people;
ANALYZE bronze.people;
ANALYZE silver.people;
SELECT medallion.grant_role('reader', 'security_reader');
SELECT medallion.grant_role('operator', 'security_operator');
SELECT medallion.grant_layer(layer, role) FROM unnest('{silver,gold}'::text[]) layer, unnest('{security_reader,security_operator}'::regrole[]) role;
\o
SELECT is(pg_temp.errors(), 'none', 'features with masks run');
SELECT is((SELECT count(*) > 2 FROM silver.people), true, '... into silver');
SELECT is(pg_temp.seen_by('security_reader', 'zq7'), NULL, 'a reader of silver, gold and the logs finds no masked value');
SELECT is(pg_temp.seen_by('security_operator', 'zq7'), NULL, '... nor does an operator');
SELECT is(pg_temp.seen_by('postgres', 'zq7') ~ 'bronze.people', true, '... who looks for them as a superuser does');
SELECT is((SELECT bool_or(_business_key_hash = medallion.row_hash('zq7ann@example.org'::text) OR _value_hash = medallion.row_hash(v::text)) FROM silver.people,
			unnest('{zq7555123,zq7-4711,1}'::text[]) v), false, 'hashes of silver are not those of the values');
SET ROLE security_reader;
SELECT is(medallion.report_html() ~ 'zq7', false, 'nor are they in the report');
RESET ROLE;

/* --- errors that quote values --- */

\o /dev/null
SELECT pg_temp.put('bad/a.csv', E'Id,Word\n1,zq7ann\n2,zq7bob\n2,zq7"quote\n');
SELECT medallion.create_feature('bad', '{bad/*.csv}', NULL, '{"columns": {"word": {"type": "text"}}}');
SELECT pg_temp.run('bad');
CREATE TYPE public.security_mood AS ENUM ('ok');
SELECT medallion.create_model(name, 'SELECT id, ' || expression || ' AS x FROM silver.bad', options::jsonb) FROM (VALUES
	('m_cast', 'CASE WHEN id > 0 THEN word::int END', '{}'), ('m_enum', 'CASE WHEN id > 0 THEN word::public.security_mood END', '{}'),
	('m_date', 'CASE WHEN id > 0 THEN word::date END', '{}'), ('m_json', 'CASE WHEN id > 0 THEN word::jsonb END', '{}'), ('m_array', 'CASE WHEN id > 0 THEN word::int[] END', '{}'),
	('m_number', 'CASE WHEN id > 0 THEN to_number(word, ''999'') END', '{}'), ('m_range', 'CASE WHEN id > 0 THEN word::int4range END', '{}'),
	('m_regex', 'CASE WHEN id > 0 THEN word ~ (''('' || word) END', '{}'),
	('m_unique', 'word', '{"primary_key": ["id"]}'), ('m_unique_word', '''zq7key''::text', '{"primary_key": ["x"]}')) m (name, expression, options);
CREATE TABLE public.security_words (word text PRIMARY KEY);
SELECT medallion.create_model('m_parent', 'SELECT word FROM public.security_words', '{"primary_key": ["word"]}');
SELECT medallion.create_model('m_child', 'SELECT word FROM silver.bad', '{"foreign_keys": [{"columns": ["word"], "references": "public.security_words"}]}');
SELECT pg_temp.run('bad');
\o
SELECT cmp_ok((SELECT count(*) FROM run WHERE layer = 'gold' AND status = 'FAILED'), '>=', 9::bigint, 'models fail for what is in the rows');
SELECT is((SELECT string_agg(object || ': ' || (detail->>'error'), '; ') FROM run WHERE detail::text ~ 'zq7'), NULL, 'what a run says of it has no value');
SELECT is(pg_temp.seen_by('security_reader', 'zq7(ann|bob|"quote)', '{medallion,etl_logs}'), NULL, '... nor has any log');
SELECT is((SELECT detail->>'error' FROM run WHERE object = 'm_cast'), 'invalid input syntax for type integer: "***"', '... only which kind of value it was');
SELECT matches((SELECT detail->>'error' FROM run WHERE object = 'm_unique'), 'Key \(id\)=\(\*\*\*\)', '... and of which column');
ALTER TABLE silver.bad ADD CONSTRAINT short_words CHECK (length(word) < 12);
\o /dev/null
SELECT pg_temp.put('bad/b.csv', E'Id,Word\n4,zq7longer-than-all-the-others\n');
SELECT pg_temp.run('bad');
\o
SELECT matches((SELECT detail->>'error' FROM run WHERE object = 'bad' AND layer = 'silver'), 'short_words.*Failing row contains \(\*\*\*\)', 'a constraint of one''s own shows no row');
SELECT is(pg_temp.seen_by('security_reader', 'zq7longer', '{medallion,etl_logs}'), NULL, '... in no log');
SET medallion.log_values = on;
\o /dev/null
SELECT pg_temp.run('bad');
\o
SELECT matches((SELECT detail->>'error' FROM run WHERE object = 'm_cast'), 'zq7', 'medallion.log_values shows them');
RESET medallion.log_values;
SELECT is(has_parameter_privilege('security_reader', 'medallion.log_values', 'SET'), false, '... to whom a superuser lets it');

/* --- secrets --- */

\o /dev/null
SELECT medallion.add_step('remote', 'SELECT * FROM pg_catalog.pg_sleep(0) /* host=h password=zq7secret */', 'gold');
SELECT medallion.add_step('fails', 'DO $$BEGIN RAISE EXCEPTION ''could not connect: host=h user=u password=zq7secret postgres://u:zq7secret@h/d token: zq7secret''; END$$', 'gold');
SELECT medallion.grant_role('reader', 'security_reader');
SELECT pg_temp.run('bad');
\o
SELECT is((SELECT detail->>'error' FROM run WHERE object = 'fails') ~ 'zq7secret', false, 'a password in an error is hidden');
SELECT is(pg_temp.seen_by('security_reader', 'zq7secret'), NULL, '... and statements of steps are not a reader''s');
\o /dev/null
DROP TABLE public.security_words CASCADE;
DROP TYPE public.security_mood CASCADE;
SELECT pg_temp.drop_roles(VARIADIC :'roles');
\o
SELECT * FROM finish();
