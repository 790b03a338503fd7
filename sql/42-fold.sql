/* What the fold remembers, and the pieces that it is made of. */

CREATE TABLE medallion.silver_state (
	feature_id		int NOT NULL CONSTRAINT silver_state_feature_id_fkey REFERENCES medallion.features ON DELETE CASCADE
					CONSTRAINT silver_state_pkey PRIMARY KEY,
	taken_until		text NOT NULL,	-- the greatest sequence of an event that silver has taken in
	deleted_until	text			-- the greatest of a delete or snapshot
);
COMMENT ON TABLE medallion.silver_state IS 'how far the events of features with sequence_by go: what is later is in order';

CREATE FUNCTION medallion.later_value(state anyelement, value anyelement)
RETURNS anyelement LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'medallion_later_value';
COMMENT ON FUNCTION medallion.later_value(anyelement, anyelement) IS 'Internal: the step of last_value_given().';

CREATE AGGREGATE medallion.last_value_given(anyelement) (
	SFUNC = medallion.later_value, STYPE = anyelement, PARALLEL = SAFE
);
COMMENT ON AGGREGATE medallion.last_value_given(anyelement) IS
'the last value that is not NULL, in the order of the aggregate or window; NULL if there is none.';

CREATE FUNCTION medallion.verify(feature text, OUT invariant text, OUT checked bigint, OUT broken bigint)
RETURNS SETOF record LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'medallion_verify';
COMMENT ON FUNCTION medallion.verify(text) IS
'What the silver table of a feature promises, and how many of its rows break it: one current version per key, versions numbered in order of time that neither overlap nor repeat, hashes that are those of the values, rows that come from files that count. One scan of the table. Raises if the feature has no silver table yet.';

CREATE FUNCTION medallion.refuse_overlap() RETURNS trigger
	AS 'MODULE_PATHNAME', 'medallion_refuse_overlap'
	LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION medallion.refuse_overlap() IS
'internal: the trigger by which a silver table with history refuses versions of a key that overlap, among them two current ones';

CREATE FUNCTION medallion.key_filter(keys uuid[])
RETURNS bytea LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'medallion_key_filter';
COMMENT ON FUNCTION medallion.key_filter(uuid[]) IS
'Internal: the first four bytes of each key hash, sorted, each once; NULLs are left out.';

CREATE FUNCTION medallion.key_filter_meets(filter bytea, keys uuid[])
RETURNS boolean LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'medallion_key_filter_meets';
COMMENT ON FUNCTION medallion.key_filter_meets(bytea, uuid[]) IS
'Internal: may one of the keys be among those that a key_filter() was made of? False is certain.';

/* Unlogged, and not dumped: what is lost is made again. */
CREATE UNLOGGED TABLE medallion.key_filters (
	file_id			bigint NOT NULL CONSTRAINT key_filters_file_id_fkey REFERENCES medallion.file_versions ON DELETE CASCADE,
	filenode		oid NOT NULL,	-- of the bronze table
	blocks			int8range NOT NULL,
	rows			bigint NOT NULL,	-- of the file version in these blocks
	filter			bytea NOT NULL,
	CONSTRAINT key_filters_pkey PRIMARY KEY (file_id, blocks)
);
COMMENT ON TABLE medallion.key_filters IS 'which keys a piece of bronze may have rows of, by file version: of features whose keys had to be folded anew';
