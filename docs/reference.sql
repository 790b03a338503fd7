/*
 * Writes reference.md from what the catalog has of the extension: make docs.  psql -X -q -A -t -f
 *
 * Functions whose comment begins with "Internal" are for the extension's own use and left out.
 */
SET search_path = pg_catalog;
SET client_min_messages = warning;
LOAD 'medallion';

/* text as a cell of a table */
CREATE FUNCTION pg_temp.cell(value text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
	SELECT replace(replace(coalesce(value, ''), '|', '\|'), E'\n', ' ')
$$;

CREATE FUNCTION pg_temp.columns_of(relation oid) RETURNS text LANGUAGE sql STABLE AS $$
	SELECT string_agg(format('`%s` %s', attname, format_type(atttypid, atttypmod)), ', ' ORDER BY attnum)
	  FROM pg_attribute WHERE attrelid = relation AND attnum > 0 AND NOT attisdropped
$$;

CREATE FUNCTION pg_temp.relations(kind "char") RETURNS TABLE (line text) LANGUAGE sql STABLE AS $$
	SELECT format(E'### %s.%s\n\n%s\n\n%s\n', n.nspname, c.relname, replace(obj_description(c.oid, 'pg_class'), '<', '&lt;'), pg_temp.columns_of(c.oid))
	  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
	 WHERE n.nspname IN ('medallion', 'etl_logs') AND c.relkind = kind
	 ORDER BY n.nspname COLLATE "C" DESC, c.relname COLLATE "C"
$$;

\echo '# Reference'
\echo
\echo 'Every function, view, table and setting, as the catalog has it: `make docs` writes this page, and a test compares it. Signatures'
\echo 'are as `\\df medallion.*` shows them, texts as `COMMENT ON` has them. Tasks, options and promises: [index](index.md).'
\echo
\echo '## Functions and procedures'
\echo

SELECT format(E'### %s\n\n```\n%s%s(%s)%s\n```\n\n%s\n', proname, CASE prokind WHEN 'p' THEN 'CALL ' ELSE '' END, proname,
			  arguments, coalesce(' → ' || pg_get_function_result(oid), ''), replace(obj_description(oid, 'pg_proc'), '<', '&lt;'))
  FROM (SELECT *, pg_get_function_arguments(oid) AS arguments FROM pg_proc WHERE pronamespace = 'medallion'::regnamespace) p
 WHERE obj_description(oid, 'pg_proc') !~* '^internal'
 ORDER BY proname COLLATE "C", arguments COLLATE "C";
\echo '## Views'
\echo
SELECT line FROM pg_temp.relations('v');
\echo '## Tables'
\echo
SELECT line FROM pg_temp.relations('r');
\echo '## Settings'
\echo
\echo '| setting | default | who may set it | meaning |'
\echo '|---|---|---|---|'
SELECT format('| `%s` | %s | %s | %s |', name, pg_temp.cell(boot_val || coalesce(' ' || nullif(unit, ''), '')),
			  CASE context WHEN 'user' THEN 'everybody' WHEN 'sighup' THEN 'the server''s configuration' ELSE context END, pg_temp.cell(short_desc))
  FROM pg_settings WHERE name LIKE 'medallion.%' ORDER BY name COLLATE "C";
