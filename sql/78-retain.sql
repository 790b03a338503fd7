/* How old rows may get. */

CREATE TABLE medallion.horizons (
	feature_id		int NOT NULL CONSTRAINT horizons_feature_id_fkey REFERENCES medallion.features ON DELETE CASCADE
					CONSTRAINT horizons_pkey PRIMARY KEY,
	horizon			date NOT NULL,
	moved_at		timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
	moved_by		text NOT NULL DEFAULT session_user
);
COMMENT ON TABLE medallion.horizons IS 'of features with option "retain": rows from before this day are no events; stored by maintain(), so that every fold leaves out the same';

CREATE FUNCTION medallion.move_horizon(feature text, dry boolean, OUT horizon date, OUT rows bigint, OUT refold boolean)
RETURNS record LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'medallion_move_horizon';
COMMENT ON FUNCTION medallion.move_horizon(text, boolean) IS
'Internal, for maintain(): the day (UTC) before which rows of a feature with option "retain" are too old, by now; how many rows of silver are; whether silver has to be folded anew. Unless dry, stores the day. Raises for features without the option, and where "retain_by" is no date or timestamp.';
