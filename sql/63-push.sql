/* Rows from statements, and features taken back to their start. */

CREATE FUNCTION medallion.push(feature text, rows jsonb)
RETURNS bigint LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'medallion_push';
COMMENT ON FUNCTION medallion.push(text, jsonb) IS
'Adds rows, an object or an array of objects, to the bronze of a feature, as if a json file of them had come in now; returns how many. The next run folds them with what files say. Each call is a version of its own in the ledger, of kind push, and a run of its own in the log. Waits for a run of the feature to end. Raises as a file would fail, for example where schema_evolution is freeze and a key is unknown.';

CREATE FUNCTION medallion.reset_feature(name text)
RETURNS void LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'medallion_reset_feature';
COMMENT ON FUNCTION medallion.reset_feature(text) IS
'Takes a feature back to where it had loaded nothing: bronze and silver are emptied, its ledger, rejects and quarantine forgotten; the next run loads all its files again. Configuration, checks, logs, the tables with their columns and what stands on them stay; rows that were pushed are gone for good. Waits for a run of the feature to end.';
