/* Checks: corrections, quarantine, numbers over time, quality. */

CREATE FUNCTION medallion.correct(file_id bigint, sheet text, row_no bigint, corrected jsonb)
RETURNS void LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'medallion_correct';
COMMENT ON FUNCTION medallion.correct(bigint, text, bigint, jsonb) IS
'Corrects cells of one bronze row: {"column": "the text it should have", "other": null}. Bronze stays as it is; silver reads the corrected texts from the next run on, in every rebuild too. A later call replaces the correction, NULL takes it back. Only who may act for the feature''s owner can; raises if bronze has no such row or column.';

CREATE FUNCTION medallion.reopen_quarantine(feature text, mark boolean)
RETURNS bigint LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'medallion_reopen_quarantine';
COMMENT ON FUNCTION medallion.reopen_quarantine(text, boolean) IS
'Internal: how many rows of a feature are in quarantine. mark: the next run judges them anew.';

CREATE FUNCTION medallion.replay_quarantine(feature text, OUT released bigint, OUT quarantined bigint)
RETURNS record LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	before bigint := medallion.reopen_quarantine(feature, true);
BEGIN
	PERFORM FROM medallion.run_pipeline(ARRAY[feature], '{silver}', '{"on_error": "raise"}');
	quarantined := medallion.reopen_quarantine(feature, false);
	released := before - quarantined;
END
$$;
COMMENT ON FUNCTION medallion.replay_quarantine(text) IS
'Judges the quarantined rows of a feature again, under the rules and corrections of now, and takes those that pass into silver, at their own time: a run of the feature''s silver. Returns how many rows passed, and how many are in quarantine now. Raises if the run fails.';

/* Deequ's OnlineNormalStrategy on the last of a series: mean and variance as they run along, the new value included. */
CREATE FUNCTION medallion.online_normal(series double precision[], deviations double precision)
RETURNS boolean LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	mean double precision := 0;
	before double precision;
	squares double precision := 0;
	n int := cardinality(series);
BEGIN
	FOR i IN 1..n LOOP
		before := mean;
		mean := mean + (series[i] - mean) / i;
		squares := squares + (series[i] - before) * (series[i] - mean);
	END LOOP;
	RETURN n - 1 >= n * 0.1 AND abs(series[n] - mean) > deviations * sqrt(squares / n);
END
$$;
COMMENT ON FUNCTION medallion.online_normal(double precision[], double precision) IS
'Is the last number of a series an anomaly by Deequ''s OnlineNormalStrategy: farther from the running mean than so many running standard deviations?';

CREATE FUNCTION medallion.anomaly(value double precision, history double precision[], measured_at timestamptz[], at timestamptz, rules jsonb)
RETURNS text LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	n int := coalesce(cardinality(history), 0);
	spread record;
	last_week double precision;
	shown text := trim_scale(round(value::numeric, 6));
BEGIN
	IF value IS NULL THEN
		RETURN 'there is no value';
	END IF;
	IF value < (rules->>'min')::double precision OR value > (rules->>'max')::double precision THEN
		RETURN format('%s is outside %s to %s', shown, coalesce(rules->>'min', '-infinity'), coalesce(rules->>'max', 'infinity'));
	END IF;
	IF n > 0 AND abs(value - history[n]) > (rules->>'max_change')::double precision * abs(history[n]) THEN
		RETURN format('%s differs from the last, %s, by more than %s of it', shown, history[n], rules->>'max_change');
	END IF;
	SELECT avg(h) AS mean, stddev_samp(h) AS deviation, count(*) AS count INTO spread FROM unnest(history[n - 29:n]) h;
	IF spread.count >= 5 AND abs(value - spread.mean) > (rules->>'z_score')::double precision * spread.deviation THEN
		RETURN format('%s is more than %s standard deviations, of %s each, from the mean of the last %s, %s', shown, rules->>'z_score',
					  round(spread.deviation::numeric, 6), spread.count, round(spread.mean::numeric, 6));
	END IF;
	SELECT h INTO last_week FROM unnest(history, measured_at) AS s (h, t)
	 WHERE t BETWEEN at - interval '180 hours' AND at - interval '156 hours'
	 ORDER BY abs(extract(epoch FROM at - t) - 604800), t LIMIT 1;
	IF abs(value - last_week) > (rules->>'seasonal')::double precision * abs(last_week) THEN
		RETURN format('%s differs from last week''s, %s, by more than %s of it', shown, last_week, rules->>'seasonal');
	END IF;
	IF medallion.online_normal(history || value, (rules->>'online_normal')::double precision) THEN
		RETURN format('%s is more than %s running standard deviations from the running mean', shown, rules->>'online_normal');
	END IF;
	RETURN NULL;
