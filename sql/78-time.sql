/* What a table said at another time, and what runs changed in it. */

CREATE FUNCTION medallion.query_with(query text, relations regclass[], queries text[])
RETURNS text LANGUAGE C STABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'medallion_query_with';
COMMENT ON FUNCTION medallion.query_with(text, regclass[], text[]) IS
'A query with other queries in place of relations, wherever it reads them; each has a column for each of the relation''s, dropped ones too. Raises for anything but a SELECT, and for samples of such a relation.';

/* Silver with history: the versions that had begun, with the ends that had come. */
CREATE FUNCTION medallion.history_as_of(tbl regclass, feature int, at timestamptz)
RETURNS text LANGUAGE sql STABLE STRICT PARALLEL SAFE SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' SET datestyle = 'ISO, YMD' AS $$
SELECT format('SELECT %s FROM %s s WHERE s.%I <= %L', string_agg(CASE
			WHEN a.attisdropped THEN 'NULL'
			WHEN a.attname = h.valid_to THEN format('CASE WHEN s.%1$I > %2$L THEN %3$L ELSE s.%1$I END AS %1$I', h.valid_to, at, h.open_end)
			WHEN a.attname = h.is_current THEN format('(s.%I IS NULL OR s.%1$I > %L) AS %I', h.valid_to, at, h.is_current)
			WHEN a.attname = '_closed_run_id' THEN format('CASE WHEN s.%I <= %L THEN s._closed_run_id END AS _closed_run_id', h.valid_to, at)
			ELSE format('s.%I', a.attname) END, ', ' ORDER BY a.attnum), tbl, min(h.valid_from), at)
  FROM medallion.histories h, pg_attribute a WHERE h.feature_id = feature AND a.attrelid = tbl AND a.attnum > 0
$$;
COMMENT ON FUNCTION medallion.history_as_of(regclass, int, timestamptz) IS 'Internal: the query in place of a silver table with history, as of a time.';

/* What a relation that others read said: silver with history, what models and views make of it, and nothing else. */
CREATE FUNCTION medallion.relation_as_of(tbl regclass, at timestamptz)
RETURNS text LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	here record;
	source regclass;
	inputs regclass[];
	past text;
BEGIN
	SELECT c.relkind, t.layer, t.object, t.feature_id, EXISTS (SELECT FROM pg_attribute a JOIN medallion.histories h ON h.feature_id = t.feature_id
			WHERE a.attrelid = tbl AND a.attname = h.valid_to AND h.kept) AS keeps
	  INTO here FROM pg_class c LEFT JOIN medallion.tables t ON t.table_name = c.oid WHERE c.oid = tbl;
	IF here.layer = 'silver' AND here.keeps THEN
		RETURN medallion.history_as_of(tbl, here.feature_id, at);
	END IF;
	source := CASE WHEN here.relkind = 'v' THEN tbl WHEN here.layer = 'gold' THEN to_regclass(format('%I.%I', medallion.layer_schema('model'), here.object)) END;
	IF source IS NULL THEN
		RAISE EXCEPTION '% keeps no history', tbl USING ERRCODE = 'wrong_object_type',
			HINT = 'Silver tables of features with business keys do (history scd2), and the models and views that read nothing else.';
	END IF;
	inputs := ARRAY(SELECT DISTINCT d.refobjid::regclass FROM pg_rewrite r JOIN pg_depend d ON d.classid = 'pg_rewrite'::regclass AND d.objid = r.oid
					 WHERE r.ev_class = source AND d.refclassid = 'pg_class'::regclass AND d.refobjid <> source);
	past := medallion.query_with(pg_get_viewdef(source), inputs, ARRAY(SELECT medallion.relation_as_of(i, at) FROM unnest(inputs) WITH ORDINALITY u (i, n) ORDER BY n));
	IF source = tbl THEN
		RETURN past;
	END IF;
	RETURN (SELECT format('SELECT %s FROM (%s) q', string_agg(CASE WHEN a.attisdropped THEN 'NULL' WHEN v.attname IS NOT NULL THEN format('q.%I', a.attname)
				ELSE format('NULL::%s AS %I', format_type(a.atttypid, a.atttypmod), a.attname) END, ', ' ORDER BY a.attnum), past)
			  FROM pg_attribute a LEFT JOIN pg_attribute v ON v.attrelid = source AND v.attname = a.attname AND v.attnum > 0 WHERE a.attrelid = tbl AND a.attnum > 0);
