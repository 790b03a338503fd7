/* Maintenance windows: times in which schedules rest. */

CREATE TABLE medallion.windows (
	name			text CONSTRAINT windows_pkey PRIMARY KEY CONSTRAINT windows_name_check CHECK (name <> '' AND octet_length(name) < 64),
	owner			regrole NOT NULL,
	cron			text NOT NULL,	-- when it opens
	duration		interval NOT NULL CONSTRAINT windows_duration_check CHECK (duration > '0' AND duration <= '31 days'),
	pipeline		text NOT NULL DEFAULT '*',	-- '*': all
	time_zone		text NOT NULL DEFAULT 'UTC',
	reason			text
);
COMMENT ON TABLE medallion.windows IS 'times in which runs of schedules are skipped';

CREATE FUNCTION medallion.store_window(name text, cron text, duration interval, pipeline text, time_zone text, reason text)
RETURNS void LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'medallion_store_window';
COMMENT ON FUNCTION medallion.store_window(text, text, interval, text, text, text) IS 'Internal: remembers what add_window() was told.';

CREATE FUNCTION medallion.add_window(name text, cron text, duration interval, pipeline text DEFAULT '*', time_zone text DEFAULT 'UTC', reason text DEFAULT NULL)
RETURNS void LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	IF num_nulls(name, cron, duration, pipeline, time_zone) > 0 THEN
		RAISE EXCEPTION 'arguments of add_window() must not be NULL, but for the reason' USING ERRCODE = 'null_value_not_allowed';
	END IF;
	IF cron ~ 'second' THEN
		RAISE EXCEPTION 'a window opens at a cron expression of five fields, not "%"', cron USING ERRCODE = 'invalid_parameter_value';
	END IF;
	PERFORM medallion.cron_last(cron, now(), time_zone);
	PERFORM medallion.store_window(name, cron, duration, pipeline, time_zone, reason);
END
$$;
COMMENT ON FUNCTION medallion.add_window(text, text, interval, text, text, text) IS
'A time in which runs of schedules are skipped, and logged as SKIPPED with the reason; or another meaning of the name. It opens at the times of cron (five fields, in time_zone) for a duration of up to 31 days; pipeline: only runs of that name ("default" has no other), * for all. Runs that go on, and those that somebody calls, are not stopped. Raises for what is no cron expression.';

CREATE FUNCTION medallion.drop_window(name text)
RETURNS boolean LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'medallion_drop_window';
COMMENT ON FUNCTION medallion.drop_window(text) IS 'Takes a window back; false if there was none.';

CREATE FUNCTION medallion.open_window(pipeline text DEFAULT 'default', at timestamptz DEFAULT clock_timestamp(),
	OUT name text, OUT opened_at timestamptz, OUT closes_at timestamptz, OUT reason text)
RETURNS SETOF record LANGUAGE sql STABLE STRICT PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
	SELECT w.name, o.opened_at, o.opened_at + w.duration, w.reason
	  FROM medallion.windows w
	 CROSS JOIN LATERAL (SELECT medallion.cron_last(w.cron, at, w.time_zone)) o (opened_at)
	 WHERE w.pipeline IN ('*', open_window.pipeline) AND at < o.opened_at + w.duration
	 ORDER BY o.opened_at + w.duration DESC, w.name COLLATE "C"
$$;
COMMENT ON FUNCTION medallion.open_window(text, timestamptz) IS
'The windows in which a pipeline''s schedules rest at a time, the one that closes last first.';
