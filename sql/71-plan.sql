/* What a run would do: asked of ledger and catalog, or by a run that is rolled back. */

/* Here, for what follows asks it; grant_role() fills it. */
CREATE TABLE medallion.operators (
	owner			regrole NOT NULL,
	operator		regrole NOT NULL,
	CONSTRAINT operators_pkey PRIMARY KEY (owner, operator)
);
COMMENT ON TABLE medallion.operators IS 'who may run the features and models of a role without being its member: by grant_role()';

/* A view, for who operates what others own sees its options no more than this. */
CREATE VIEW medallion.runnable AS
SELECT x.* FROM (
	SELECT 'feature' AS kind, f.feature_id AS id, f.name, f.owner, f.options->>'relation' AS relation,
		   coalesce(f.options->'environments'->current_setting('medallion.environment', true)->>'on_missing', f.options->>'on_missing') AS on_missing, false AS is_view
	  FROM medallion.features f
	 UNION ALL
	SELECT 'model', m.model_id, m.name, m.owner, NULL, NULL, m.options->>'materialized' IS NOT DISTINCT FROM 'view' FROM medallion.models m) x
 WHERE pg_has_role(x.owner, 'USAGE') OR EXISTS (SELECT FROM medallion.operators o WHERE o.owner = x.owner AND pg_has_role(o.operator, 'USAGE'));
COMMENT ON VIEW medallion.runnable IS 'the features and models that you may run, as their owner''s member or as operator; relation: what a feature reads besides files; on_missing: what becomes of files that are gone';

CREATE FUNCTION medallion.found_files(feature text, OUT path text, OUT size bigint, OUT mtime_ns bigint, OUT ctime_ns bigint)
RETURNS SETOF record LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'medallion_found_files';
COMMENT ON FUNCTION medallion.found_files(text) IS
'The files under a feature''s patterns as they are now: path, bytes, modification and change time in nanoseconds since 1970. For its owner and its operators; raises for others, and where the feature''s owner may not read the folder.';

CREATE FUNCTION medallion.files(feature text, OUT path text, OUT state text, OUT reason text, OUT size bigint, OUT modified_at timestamptz,
	OUT rows bigint, OUT file_id bigint, OUT run_id bigint)
RETURNS SETOF record LANGUAGE sql VOLATILE STRICT PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
WITH ledger AS MATERIALIZED (
	SELECT v.* FROM medallion.file_versions v JOIN medallion.features f USING (feature_id)
	 WHERE f.name = files.feature AND v.watermark IS NULL AND v.kind = 'file' AND (v.superseded_at IS NULL OR v.refused)),
found AS MATERIALIZED (SELECT * FROM medallion.found_files(files.feature)),
failed AS MATERIALIZED (	-- the last try of a path, where it failed
	SELECT p.* FROM (SELECT DISTINCT ON (p.file_path) p.* FROM etl_logs.file_processing p
					  WHERE p.file_path IN (SELECT path FROM found) ORDER BY p.file_path, p.processing_id DESC) p WHERE p.status = 'FAILED'),
looked AS (
	SELECT coalesce(d.path, l.path) AS path, d.path IS NOT NULL AS is_found, coalesce(d.size, l.size) AS size,
		   to_timestamp(coalesce(d.mtime_ns, l.mtime_ns) / 1e9) AS modified_at, l AS live, w AS refused,
		   d.size = l.size AND d.mtime_ns = l.mtime_ns AND d.ctime_ns = l.ctime_ns AS as_live,
		   d.size = w.size AND d.mtime_ns = w.mtime_ns AND d.ctime_ns = w.ctime_ns AS as_refused,
		   e.error_message, e.run_id AS failed_run_id
	  FROM found d
	  FULL JOIN (SELECT * FROM ledger WHERE superseded_at IS NULL) l ON l.path = d.path
	  LEFT JOIN (SELECT * FROM ledger WHERE refused) w ON w.path = d.path
	  LEFT JOIN failed e ON e.file_path = d.path)