END
$$;
COMMENT ON FUNCTION medallion.relation_as_of(regclass, timestamptz) IS 'Internal: the query in place of a relation, as of a time. Raises where the relation, or what it is made of, keeps no history.';

CREATE FUNCTION medallion.as_of_query(tbl regclass, at timestamptz)
RETURNS text LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' SET datestyle = 'ISO, YMD' AS $$
DECLARE
	here record;
BEGIN
	SELECT t.layer, h.* INTO here FROM medallion.tables t LEFT JOIN medallion.histories h USING (feature_id) WHERE t.table_name = tbl;
	IF here.layer = 'silver' AND here.kept AND EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = tbl AND a.attname = here.valid_to) THEN
		RETURN format('SELECT s.* FROM %1$s s WHERE s.%2$I <= %3$L AND (s.%4$I IS NULL OR s.%4$I > %3$L)', tbl, here.valid_from, at, here.valid_to);
	ELSIF here.layer IN ('bronze', 'silver') AND NOT EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = tbl AND a.attname = '_business_key_hash') THEN
		RETURN format('SELECT b.* FROM %s b JOIN medallion.file_versions v ON v.file_id = b._file_id AND v.status = ''LOADED'''
			' AND v.first_seen <= %L AND (v.superseded_at IS NULL OR v.superseded_at > %L)', tbl, at, at);
	END IF;
	RETURN medallion.relation_as_of(tbl, at);
END
$$;
COMMENT ON FUNCTION medallion.as_of_query(regclass, timestamptz) IS
'The SELECT behind as_of(), to put into a query or a view; a model''s is its own query, and runs the functions that its owner named as you.';

CREATE FUNCTION medallion.as_of(tbl regclass, at timestamptz)
RETURNS SETOF jsonb LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' AS $$
DECLARE
	query CONSTANT text := medallion.as_of_query(tbl, at);
	/* a table that somebody put in the place of a feature's is that one's */
	owner CONSTANT regrole := (SELECT CASE WHEN t.model_id IS NOT NULL OR pg_has_role(t.owner, c.relowner, 'MEMBER') THEN t.owner ELSE c.relowner END
								 FROM medallion.tables t JOIN pg_class c ON c.oid = t.table_name WHERE t.table_name = tbl);
BEGIN
	RETURN QUERY SELECT r FROM medallion.rows_as_owner(coalesce(owner, current_user::regrole), format('SELECT to_jsonb(q) FROM (%s) q', query)) r;
END
$$;
COMMENT ON FUNCTION medallion.as_of(regclass, timestamptz) IS
'The rows that a table of a feature or model had at a time, one json object each. silver with history: the versions valid then, as silver knows it now: what was undone or withdrawn since never was. bronze, and silver without history: the rows of the file versions in force then; silver without history has lost those that were superseded since. gold, and views over silver: their query, as it is now, asked of silver as of that time; what the table itself says of runs is NULL. Read as the owner of feature or model, where you may act for that role. rows_as_of() gives them with their types. Raises for models and views that read anything that keeps no history.';

CREATE FUNCTION medallion.rows_as_of(like_table anyelement, at timestamptz)
RETURNS SETOF anyelement LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	tbl regclass := (SELECT t.typrelid FROM pg_type t WHERE t.oid = pg_typeof(like_table) AND t.typrelid <> 0);
BEGIN
	IF tbl IS NULL THEN
		RAISE EXCEPTION 'rows_as_of() needs a row of a table, not %', pg_typeof(like_table) USING ERRCODE = 'wrong_object_type',
			HINT = 'Give the table as NULL of its type: rows_as_of(NULL::silver.orders, now()).';
	END IF;
	RETURN QUERY SELECT q.* FROM jsonb_populate_recordset(like_table, (SELECT jsonb_agg(r) FROM medallion.as_of(tbl, at) r)) q;
