/* From a row back to the files that made it, and from a file on to what it became. */

CREATE FUNCTION medallion.query_inputs(query text, OUT place int, OUT relation regclass, OUT input_query text, OUT columns text[], OUT types text[])
RETURNS SETOF record LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'medallion_query_inputs';
COMMENT ON FUNCTION medallion.query_inputs(text) IS
'How to find the rows that a row of a query''s result was made of. Place 0: a statement whose columns k1, k2, ... are those columns of the result that do not come about by aggregates or windows (columns, types), and whose r1, r2, ... are the rows of what the query joins, as jsonb; place 1, 2, ...: what that is, a relation or a query of its own. input_query is NULL at place 0 of a set operation, whose places 1, 2, ... are the queries that it puts together.';

CREATE FUNCTION medallion.as_owner(owner regrole, query text, keys jsonb[])
RETURNS jsonb LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'medallion_as_owner';
COMMENT ON FUNCTION medallion.as_owner(regrole, text, jsonb[]) IS
'Internal: the one jsonb value of a query with parameter keys, run as owner by who may act for that role, and as the caller by all others.';

CREATE FUNCTION medallion.rows_as_owner(owner regrole, query text)
RETURNS SETOF jsonb LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'medallion_rows_as_owner';
COMMENT ON FUNCTION medallion.rows_as_owner(regrole, text) IS
'Internal: the rows of a query, a jsonb value each, run as as_owner() runs it.';

/* The rows of relations that the rows picked by keys were made of: one statement for each query on the way. */
CREATE FUNCTION medallion.trace_query(owner regrole, query text, keys jsonb[], max_rows int, OUT relation regclass, OUT data jsonb)
RETURNS SETOF record LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	inputs record;
	input record;
	condition text;
	chosen jsonb;
	below jsonb[];
BEGIN
	SELECT q.* INTO inputs FROM medallion.query_inputs(query) q WHERE q.place = 0;
	IF inputs.input_query IS NULL THEN		-- a set operation: the same key of each, by place
		FOR input IN SELECT q.* FROM medallion.query_inputs(query) q WHERE q.place > 0 AND q.input_query IS NOT NULL LOOP
			below := ARRAY(SELECT (SELECT coalesce(jsonb_object_agg(input.columns[n], k->inputs.columns[n]), '{}')
									 FROM generate_subscripts(inputs.columns, 1) n WHERE k ? inputs.columns[n]) FROM unnest(keys) k);
			RETURN QUERY SELECT t.* FROM medallion.trace_query(owner, input.input_query, below, max_rows) t;
		END LOOP;
		RETURN;
	END IF;
	IF cardinality(keys) = 1 THEN
		SELECT string_agg(CASE WHEN keys[1]->c.name = 'null' THEN format('k%s IS NULL', c.n)
							   WHEN jsonb_typeof(keys[1]->c.name) IN ('object', 'array') THEN format('to_jsonb(k%s) = %L', c.n, keys[1]->c.name)
							   ELSE format('k%s = %L::%s', c.n, keys[1]->>c.name, inputs.types[c.n]) END, ' AND ')
		  INTO condition FROM unnest(inputs.columns) WITH ORDINALITY c (name, n) WHERE keys[1] ? c.name;
	ELSE
		SELECT format('jsonb_build_object(%s) = ANY ($1)', string_agg(format('%L, k%s', c.name, c.n), ', ')),
			   ARRAY(SELECT (SELECT jsonb_object_agg(e.key, e.value) FROM jsonb_each(k) e WHERE e.key = ANY (inputs.columns)) FROM unnest(keys) k)
		  INTO condition, below
		  FROM unnest(inputs.columns) WITH ORDINALITY c (name, n) WHERE keys[1] ? c.name;
	END IF;
	chosen := medallion.as_owner(owner, format('SELECT coalesce(jsonb_agg(to_jsonb(q)), ''[]'') FROM (SELECT * FROM (%s) q WHERE %s LIMIT %s) q',
												 inputs.input_query, coalesce(condition, 'true'), max_rows), below);
	FOR input IN SELECT q.* FROM medallion.query_inputs(query) q WHERE q.place > 0 LOOP
		below := ARRAY(SELECT DISTINCT r->('r' || input.place) FROM jsonb_array_elements(chosen) r
						WHERE jsonb_typeof(r->('r' || input.place)) = 'object'
						  AND EXISTS (SELECT FROM jsonb_each(r->('r' || input.place)) e WHERE e.value <> 'null'));
		CONTINUE WHEN cardinality(below) = 0;
		IF input.relation IS NOT NULL AND (SELECT relkind FROM pg_class WHERE oid = input.relation) = 'v'
		   AND NOT EXISTS (SELECT FROM medallion.tables t WHERE t.table_name = input.relation) THEN
			input.input_query := pg_get_viewdef(input.relation);
			input.relation := NULL;
		END IF;
		IF input.relation IS NOT NULL THEN
			RETURN QUERY SELECT input.relation, b FROM unnest(below) b;
		ELSIF input.input_query IS NOT NULL THEN
			RETURN QUERY SELECT t.* FROM medallion.trace_query(owner, input.input_query, below, max_rows) t;
		END IF;
	END LOOP;