SELECT l.path,
	   CASE WHEN NOT l.is_found THEN 'missing'
			WHEN l.as_refused THEN 'refused'
			WHEN l.as_live THEN lower((l.live).status)
			WHEN l.error_message IS NOT NULL THEN 'failed'
			WHEN (l.live).file_id IS NOT NULL OR (l.refused).file_id IS NOT NULL THEN 'changed'
			ELSE 'new' END,
	   CASE WHEN NOT l.is_found THEN 'gone from its folder; ' || CASE o.on_missing WHEN 'close' THEN 'the next run closes what no other says' WHEN 'restate' THEN 'the next run withdraws it' ELSE 'what it said stays' END
			WHEN l.as_refused THEN format('run %s, which loaded it, was undone; a changed content loads', (l.refused).seen_run_id)
			WHEN l.as_live AND (l.live).status = 'DUPLICATE' THEN
				format('the same content as %s', (SELECT o.path FROM medallion.file_versions o WHERE o.file_id = (l.live).duplicate_of))
			WHEN l.as_live AND (l.live).status = 'EMPTY' THEN 'has no data rows'
			WHEN l.as_live THEN format('version %s, loaded by run %s', (l.live).version, (l.live).loaded_run_id)
			WHEN l.error_message IS NOT NULL THEN format('run %s: %s', l.failed_run_id, l.error_message)
			WHEN (l.live).file_id IS NOT NULL OR (l.refused).file_id IS NOT NULL THEN 'size or times are not those of the ledger: the next run looks at its content'
			ELSE 'no run has seen it' END,
	   l.size, l.modified_at, CASE WHEN l.as_live OR NOT l.is_found THEN (l.live).rows END,
	   coalesce((l.live).file_id, (l.refused).file_id), coalesce((l.live).loaded_run_id, (l.refused).loaded_run_id)
  FROM looked l
  LEFT JOIN medallion.runnable o ON o.kind = 'feature' AND o.name = files.feature
 ORDER BY l.path COLLATE "C"
$$;
COMMENT ON FUNCTION medallion.files(text) IS
'Every file under a feature''s patterns, and those of the ledger that are gone, with state and reason: loaded, empty, duplicate (in force as it stands), new, changed (the next run looks at it), failed (tried again by every run), refused (what undo_run() withdrew), missing. size in bytes; rows, file_id, run_id of the version in force. Changes nothing.';

CREATE FUNCTION medallion.plan(features text[] DEFAULT NULL, layers text[] DEFAULT NULL, OUT layer text, OUT object text, OUT action text,
	OUT files bigint, OUT bytes bigint, OUT expected_rows bigint, OUT reason text)
RETURNS SETOF record LANGUAGE sql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
WITH RECURSIVE wanted AS MATERIALIZED (
	SELECT r.id AS feature_id, r.name, r.relation, f.needs_rebuild FROM medallion.runnable r JOIN medallion.features f ON f.feature_id = r.id
	 WHERE r.kind = 'feature' AND (plan.features IS NULL OR r.name = ANY (plan.features))),
wants AS (SELECT plan.layers IS NULL OR 'bronze' = ANY (plan.layers) AS bronze,
				 plan.layers IS NULL OR 'silver' = ANY (plan.layers) AS silver, plan.layers IS NULL OR 'gold' = ANY (plan.layers) AS gold),
due AS MATERIALIZED (
	SELECT w.feature_id, w.name, w.relation, count(s.path) AS files, sum(s.size)::bigint AS bytes,
		   concat_ws(', ', nullif(count(*) FILTER (WHERE s.state = 'new'), 0) || ' new', nullif(count(*) FILTER (WHERE s.state = 'changed'), 0) || ' changed',
					 nullif(count(*) FILTER (WHERE s.state = 'failed'), 0) || ' failed before') AS reason
	  FROM wanted w LEFT JOIN LATERAL (SELECT * FROM medallion.files(w.name) s WHERE s.state IN ('new', 'changed', 'failed')) s ON (SELECT bronze FROM wants)
	 GROUP BY w.feature_id, w.name, w.relation),
known AS (
	SELECT d.*, (SELECT sum(v.rows) / nullif(sum(v.size), 0) FROM medallion.file_versions v
				  WHERE v.feature_id = d.feature_id AND v.status = 'LOADED' AND v.watermark IS NULL AND v.superseded_at IS NULL) AS rows_per_byte,
		   (SELECT count(*) FROM medallion.file_versions v WHERE v.feature_id = d.feature_id AND v.status = 'LOADED'
			   AND (v.silver_run_id IS NULL OR v.refold OR (v.superseded_at IS NOT NULL AND v.silver_superseded_run_id IS NULL))) AS pending,
		   (SELECT needs_rebuild FROM wanted w WHERE w.feature_id = d.feature_id) AS rebuild
	  FROM due d),
steps AS MATERIALIZED (
	SELECT 'bronze' AS layer, 1 AS place, k.name, k.files, k.bytes, round(k.bytes * k.rows_per_byte)::bigint AS rows,
		   concat_ws('; ', nullif(k.reason, ''), 'relation ' || k.relation || ' is asked for what is new') AS reason, k.feature_id
	  FROM known k WHERE (SELECT bronze FROM wants) AND (k.files > 0 OR k.relation IS NOT NULL)
	 UNION ALL
	SELECT 'silver', 2, k.name, NULL, NULL, CASE WHEN NOT k.rebuild THEN round(k.bytes * k.rows_per_byte)::bigint END,
		   concat_ws('; ', CASE WHEN k.rebuild THEN 'folded anew from all of bronze' END, nullif(k.pending, 0) || ' file versions wait',
					 CASE WHEN k.files > 0 THEN 'files are due' END, CASE WHEN k.relation IS NOT NULL THEN 'its relation may have rows' END), k.feature_id
	  FROM known k WHERE (SELECT silver FROM wants) AND (k.files > 0 OR k.pending > 0 OR k.rebuild OR k.relation IS NOT NULL)),
