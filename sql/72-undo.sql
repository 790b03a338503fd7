/* Taking a run back. */

CREATE FUNCTION medallion.undo_run(undone bigint, options jsonb DEFAULT '{}',
	OUT run_id bigint, OUT layer text, OUT object text, OUT status text, OUT rows_in bigint, OUT rows_out bigint,
	OUT elapsed interval, OUT detail jsonb)
RETURNS SETOF record LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'medallion_undo_run';
COMMENT ON FUNCTION medallion.undo_run(bigint, jsonb) IS
'Undoes what a run found: the file versions that it saw first are withdrawn, those they superseded are in force again, silver is folded anew for the keys of both, gold refreshed; later runs stay. All or nothing. A file that still holds what was withdrawn is refused by later runs until it changes; a relation''s watermark stays. options: reload (boolean): the next run may load both again; may be asked for later, by a second call. Returns the rows of the run that did it. Raises if there is no such run, if it is undone already, if rows that would count again were pruned, and where a step of silver or gold fails.';

CREATE FUNCTION medallion.text_type(value text, null_tokens text[])
RETURNS text LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'medallion_text_type';
COMMENT ON FUNCTION medallion.text_type(text, text[]) IS
'The type that a text speaks for by itself, as the loader infers it: boolean, bigint, numeric, date, timestamp, text; empty for white space and for one of null_tokens.';