END
$$;
COMMENT ON FUNCTION medallion.trace_query(regrole, text, jsonb[], int) IS
'Internal: the rows of tables that those rows of a query''s result were made of that any of keys, objects of columns and values, picks; at most max_rows of each query.';

/* One step back from rows of a table, and so on to files. */
CREATE FUNCTION medallion.trace_rows(tbl regclass, picked jsonb[], at_step int, max_rows int, OUT step int, OUT layer text, OUT object text, OUT data jsonb,
	OUT path text, OUT sheet text, OUT "row" bigint, OUT file_id bigint, OUT run_id bigint)
RETURNS SETOF record LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	here record;
	origin record;
	bronze regclass;
BEGIN
	SELECT t.* INTO here FROM medallion.tables t WHERE t.table_name = tbl;
	SELECT t.table_name INTO bronze FROM medallion.tables t WHERE t.layer = 'bronze' AND t.feature_id = here.feature_id AND here.layer = 'silver';
	RETURN QUERY
	SELECT at_step, coalesce(here.layer, 'relation'), coalesce(here.object, tbl::text), f.data, v.path, f.data->>'_sheet', (f.data->>'_row')::bigint,
		   (f.data->>'_file_id')::bigint, coalesce(f.data->>'_opened_run_id', f.data->>'_run_id')::bigint
	  FROM unnest(picked) f (data)
	  LEFT JOIN medallion.file_versions v ON here.layer IN ('silver', 'bronze') AND v.file_id = (f.data->>'_file_id')::bigint
	 ORDER BY v.path COLLATE "C", f.data->>'_sheet', (f.data->>'_row')::bigint, f.data;
	IF here.layer = 'silver' AND NOT has_table_privilege(bronze, 'SELECT') THEN		-- what silver masks is not told by a way round it
		RETURN QUERY
		SELECT DISTINCT at_step + 1, 'bronze', here.object, NULL::jsonb, v.path, f->>'_sheet', (f->>'_row')::bigint, v.file_id, v.loaded_run_id
		  FROM unnest(picked) f JOIN medallion.file_versions v ON v.file_id = (f->>'_file_id')::bigint ORDER BY 5, 6, 7;
	ELSIF here.layer = 'silver' THEN
		FOR origin IN SELECT t.table_name, ARRAY(SELECT jsonb_array_elements(medallion.as_owner(t.owner, format('SELECT jsonb_agg(to_jsonb(b)) FROM %s b JOIN'
				' (SELECT DISTINCT (f->>''_file_id'')::bigint AS file_id, f->>''_sheet'' AS sheet, (f->>''_row'')::bigint AS row'
				' FROM unnest($1) f) a ON b._file_id = a.file_id AND b._sheet = a.sheet AND b._row = a.row', t.table_name), picked))) AS rows
						FROM medallion.tables t WHERE t.layer = 'bronze' AND t.feature_id = here.feature_id LOOP
			RETURN QUERY SELECT t.* FROM medallion.trace_rows(origin.table_name, origin.rows, at_step + 1, max_rows) t;
		END LOOP;
	ELSIF here.layer = 'gold' THEN
		FOR origin IN SELECT q.relation, array_agg(DISTINCT q.data) AS rows
						FROM medallion.trace_query(here.owner, pg_get_viewdef(to_regclass(format('%I.%I', medallion.layer_schema('model'), here.object))),
												   ARRAY(SELECT f - '{_run_id,_loaded_at,_row_hash}'::text[] FROM unnest(picked) f), max_rows) q
					   GROUP BY q.relation ORDER BY q.relation::text COLLATE "C" LOOP
			RETURN QUERY SELECT t.* FROM medallion.trace_rows(origin.relation, origin.rows, at_step + 1, max_rows) t;
		END LOOP;
	END IF;
END
$$;
COMMENT ON FUNCTION medallion.trace_rows(regclass, jsonb[], int, int) IS 'Internal: trace() from rows that are found.';

CREATE FUNCTION medallion.trace(tbl regclass, key jsonb, max_rows int DEFAULT 1000, OUT step int, OUT layer text, OUT object text, OUT data jsonb,
	OUT path text, OUT sheet text, OUT "row" bigint, OUT file_id bigint, OUT run_id bigint)
RETURNS SETOF record LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' SET datestyle = 'ISO, YMD' SET intervalstyle = 'postgres' AS $$
DECLARE
	wrong text;
	start record;