END
$$;
COMMENT ON FUNCTION medallion.rows_as_of(anyelement, timestamptz) IS
'as_of() with the columns of the table, which is given as NULL of its type: SELECT * FROM medallion.rows_as_of(NULL::silver.orders, ''2025-01-31'').';

CREATE FUNCTION medallion.run_time(run_id bigint)
RETURNS timestamptz LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	at timestamptz;
BEGIN
	SELECT r.finished_at INTO at FROM medallion.runs r WHERE r.run_id = run_time.run_id;
	IF at IS NULL THEN
		RAISE EXCEPTION 'there is no finished run %', run_id USING ERRCODE = 'undefined_object', HINT = 'medallion.history lists the runs.';
	END IF;
	RETURN at;
END
$$;
COMMENT ON FUNCTION medallion.run_time(bigint) IS 'When a run finished. Raises if there is no such run, or it has not finished.';

CREATE FUNCTION medallion.as_of_run(tbl regclass, run_id bigint)
RETURNS SETOF jsonb LANGUAGE sql VOLATILE STRICT PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS 'SELECT medallion.as_of(tbl, medallion.run_time(run_id))';
COMMENT ON FUNCTION medallion.as_of_run(regclass, bigint) IS 'as_of() at the end of a run.';

CREATE FUNCTION medallion.diff(tbl regclass, run_a bigint, run_b bigint, OUT change text, OUT key jsonb, OUT before jsonb, OUT after jsonb)
RETURNS SETOF record LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' AS $$
DECLARE
	keys text[];
	ours text[] := '{_run_id,_loaded_at,_row_hash}';
BEGIN
	IF EXISTS (SELECT FROM medallion.tables t WHERE t.table_name = tbl AND t.layer <> 'gold') THEN
		ours := ARRAY(SELECT a.attname FROM pg_attribute a WHERE a.attrelid = tbl AND a.attnum > 0 AND NOT a.attisdropped AND a.attname ~ '^_');
	END IF;
	SELECT coalesce(f.business_keys, ARRAY(SELECT jsonb_array_elements_text(coalesce(m.options->'primary_key', m.options->'unique_key'))))
	  INTO keys FROM medallion.tables t LEFT JOIN medallion.features f ON f.feature_id = t.feature_id AND '_business_key_hash' = ANY (ours)
	  LEFT JOIN medallion.models m USING (model_id) WHERE t.table_name = tbl;
	RETURN QUERY
	WITH said AS MATERIALIZED (
		SELECT x.*, row_number() OVER (PARTITION BY x.run, x.ident ORDER BY x.value) AS n
		  FROM (SELECT y.run, y.k, y.r - ours AS r, coalesce(y.r->'_business_key_hash', y.k, y.r - ours) AS ident, coalesce(y.r->'_value_hash', y.r - ours) AS value
				  FROM (SELECT 'a' AS run, r, (SELECT jsonb_object_agg(c, r->c) FROM unnest(keys) c) AS k FROM medallion.as_of(tbl, medallion.run_time(run_a)) r
						 UNION ALL
						SELECT 'b', r, (SELECT jsonb_object_agg(c, r->c) FROM unnest(keys) c) FROM medallion.as_of(tbl, medallion.run_time(run_b)) r) y) x)
	SELECT CASE WHEN a.r IS NULL THEN 'added' WHEN b.r IS NULL THEN 'removed' ELSE 'changed' END, coalesce(b.k, a.k), a.r, b.r
	  FROM (SELECT * FROM said WHERE run = 'a') a FULL JOIN (SELECT * FROM said WHERE run = 'b') b ON a.ident = b.ident AND a.n = b.n
	 WHERE a.value IS DISTINCT FROM b.value
	 ORDER BY 2, 1, 3, 4;
END
$$;
COMMENT ON FUNCTION medallion.diff(regclass, bigint, bigint) IS
'What changed in a table of a feature or model between the ends of two runs: change (added, removed, changed), the business key, or the primary or unique key of a model, where there is one, and the rows before and after without our own columns. Rows without key are added and removed as a whole, as often as they come. Raises as as_of().';
