/* Profiles, what follows from them, and anomalies in their history. */

/* One call costs what so many of the planner's usual functions do; it is what makes a scan worth sharing. */
CREATE FUNCTION medallion.profile_step(state internal, capacity int, origin oid, place tid, VARIADIC "values" "any")
RETURNS internal LANGUAGE C IMMUTABLE PARALLEL SAFE COST 100
AS 'MODULE_PATHNAME', 'medallion_profile_step';
COMMENT ON FUNCTION medallion.profile_step(internal, int, oid, tid, "any") IS 'Internal: the step of profile_state().';

CREATE FUNCTION medallion.profile_merge(state internal, other internal)
RETURNS internal LANGUAGE C IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'medallion_profile_merge';
COMMENT ON FUNCTION medallion.profile_merge(internal, internal) IS 'Internal: adds what a worker of profile_state() came to.';

CREATE FUNCTION medallion.profile_bytes(state internal)
RETURNS bytea LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'medallion_profile_bytes';
COMMENT ON FUNCTION medallion.profile_bytes(internal) IS 'Internal: what profile_state() came to, as bytes for another process.';

CREATE FUNCTION medallion.profile_of_bytes(bytes bytea, state internal)
RETURNS internal LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'medallion_profile_of_bytes';
COMMENT ON FUNCTION medallion.profile_of_bytes(bytea, internal) IS 'Internal: hands the bytes of profile_bytes() to profile_merge().';

CREATE AGGREGATE medallion.profile_state(capacity int, origin oid, place tid, VARIADIC "values" "any") (
	SFUNC = medallion.profile_step, STYPE = internal, FINALFUNC = medallion.profile_bytes, COMBINEFUNC = medallion.profile_merge,
	SERIALFUNC = medallion.profile_bytes, DESERIALFUNC = medallion.profile_of_bytes, PARALLEL = SAFE
);
COMMENT ON AGGREGATE medallion.profile_state(int, oid, tid, "any") IS
'Internal: what profile() gathers of rows in which parallel workers have a share, as bytes that it alone reads. origin and place: tableoid and ctid of the row.';

CREATE FUNCTION medallion.profile(tbl regclass, options jsonb DEFAULT '{}',
	OUT column_name text, OUT data_type text, OUT records bigint, OUT completeness double precision, OUT exact boolean,
	OUT distinct_count bigint, OUT approx_distinct bigint, OUT distinctness double precision, OUT uniqueness double precision,
	OUT entropy double precision, OUT minimum text, OUT maximum text, OUT mean double precision, OUT stddev double precision,
	OUT quantiles jsonb, OUT histogram jsonb, OUT most_frequent jsonb, OUT min_length int, OUT max_length int,
	OUT mean_length double precision, OUT types jsonb, OUT patterns jsonb)
RETURNS SETOF record LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'medallion_profile';
COMMENT ON FUNCTION medallion.profile(regclass, jsonb) IS
'Metrics of every column of a table or view that the caller may read, in one scan, by Deequ''s definitions: completeness, share of rows that are not NULL; of these: distinct_count; distinctness, distinct values per row; uniqueness, values that occur once per row; entropy in nats; stddev of the population; quantiles as percentile_disc() has them. approx_distinct is HyperLogLog''s. types: as what a text column''s values could be read; patterns: A and a for letters, 9 for digits, x beyond ASCII. NULL where there are no rows, or no values, to tell it. exact: false where a column has more distinct values than capacity, or more than 8 MB of them: then distinct_count, distinctness, uniqueness and entropy are estimated by a sample of distinct values, quantiles and histogram by one of some 16384 to 32768 rows, and most_frequent may miss values. options: columns (array), where (SQL over rows d), top (10 values), bins (10), capacity (16384 distinct values per column), store (true: into medallion.profiles and medallion.measurements).';

CREATE FUNCTION medallion.profile_anomalies(tbl regclass, rules jsonb DEFAULT '{"z_score": 3}', metrics text[] DEFAULT '{records,completeness,distinctness,uniqueness,entropy,mean,stddev}',
	OUT column_name text, OUT metric text, OUT value double precision, OUT reason text)
RETURNS SETOF record LANGUAGE sql STABLE STRICT PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
	SELECT j.column_name, substr(j.metric, 9), j.value, j.reason
	  FROM (SELECT m.column_name, m.metric, m.value, m.measurement_id,
				   row_number() OVER (PARTITION BY m.column_name, m.metric ORDER BY m.measurement_id DESC) AS place,
				   medallion.anomaly(m.value, array_agg(m.value) OVER before, array_agg(m.measured_at) OVER before, m.measured_at, rules) AS reason
			  FROM medallion.measurements m
			 WHERE m.table_name = (SELECT format('%I.%I', n.nspname, c.relname) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = tbl)
			   AND m.metric = ANY (SELECT 'profile.' || x FROM unnest(metrics) x)
			WINDOW before AS (PARTITION BY m.column_name, m.metric ORDER BY m.measurement_id ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)) j
	 WHERE j.place = 1 AND j.reason IS NOT NULL
	 ORDER BY j.column_name COLLATE "C", j.metric COLLATE "C"
