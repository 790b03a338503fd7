/* What a table said at another time, and what runs changed in it. */

CREATE FUNCTION medallion.as_of_query(tbl regclass, at timestamptz)
RETURNS text LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' SET datestyle = 'ISO, YMD' AS $$
DECLARE
	here record;
	begins text;
	ends text;
BEGIN
	SELECT t.*, f.options INTO here FROM medallion.tables t LEFT JOIN medallion.features f USING (feature_id) WHERE t.table_name = tbl;
	IF here.layer IS NULL OR here.layer = 'gold' THEN
		RAISE EXCEPTION '% keeps no history', tbl USING ERRCODE = 'wrong_object_type',
			HINT = 'The bronze and silver tables of features do.' || CASE WHEN here.layer = 'gold' THEN ' A model''s query can be asked of them as of a time.' ELSE '' END;
	END IF;
	begins := medallion.history_column(here.object, 'valid_from');
	ends := medallion.history_column(here.object, 'valid_to');
	IF here.layer = 'silver' AND EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = tbl AND a.attname = '_business_key_hash') THEN
		RETURN format('SELECT s.* FROM %1$s s WHERE s.%2$I <= %3$L AND (s.%4$I IS NULL OR s.%4$I > %3$L)', tbl, begins, at, ends);
	END IF;
	RETURN format('SELECT b.* FROM %s b JOIN medallion.file_versions v ON v.file_id = b._file_id AND v.status = ''LOADED'''
		' AND v.first_seen <= %L AND (v.superseded_at IS NULL OR v.superseded_at > %L)', tbl, at, at);
END
$$;
COMMENT ON FUNCTION medallion.as_of_query(regclass, timestamptz) IS
'The SELECT behind as_of(), to put into a query or a view.';

CREATE FUNCTION medallion.as_of(tbl regclass, at timestamptz)
RETURNS SETOF jsonb LANGUAGE plpgsql STABLE STRICT PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' AS $$
BEGIN
	RETURN QUERY EXECUTE format('SELECT to_jsonb(q) FROM (%s) q', medallion.as_of_query(tbl, at));
END
$$;
COMMENT ON FUNCTION medallion.as_of(regclass, timestamptz) IS
'The rows that a table of a feature had at a time, one json object each. silver with history: the versions valid then, as silver knows it now: what was undone or withdrawn since never was. bronze, and silver without history: the rows of the file versions in force then; silver without history has lost those that were superseded since. rows_as_of() gives them with their types. Raises for gold, which keeps no history.';

CREATE FUNCTION medallion.rows_as_of(like_table anyelement, at timestamptz)
RETURNS SETOF anyelement LANGUAGE plpgsql STABLE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	tbl regclass := (SELECT t.typrelid FROM pg_type t WHERE t.oid = pg_typeof(like_table) AND t.typrelid <> 0);
BEGIN
	IF tbl IS NULL THEN
		RAISE EXCEPTION 'rows_as_of() needs a row of a table, not %', pg_typeof(like_table) USING ERRCODE = 'wrong_object_type',
			HINT = 'Give the table as NULL of its type: rows_as_of(NULL::silver.orders, now()).';
	END IF;
	RETURN QUERY EXECUTE medallion.as_of_query(tbl, at);
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
RETURNS SETOF jsonb LANGUAGE sql STABLE STRICT PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS 'SELECT medallion.as_of(tbl, medallion.run_time(run_id))';
COMMENT ON FUNCTION medallion.as_of_run(regclass, bigint) IS 'as_of() at the end of a run.';

CREATE FUNCTION medallion.diff(tbl regclass, run_a bigint, run_b bigint, OUT change text, OUT key jsonb, OUT before jsonb, OUT after jsonb)
RETURNS SETOF record LANGUAGE plpgsql STABLE STRICT PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' AS $$
DECLARE
	keys text[];
	ours text[];
	ident text;
BEGIN
	SELECT f.business_keys INTO keys FROM medallion.tables t JOIN medallion.features f USING (feature_id) WHERE t.table_name = tbl AND t.layer = 'silver';
	SELECT array_agg(a.attname) INTO ours FROM pg_attribute a WHERE a.attrelid = tbl AND a.attnum > 0 AND NOT a.attisdropped AND a.attname ~ '^_';
	IF '_business_key_hash' = ANY (ours) THEN
		RETURN QUERY EXECUTE format($q$
			SELECT CASE WHEN a.r IS NULL THEN 'added' WHEN b.r IS NULL THEN 'removed' ELSE 'changed' END,
				   (SELECT jsonb_object_agg(k, coalesce(b.r, a.r)->k) FROM unnest($1) k), a.r - $2, b.r - $2
			  FROM (SELECT q._business_key_hash AS h, q._value_hash AS v, to_jsonb(q) AS r FROM (%s) q) a
			  FULL JOIN (SELECT q._business_key_hash AS h, q._value_hash AS v, to_jsonb(q) AS r FROM (%s) q) b ON a.h = b.h
			 WHERE a.v IS DISTINCT FROM b.v ORDER BY 2$q$, medallion.as_of_query(tbl, medallion.run_time(run_a)), medallion.as_of_query(tbl, medallion.run_time(run_b))) USING keys, ours;
		RETURN;
	END IF;
	ident := $q$(SELECT to_jsonb(q) - $1 AS r, row_number() OVER (PARTITION BY to_jsonb(q) - $1) AS n FROM (%s) q)$q$;
	RETURN QUERY EXECUTE format('SELECT CASE WHEN a.r IS NULL THEN ''added'' ELSE ''removed'' END, NULL::jsonb, a.r, b.r FROM '
		|| ident || ' a FULL JOIN ' || ident || ' b ON a.r = b.r AND a.n = b.n WHERE a.r IS NULL OR b.r IS NULL ORDER BY 1, 3, 4',
		medallion.as_of_query(tbl, medallion.run_time(run_a)), medallion.as_of_query(tbl, medallion.run_time(run_b))) USING ours;
END
$$;
COMMENT ON FUNCTION medallion.diff(regclass, bigint, bigint) IS
'What changed in a bronze or silver table between the ends of two runs: change (added, removed, changed), the business key where the table has one, and the rows before and after without our own columns. Rows without key are added and removed as a whole, as often as they come. Raises as as_of().';
