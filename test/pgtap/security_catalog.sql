/*
 * What the catalog says of who may do what: no privilege of PUBLIC's, no function
 * without a pinned search_path, and docs/security.md tells the truth.
 */
\set name security_catalog
\ir setup.psql
\ir security_table.psql
SELECT plan(24);

CREATE TEMP VIEW ours AS
SELECT p.*, l.lanname, format('%s', p.oid::regprocedure) AS signature, regexp_replace(p.prosrc, '''[^'']*''', '', 'g') AS code FROM pg_proc p JOIN pg_language l ON l.oid = p.prolang
 WHERE EXISTS (SELECT FROM pg_depend d JOIN pg_extension e ON e.oid = d.refobjid AND e.extname = 'medallion'
				WHERE d.refclassid = 'pg_extension'::regclass AND d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e');

/* --- functions --- */

SELECT is((SELECT string_agg(signature, ', ') FROM ours WHERE pronamespace <> 'medallion'::regnamespace), NULL, 'every function is in schema medallion');
SELECT is((SELECT string_agg(signature, ', ') FROM ours WHERE prosecdef), NULL, 'none is SECURITY DEFINER');
SELECT is((SELECT string_agg(signature, ', ') FROM ours WHERE prosecdef AND NOT coalesce('search_path=pg_catalog, pg_temp' = ANY (proconfig), false)), NULL,
	'... or, should one become it, without a search path');
SELECT is((SELECT string_agg(signature, ', ') FROM ours WHERE lanname IN ('sql', 'plpgsql') AND prosqlbody IS NULL AND NOT coalesce('search_path=pg_catalog, pg_temp' = ANY (proconfig), false)), NULL,
	'text that is parsed as it runs is parsed under a pinned search path');
SELECT is((SELECT string_agg(o.signature || ' ' || d.refobjid::regprocedure, ', ') FROM ours o JOIN pg_depend d ON d.classid = 'pg_proc'::regclass AND d.objid = o.oid AND d.deptype = 'n'
			  AND d.refclassid = 'pg_proc'::regclass JOIN pg_proc r ON r.oid = d.refobjid WHERE o.prosqlbody IS NOT NULL AND r.pronamespace NOT IN ('medallion'::regnamespace, 'pg_catalog'::regnamespace)), NULL,
	'what was parsed at the definition calls nobody else''s functions');
SELECT is((SELECT string_agg(DISTINCT lanname, ', ') FROM ours WHERE lanname NOT IN ('sql', 'plpgsql', 'c', 'internal')), NULL, 'no other language');
SELECT is((SELECT string_agg(signature, ', ') FROM ours WHERE has_function_privilege('public', oid, 'EXECUTE')), NULL, 'none is executable by PUBLIC');
SELECT is((SELECT string_agg(signature, ', ') FROM ours WHERE proleakproof), NULL, 'none claims to be leakproof');
SELECT is((SELECT string_agg(signature, ', ') FROM ours o WHERE proparallel <> 'u' AND provolatile = 'v'
			  AND o.proname NOT IN ('describe_file', 'describe_sample', 'discover', 'discover_groups', 'discover_sheets', 'list_files', 'read_cells', 'read_file', 'read_rows', 'sample_file', 'sheets', 'propose_details', 'table_bytes', 'disk_space',
									'files_handler', 'files_validator')), NULL, 'volatile ones that are said to be parallel safe only read');
SELECT is((SELECT string_agg(o.signature, ', ') FROM ours o WHERE o.lanname IN ('sql', 'plpgsql') AND o.proparallel = 's'
			  AND o.prosrc ~* '\m(INSERT INTO|UPDATE [a-z_.]+ SET|DELETE FROM|nextval|setval|set_config|pg_notify|pg_advisory)\M'), NULL, '... nor of those whose text writes');
SELECT is((SELECT string_agg(o.signature || ' calls ' || c.signature, ', ') FROM ours o JOIN ours c ON c.proparallel = 'u' AND o.code ~ ('medallion\.' || c.proname || '\(')
			WHERE o.lanname IN ('sql', 'plpgsql') AND o.proparallel = 's' AND NOT EXISTS (SELECT FROM ours x WHERE x.proname = c.proname AND x.proparallel <> 'u')), NULL, '... nor of those that call one that is not');
SELECT is((SELECT string_agg(o.signature || ' calls ' || c.signature, ', ') FROM ours o JOIN ours c ON (CASE c.provolatile WHEN 'i' THEN 0 WHEN 's' THEN 1 ELSE 2 END) > (CASE o.provolatile WHEN 'i' THEN 0 WHEN 's' THEN 1 ELSE 2 END)
			  AND o.code ~ ('medallion\.' || c.proname || '\(')
			WHERE o.lanname IN ('sql', 'plpgsql') AND NOT EXISTS (SELECT FROM ours x WHERE x.proname = c.proname AND x.provolatile <> c.provolatile)
			  AND c.proname NOT LIKE 'run_pipeline%'), NULL,	-- named in the text of others' messages and comments
	'none is more stable than what it calls');

/* --- relations, schemas, the rest --- */

SELECT is((SELECT string_agg(c.oid::regclass::text, ', ') FROM pg_class c WHERE c.relnamespace IN ('medallion'::regnamespace, 'etl_logs'::regnamespace) AND c.relkind IN ('r', 'v', 'm', 'p', 'S')
			  AND CASE WHEN c.relkind = 'S' THEN has_sequence_privilege('public', c.oid, 'USAGE, SELECT, UPDATE')
					   ELSE has_any_column_privilege('public', c.oid, 'SELECT, INSERT, UPDATE, REFERENCES') OR has_table_privilege('public', c.oid, 'DELETE, TRUNCATE, TRIGGER') END), NULL,
	'PUBLIC can neither read nor write a relation');
SELECT is(has_schema_privilege('public', 'medallion', 'USAGE, CREATE') OR has_schema_privilege('public', 'etl_logs', 'USAGE, CREATE')
	   OR has_server_privilege('public', 'medallion_files', 'USAGE') OR has_foreign_data_wrapper_privilege('public', 'medallion_files', 'USAGE'), false,
	'... nor use a schema, the server or the wrapper');
SELECT is((SELECT count(*) FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid WHERE c.relnamespace IN ('medallion'::regnamespace, 'etl_logs'::regnamespace) AND NOT t.tgisinternal), 0::bigint,
	'no triggers on the extension''s own tables');
SELECT is((SELECT count(*) FROM pg_depend d JOIN pg_extension e ON e.oid = d.refobjid AND e.extname = 'medallion'
			WHERE d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e' AND d.classid IN ('pg_operator'::regclass, 'pg_cast'::regclass, 'pg_event_trigger'::regclass, 'pg_opclass'::regclass)), 0::bigint,
	'no operators, casts, event triggers');
SELECT is((SELECT string_agg(o.signature, ', ') FROM ours o WHERE obj_description(o.oid, 'pg_proc') IS NULL), NULL, 'every function says what it is for');

/* --- docs/security.md --- */

\set document `cat :project/docs/security.md`
SELECT is((SELECT string_agg(f.line, E'\n') FROM pg_temp.function_table f WHERE position(f.line in :'document') = 0), NULL, 'docs/security.md has a true line for each function');
SELECT is((SELECT string_agg(l, E'\n') FROM regexp_split_to_table(:'document', E'\n') l WHERE l LIKE '| `%(%' AND NOT EXISTS (SELECT FROM pg_temp.function_table f WHERE f.line = l)), NULL, '... and none of another');
SELECT is((SELECT string_agg(f.line, E'\n') FROM pg_temp.function_table f WHERE f.lanname <> 'c' AND f.line NOT LIKE '% caller |'), NULL, 'SQL runs as its caller');

SELECT is((SELECT string_agg(f.proname, ', ') FROM pg_temp.function_table f WHERE f.line LIKE '% unknown |'), NULL, '... of each in C it was looked up whom it acts as');
SELECT is((SELECT string_agg(a.name, ', ') FROM pg_temp.acting a WHERE NOT EXISTS (SELECT FROM ours o WHERE o.proname = a.name AND o.lanname = 'c')
			   OR (SELECT count(*) FROM pg_temp.acting b WHERE b.name = a.name) > 1), NULL, '... and of none that is not, nor twice');

/* --- where the extension would be planted into somebody's schema --- */

SELECT throws_ok($$CREATE EXTENSION medallion$$, '42710', NULL, 'there is one extension');
/* what CREATE EXTENSION says after each statement; all of it is rolled back */
CREATE FUNCTION pg_temp.create_after(VARIADIC statements text[]) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	statement text;
	answers text[];
BEGIN
	DROP EXTENSION medallion CASCADE;
	FOREACH statement IN ARRAY statements LOOP
		BEGIN
			EXECUTE statement;
			CREATE EXTENSION medallion;
			answers := answers || 'created'::text;
		EXCEPTION WHEN duplicate_schema THEN
			answers := answers || 'refused'::text;
		END;
	END LOOP;
	RAISE EXCEPTION 'enough';
EXCEPTION WHEN raise_exception THEN
	RETURN array_to_string(answers, ' ');
END
$$;
SELECT is(pg_temp.create_after('ALTER SCHEMA medallion OWNER TO pg_monitor', 'CREATE FUNCTION medallion.html(text, int) RETURNS int LANGUAGE sql AS ''SELECT 1''',
	'CREATE TABLE medallion.trap ()', 'SELECT'), 'refused refused refused created', 'it is not made in a schema of another role''s, nor in one where something is');
SELECT * FROM finish();