$$;
COMMENT ON FUNCTION medallion.profile_anomalies(regclass, jsonb, text[]) IS
'Which numbers of a table''s last profile are no acceptable successors of those before, by the rules of anomaly(). The caller needs the right to read medallion.measurements.';

/* By Deequ''s rules of suggestion. */
CREATE FUNCTION medallion.suggest_checks(tbl regclass, OUT "check" jsonb, OUT reason text)
RETURNS SETOF record LANGUAGE sql VOLATILE STRICT PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
	WITH profiled AS MATERIALIZED (
		SELECT p.*, p.completeness * p.records AS given, p.data_type IN ('smallint', 'integer', 'bigint', 'numeric', 'real', 'double precision') AS is_number
		  FROM medallion.profile(tbl, '{"store": false, "top": 100}') p WHERE p.column_name !~ '^(_|dq_)' AND p.records > 0)
	SELECT jsonb_build_object('name', s.kind || '_' || p.column_name, 'kind', s.kind, 'columns', jsonb_build_array(p.column_name), 'params', s.params) || s.more, s.reason
	  FROM profiled p CROSS JOIN LATERAL (
		SELECT 1 AS place, 'not_null' AS kind, jsonb '{}' AS params, jsonb_build_object('error_if', 0) AS more, 'no value is NULL' AS reason
		 WHERE p.completeness = 1
		UNION ALL
		SELECT 1, 'not_null', '{}', jsonb_build_object('error_if', round((1 - p.completeness + 1.96 * sqrt(p.completeness * (1 - p.completeness) / p.records))::numeric, 4)),
			   format('%s %% of the values are NULL; more than chance explains is an error', round((100 * (1 - p.completeness))::numeric, 2))
		 WHERE p.completeness > 0.2 AND p.completeness < 1
		UNION ALL
		SELECT 2, 'unique', '{}', '{}', 'every value occurs once' WHERE p.uniqueness = 1 AND p.given >= 10
		UNION ALL
		SELECT 3, 'accepted_values', jsonb_build_object('values', (SELECT jsonb_agg(v->'value') FROM jsonb_array_elements(p.most_frequent) v)), '{}',
			   format('%s values make up all rows', p.distinct_count)
		 WHERE p.exact AND p.data_type IN ('text', 'character varying', 'character') AND p.distinct_count <= 100 AND p.distinctness <= 0.1
		UNION ALL
		SELECT 4, 'range', '{"min": 0}', '{}', 'no value is negative' WHERE p.is_number AND p.minimum::numeric >= 0
		UNION ALL
		SELECT 5, 'pattern', jsonb_build_object('pattern', '^' || (SELECT string_agg(CASE c WHEN '9' THEN '[0-9]' WHEN 'a' THEN '[a-z]' WHEN 'A' THEN '[A-Z]'
				   WHEN ' ' THEN '\s' ELSE '[' || c || ']' END, '' ORDER BY n) FROM regexp_split_to_table(p.patterns->0->>'value', '') WITH ORDINALITY r (c, n)) || '$'),
			   '{}', format('all values look like %s', p.patterns->0->>'value')
		 WHERE p.exact AND jsonb_array_length(p.patterns) = 1 AND p.min_length >= 3 AND p.distinct_count >= 10 AND p.patterns->0->>'value' ~ '^[]9aA .,:;/_@#()+-]*$' AND p.patterns->0->>'value' !~ '\]'
		UNION ALL
		SELECT 6, 'length', jsonb_build_object('min', p.min_length, 'max', p.max_length), '{}', format('all values have %s characters', p.min_length)
		 WHERE p.min_length = p.max_length AND p.given >= 10
		UNION ALL
		SELECT 7, 'expression', jsonb_build_object('expression', format('medallion.to_%s(d.%I) IS NOT NULL', t.name, p.column_name)), '{}', format('all texts can be read as %s', t.name)
		  FROM (SELECT max(k) AS name FROM jsonb_object_keys(p.types) k WHERE k <> 'null' HAVING count(*) = 1) t
		 WHERE t.name IN ('boolean', 'bigint', 'numeric', 'date', 'timestamp')) s
	 ORDER BY p.column_name COLLATE "C", s.place
$$;
COMMENT ON FUNCTION medallion.suggest_checks(regclass) IS
'Checks that hold for a table as it is, with the reason, from its profile: not_null, unique, accepted_values, range, pattern, length, and expression for texts that are numbers or times. What jsonb_agg("check") gives can be handed to run_checks() or to option "checks" of a feature.';
