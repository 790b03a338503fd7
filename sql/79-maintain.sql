/* Upkeep: what is no longer needed goes, by policy. */

CREATE FUNCTION medallion.maintain(options jsonb DEFAULT '{}', OUT object text, OUT action text, OUT rows bigint, OUT done boolean, OUT reason text)
RETURNS SETOF record LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' AS $$
DECLARE
	dry CONSTANT boolean := coalesce((options->>'dry_run')::boolean, true);
	superseded CONSTANT interval := CASE WHEN options ? 'superseded' THEN (options->>'superseded')::interval ELSE interval '168 hours' END;
	logs CONSTANT interval := CASE WHEN options ? 'logs' THEN (options->>'logs')::interval ELSE interval '365 days' END;
	quarantine CONSTANT interval := (options->>'quarantine')::interval;
	measurements CONSTANT interval := CASE WHEN options ? 'measurements' THEN (options->>'measurements')::interval ELSE interval '2 years' END;
	f record;
	doomed bigint[];
	wrong text;
	old record;
BEGIN
	SELECT k INTO wrong FROM jsonb_object_keys(options) k WHERE k NOT IN ('dry_run', 'superseded', 'logs', 'quarantine', 'measurements', 'partitions') ORDER BY k LIMIT 1;
	IF wrong IS NOT NULL THEN
		RAISE EXCEPTION 'unrecognized option of maintain() "%"', wrong USING ERRCODE = 'invalid_parameter_value', HINT = 'Known are: dry_run, superseded, logs, quarantine, measurements, partitions.';
	END IF;
	done := NOT dry;

	/* versions of files that count no more; where silver keeps their history, it needs them to fold keys anew */
	FOR f IN SELECT t.table_name, t.owner, t.feature_id, coalesce(x.options->>'on_change', CASE WHEN x.options ? 'sequence_by' THEN 'restate' ELSE 'version' END) = 'restate'
					OR x.business_keys IS NULL OR coalesce(x.options->>'history', '') = 'append' AS forgets,
					x.business_keys IS NOT NULL AND coalesce(x.options->>'on_missing', '') = 'close' AS closes
			   FROM medallion.tables t JOIN medallion.features x USING (feature_id)
			  WHERE t.layer = 'bronze' AND pg_has_role(x.owner, 'USAGE') ORDER BY x.name LOOP
		SELECT coalesce(array_agg(v.file_id), '{}'), coalesce(sum(v.rows), 0) INTO doomed, rows
		  FROM medallion.file_versions v
		 WHERE v.feature_id = f.feature_id AND v.pruned_at IS NULL AND v.rows > 0 AND NOT v.refold AND NOT v.read_again
		   AND coalesce(v.withdrawn_at, v.superseded_at) < now() - superseded
		   AND (v.status IN ('WITHDRAWN', 'REPEATED') OR (f.forgets AND v.silver_superseded_run_id IS NOT NULL AND NOT (f.closes AND v.superseded_by IS NULL)))
		   AND NOT (v.watermark IS NOT NULL AND v.refused);
		IF cardinality(doomed) > 0 THEN
			IF NOT dry THEN
				PERFORM pg_advisory_xact_lock(x'6d65646c'::int, f.feature_id);
				rows := medallion.as_owner(f.owner, format('WITH gone AS (DELETE FROM %s WHERE _file_id = ANY (%L) RETURNING 1)'
														   ' SELECT to_jsonb(count(*)) FROM gone', f.table_name, doomed), NULL)::bigint;
				DELETE FROM medallion.rejects r WHERE r.file_id = ANY (doomed);
				DELETE FROM medallion.corrections c WHERE c.file_id = ANY (doomed);
				DELETE FROM medallion.quarantine q WHERE q.file_id = ANY (doomed);
				UPDATE medallion.file_versions v SET pruned_at = now() WHERE v.file_id = ANY (doomed);
			END IF;
			object := f.table_name; action := 'prune'; done := NOT dry;
			reason := format('%s file versions that count no more since over %s', cardinality(doomed), superseded);
			RETURN NEXT;
		END IF;
		SELECT coalesce(sum(v.rows), 0) INTO rows FROM medallion.file_versions v
		 WHERE v.feature_id = f.feature_id AND NOT f.forgets AND v.status = 'LOADED' AND v.superseded_at < now() - superseded;
		IF rows > 0 THEN
			object := f.table_name; action := 'keep'; done := true; reason := 'superseded, but silver''s history is folded from them';
			RETURN NEXT;
		END IF;
	END LOOP;

	/* rows past their time, where a feature says so: silver is folded without them, gold follows */
	FOR f IN SELECT h.*, x.name FROM medallion.features x, LATERAL medallion.move_horizon(x.name, dry) h
			  WHERE x.options ? 'retain' AND pg_has_role(x.owner, 'USAGE') ORDER BY x.name LOOP
		CONTINUE WHEN f.rows = 0 AND NOT f.refold;
		IF f.refold AND NOT dry THEN
			PERFORM FROM medallion.run_pipeline(ARRAY[f.name], '{silver,gold}', '{"on_error": "raise"}');
		END IF;
		object := format('%I.%I', medallion.layer_schema('silver'), f.name); action := 'retain'; rows := f.rows; done := NOT dry;
		reason := format('older than %s, by option "retain"', f.horizon);
		RETURN NEXT;
	END LOOP;

	/* logs, but for the last word on each object, which views and files() tell; numbers and profiles, but for
	 * those that rules look back on */
	FOR old IN
		SELECT t.*, CASE WHEN t.is_log THEN logs ELSE measurements END AS age,
			   CASE WHEN t.is_log THEN 'log rows older than %s, but for the last of each object' ELSE 'older than %s, but for the last of each' END AS why
		  FROM (VALUES
			(1, true, 'etl_logs.pipeline_runs', 'started_at', 'EXISTS (SELECT FROM etl_logs.pipeline_runs n WHERE n.layer = o.layer AND n.feature_name = o.feature_name AND n.run_id > o.run_id AND n.status = o.status)'),
			(2, true, 'etl_logs.file_processing', 'processed_at', 'EXISTS (SELECT FROM etl_logs.file_processing n WHERE n.file_path = o.file_path AND n.processing_id > o.processing_id)'),
			(3, true, 'etl_logs.data_quality_checks', 'checked_at', 'EXISTS (SELECT FROM etl_logs.data_quality_checks n WHERE n.table_name = o.table_name AND n.check_type = o.check_type AND n.column_name IS NOT DISTINCT FROM o.column_name AND n.check_details->>''check'' IS NOT DISTINCT FROM o.check_details->>''check'' AND n.check_id > o.check_id)'),
			(4, true, 'etl_logs.scd2_history', 'operation_timestamp', 'true'),
			(5, true, 'etl_logs.table_statistics', 'last_updated', 'EXISTS (SELECT FROM etl_logs.table_statistics n WHERE n.table_name = o.table_name AND n.stat_id > o.stat_id)'),
			(8, true, 'medallion.alerts', 'raised_at', 'EXISTS (SELECT FROM medallion.alerts n WHERE n.kind = o.kind AND n.layer IS NOT DISTINCT FROM o.layer AND n.object IS NOT DISTINCT FROM o.object AND n.alert_id > o.alert_id)'),
			(6, false, 'medallion.measurements', 'measured_at', 'o.measurement_id <= (SELECT n.measurement_id FROM medallion.measurements n WHERE (n.table_name, n.metric, n.column_name) = (o.table_name, o.metric, o.column_name) ORDER BY n.measurement_id DESC OFFSET 30 LIMIT 1)'),
			(7, false, 'medallion.profiles', 'profiled_at', 'EXISTS (SELECT FROM medallion.profiles n WHERE n.table_name = o.table_name AND n.column_name = o.column_name AND n.profile_id > o.profile_id)')
			) AS t (place, is_log, name, written_at, condition)
		 ORDER BY t.place LOOP
		CONTINUE WHEN old.age IS NULL;
		EXECUTE format(CASE WHEN dry THEN 'SELECT count(*) FROM %s o WHERE o.%I < $1 AND %s'
				ELSE 'WITH gone AS (DELETE FROM %s o WHERE o.%I < $1 AND %s RETURNING 1) SELECT count(*) FROM gone' END,
			old.name, old.written_at, old.condition) INTO rows USING now() - old.age;
		object := old.name; action := 'delete'; done := NOT dry; reason := format(old.why, old.age);
		IF rows > 0 THEN
			RETURN NEXT;
		END IF;
	END LOOP;

	IF jsonb_typeof(options->'partitions') <> 'null' THEN
		RETURN QUERY SELECT * FROM medallion.maintain_partitions(options->'partitions', dry);
	END IF;

	/* quarantine: only where asked; the rows stay in bronze */
	IF quarantine IS NOT NULL THEN
		object := 'medallion.quarantine'; action := 'delete'; reason := format('of runs that ended over %s ago; the rows stay in bronze', quarantine);
		SELECT count(*) INTO rows FROM medallion.quarantine q JOIN medallion.runs r USING (run_id) WHERE r.finished_at < now() - quarantine;
		IF NOT dry THEN
			DELETE FROM medallion.quarantine q USING medallion.runs r WHERE r.run_id = q.run_id AND r.finished_at < now() - quarantine;
		END IF;
		IF rows > 0 THEN
			RETURN NEXT;
		END IF;
	END IF;

	/* statistics that no longer tell the planner what is there */
	FOR f IN SELECT t.table_name, s.n_mod_since_analyze AS changed
			   FROM medallion.tables t JOIN pg_stat_user_tables s ON s.relid = t.table_name
			  WHERE t.relkind IN ('r', 'p') AND pg_has_role(t.owner, 'USAGE') AND s.n_mod_since_analyze > 1000 + s.n_live_tup / 10 ORDER BY t.qualified_name LOOP
		EXECUTE format('ANALYZE %s', f.table_name);
		object := f.table_name; action := 'analyze'; rows := f.changed; done := true; reason := 'rows changed since the last time';
		RETURN NEXT;
	END LOOP;
END
$$;
COMMENT ON FUNCTION medallion.maintain(jsonb) IS
'Upkeep: deletes from bronze the rows of file versions that count no more (superseded where silver does not keep their history, withdrawn by undo_run()), old log rows, takes out of silver and gold the rows that are past a feature''s option "retain", and ANALYZEs what changed much. Where data would go it only says so, unless options say {"dry_run": false}. options: superseded (interval, 168 hours): how long such versions stay; logs (interval, 365 days; null: keep); measurements (interval, 2 years; null: keep): numbers of checks and profiles, but for the last 30 of each series and the last profile; quarantine (interval; null, the default: keep); partitions ({"older_than": interval, "action": "move", "tablespace": name}, or action detach or drop; none by default): months of silver of features with partition_by; detached and dropped only where keys have no history, for that goes over months. Returns what was done or would be (done), how many rows, and why. Superseded versions of features that keep history by on_change "version" stay: silver is folded from them.';