END
$$;
COMMENT ON FUNCTION medallion.anomaly(double precision, double precision[], timestamptz[], timestamptz, jsonb) IS
'Why a number is not acceptable after its history (oldest first), or NULL. rules, each of which may be missing: min, max; max_change: share of the last value that it may differ by; z_score: standard deviations from the mean of the last 30, from 5 values on; seasonal: share of the value of a week ago (within 12 hours) that it may differ by; online_normal: deviations of Deequ''s OnlineNormalStrategy. What has no history yet passes.';

CREATE FUNCTION medallion.judge_measurement(of_table text, of_metric text, of_column text, measured double precision, rules jsonb, in_run bigint)
RETURNS text LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	fault text;
BEGIN
	SELECT medallion.anomaly(measured, array_agg(m.value ORDER BY m.measurement_id), array_agg(m.measured_at ORDER BY m.measurement_id),
							 clock_timestamp(), rules) INTO fault
	  FROM (SELECT * FROM medallion.measurements WHERE table_name = of_table AND metric = of_metric AND column_name = of_column
			 ORDER BY measurement_id DESC LIMIT 1000) m;
	IF measured IS NOT NULL THEN
		INSERT INTO medallion.measurements (table_name, metric, column_name, value, run_id)
		VALUES (of_table, of_metric, of_column, measured, in_run);
	END IF;
	RETURN fault;
END
$$;
COMMENT ON FUNCTION medallion.judge_measurement(text, text, text, double precision, jsonb, bigint) IS
'Internal: anomaly() of a number after those measured before, which it joins.';

CREATE FUNCTION medallion.run_checks(tbl regclass, checks jsonb, OUT check_name text, OUT kind text, OUT column_name text, OUT status text,
	OUT records_checked bigint, OUT records_affected bigint, OUT details jsonb)
RETURNS SETOF record LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'medallion_run_checks';
COMMENT ON FUNCTION medallion.run_checks(regclass, jsonb) IS
'Runs checks on any table or view that the caller may read: a json array of {kind, columns, params, on_null, warn_if, error_if, warn_count, error_count, action, name} as in option "checks" of a feature; SQL in them names the table''s row d, with a search path of pg_catalog. Returns one row per check and column: PASSED, WARNING or FAILED, with up to five failing rows in details (by primary key, else ctid, else the checked values). Nothing of the table is changed; action "fail" raises, "quarantine" and "drop" are "flag". Numbers of checks with a history are kept by table and check name.';

CREATE FUNCTION medallion.judge_checks(tbl regclass, checks jsonb, OUT check_name text, OUT kind text, OUT column_name text, OUT status text,
	OUT records_checked bigint, OUT records_affected bigint, OUT details jsonb, OUT fails boolean)
RETURNS SETOF record LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'medallion_judge_checks';
COMMENT ON FUNCTION medallion.judge_checks(regclass, jsonb) IS
'Internal: run_checks() for models, which log what all checks found before one of them, for which fails is true, raises.';

CREATE VIEW medallion.quality_scores AS
SELECT d.run_id, d.layer, d.table_name,
	   count(*) AS checks,
	   count(*) FILTER (WHERE d.check_status = 'PASSED') AS passed,
	   count(*) FILTER (WHERE d.check_status = 'WARNING') AS warnings,
	   count(*) FILTER (WHERE d.check_status = 'FAILED') AS failed,
	   round(avg(1 - d.records_affected::numeric / greatest((d.check_details->>'records_checked')::bigint, d.records_affected, 1)), 4) AS score,
	   max(d.checked_at) AS checked_at
  FROM etl_logs.data_quality_checks d
 GROUP BY d.run_id, d.layer, d.table_name;
COMMENT ON VIEW medallion.quality_scores IS 'one row per run and checked table. score: 0 to 1, the mean over its checks of the share of rows that passed; a check of the whole table counts 1 or 0';