BEGIN
	IF jsonb_typeof(key) <> 'object' THEN
		RAISE EXCEPTION 'the key of trace() must be a json object' USING ERRCODE = 'invalid_parameter_value', HINT = 'Such as {"customer": "C17", "day": "2025-01-31"}.';
	END IF;
	SELECT k INTO wrong FROM jsonb_object_keys(key) k
	 WHERE NOT EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = tbl AND a.attname = k AND a.attnum > 0 AND NOT a.attisdropped) ORDER BY k LIMIT 1;
	IF wrong IS NOT NULL THEN
		RAISE EXCEPTION 'table % has no column "%"', tbl, wrong USING ERRCODE = 'undefined_column',
			HINT = format('Its columns: %s.', (SELECT string_agg(a.attname, ', ' ORDER BY a.attnum) FROM pg_attribute a WHERE a.attrelid = tbl AND a.attnum > 0 AND NOT a.attisdropped));
	END IF;
	FOR start IN
		SELECT q.relation, array_agg(DISTINCT q.data) AS rows
		  FROM medallion.trace_query((SELECT c.relowner FROM pg_class c WHERE c.oid = tbl), format('SELECT * FROM %s', tbl), ARRAY[key], max_rows) q GROUP BY q.relation ORDER BY q.relation::text COLLATE "C" LOOP
		RETURN QUERY SELECT t.* FROM medallion.trace_rows(start.relation, start.rows, 1, max_rows) t;
	END LOOP;
END
$$;
COMMENT ON FUNCTION medallion.trace(regclass, jsonb, int) IS
'What made a row: the rows of a gold, silver or bronze table, or a view over them, that key (an object of columns and values) picks, as step 1; then, step by step, the rows that these were made of, down to the rows of files: path, sheet, row as the file counts, and the run that loaded it. A row of a gold model with groups leads to all rows of its group; columns that come about by aggregates or windows do not narrow the search. At most max_rows per query on the way. Needs the right to read the tables; a model''s query is asked as its owner where you may act for that role; of bronze that you may not read, where silver may be masked, the addresses are told without the data. Raises for an unknown column.';

CREATE FUNCTION medallion.trace_file(file text, OUT file_id bigint, OUT path text, OUT version int, OUT status text, OUT layer text, OUT object text, OUT what text, OUT rows bigint)
RETURNS SETOF record LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	f record;
	silver record;
	bronze bigint;
BEGIN
	FOR f IN SELECT v.*, x.name, x.business_keys FROM medallion.file_versions v JOIN medallion.features x USING (feature_id)
			  WHERE v.path = file OR v.path LIKE '%/' || replace(replace(replace(file, '\', '\\'), '%', '\%'), '_', '\_') ORDER BY v.path COLLATE "C", v.file_id LOOP
		file_id := f.file_id; path := f.path; version := f.version; status := f.status; object := f.name;
		layer := 'bronze'; what := CASE WHEN f.status = 'DUPLICATE' THEN format('the same as file %s', f.duplicate_of)
										WHEN f.superseded_by IS NOT NULL THEN format('rows, superseded by file %s', f.superseded_by)
										WHEN f.pruned_at IS NOT NULL THEN 'rows, pruned since' ELSE 'rows' END; rows := f.rows;
		RETURN NEXT;
		SELECT count(*) INTO bronze FROM medallion.rejects r WHERE r.file_id = f.file_id;
		IF bronze > 0 THEN what := 'rows that could not be read'; rows := bronze; RETURN NEXT; END IF;
		SELECT count(*) INTO bronze FROM medallion.quarantine q WHERE q.file_id = f.file_id;
		IF bronze > 0 THEN layer := 'silver'; what := 'rows in quarantine'; rows := bronze; RETURN NEXT; END IF;
		layer := 'silver';
		FOR silver IN SELECT t.table_name, EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = t.table_name AND a.attname = '_business_key_hash') AS keeps
						FROM medallion.tables t WHERE t.layer = 'silver' AND t.feature_id = f.feature_id LOOP
			FOR what, rows IN EXECUTE format('SELECT %s AS what, count(*) FROM %s s WHERE s._file_id = $1 GROUP BY 1 ORDER BY 1 DESC',
					CASE WHEN silver.keeps THEN format('CASE WHEN s.%I THEN ''versions, current'' ELSE ''versions, closed'' END', medallion.history_column(f.name, 'is_current')) ELSE '''rows''' END, silver.table_name) USING f.file_id LOOP
				RETURN NEXT;
			END LOOP;
		END LOOP;
		CONTINUE WHEN f.status <> 'LOADED';
		RETURN QUERY
		WITH RECURSIVE reached AS (
			SELECT g.model, 1 AS away FROM medallion.model_graph() g WHERE g.kind = 'feature' AND g.depends_on = f.name
			 UNION SELECT g.model, r.away + 1 FROM reached r JOIN medallion.model_graph() g ON g.kind = 'model' AND g.depends_on = r.model)
		SELECT f.file_id, f.path, f.version, f.status, 'gold', r.model, format('reads it, %s', CASE min(r.away) WHEN 1 THEN 'directly' ELSE 'through ' || min(r.away) - 1 || ' models' END), NULL::bigint
		  FROM reached r GROUP BY r.model ORDER BY min(r.away), r.model;
	END LOOP;
END
$$;
COMMENT ON FUNCTION medallion.trace_file(text) IS
'What a file became, by its path or the end of it: for each of its versions the rows in bronze, those that could not be read or are in quarantine, the silver versions that its rows opened, and the gold models that read the feature. No row if no run has seen it.';