edges AS MATERIALIZED (SELECT * FROM medallion.model_graph()),
stale AS (
	SELECT m.name, CASE WHEN m.refreshed_run_id IS NULL THEN 'never computed'
						WHEN e.kind = 'relation' THEN format('nothing tells when %s changes', e.depends_on)
						WHEN e.kind = 'feature' THEN format('silver of %s changes', e.depends_on)
						ELSE format('%s changed since', i.kind) END AS reason
	  FROM medallion.models m
	  JOIN medallion.runnable r ON r.kind = 'model' AND r.id = m.model_id
	  LEFT JOIN edges e ON e.model = m.name AND (e.kind = 'relation' OR
				(e.kind = 'feature' AND EXISTS (SELECT FROM steps s WHERE s.place = 2 AND s.name = e.depends_on)))
	  LEFT JOIN medallion.model_inputs i ON i.model_id = m.model_id AND i.changed_run_id IS DISTINCT FROM
				CASE i.kind WHEN 'feature' THEN (SELECT f.changed_run_id FROM medallion.features f WHERE f.feature_id = i.input_id)
					 ELSE (SELECT o.changed_run_id FROM medallion.models o WHERE o.model_id = i.input_id) END
	 WHERE (SELECT gold FROM wants)
	   AND (m.refreshed_run_id IS NULL OR e.model IS NOT NULL OR i.model_id IS NOT NULL)
	 UNION
	SELECT e.model, format('model %s may change', s.name) FROM stale s JOIN edges e ON e.kind = 'model' AND e.depends_on = s.name)
SELECT s.layer, s.name, CASE s.layer WHEN 'bronze' THEN 'load' ELSE 'merge' END, s.files, s.bytes, s.rows, s.reason FROM steps s
 UNION ALL
SELECT 'gold', s.name, 'refresh', NULL, NULL, (SELECT v.rows FROM medallion.volume v WHERE v.layer = 'gold'
		AND v.table_name = format('%I.%I', medallion.layer_schema('gold'), s.name) ORDER BY v.run_id DESC LIMIT 1), min(s.reason)
  FROM stale s JOIN medallion.runnable r ON r.kind = 'model' AND r.name = s.name AND NOT r.is_view GROUP BY s.name
 ORDER BY 1, 2
$$;
COMMENT ON FUNCTION medallion.plan(text[], text[]) IS
'What run_pipeline() would do, from ledger, folders and catalog, without reading a file: one row per step that would do anything, with the reason. bronze: files and their bytes that are new, changed or failed before; expected_rows by the rows per byte of what is loaded. gold: models whose inputs changed or may change. Changes nothing; a file that turns out to say the same makes less of it.';

CREATE FUNCTION medallion.forget_journals() RETURNS void
	AS 'MODULE_PATHNAME', 'medallion_forget_journals'
	LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;
COMMENT ON FUNCTION medallion.forget_journals() IS
'Internal: the runs of this subtransaction leave no log when it is rolled back.';

CREATE FUNCTION medallion.dry_run(features text[] DEFAULT NULL, layers text[] DEFAULT NULL, options jsonb DEFAULT '{}',
	OUT layer text, OUT object text, OUT status text, OUT rows_in bigint, OUT rows_out bigint, OUT elapsed interval, OUT detail jsonb)
RETURNS SETOF record LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	report jsonb;
BEGIN
	BEGIN
		SELECT jsonb_agg(to_jsonb(r)) INTO report FROM medallion.run_pipeline(features, layers, options) r;
		PERFORM medallion.forget_journals();
		RAISE EXCEPTION 'rolled back' USING ERRCODE = 'MDDRY';
	EXCEPTION WHEN SQLSTATE 'MDDRY' THEN
		NULL;
	END;
	RETURN QUERY SELECT r.* FROM jsonb_to_recordset(report) AS r (layer text, object text, status text, rows_in bigint, rows_out bigint, elapsed interval, detail jsonb);
END
$$;
COMMENT ON FUNCTION medallion.dry_run(text[], text[], jsonb) IS
'The real run, reported as by run_pipeline(), then rolled back: data, ledger, logs and configuration are as before; only numbers of sequences are used up. It takes as long as the run, and holds the same locks until the transaction ends.';
