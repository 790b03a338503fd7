/* Hashing, cleaning, converting: pieces that stand alone. */

CREATE FUNCTION medallion.row_hash(VARIADIC "any")
RETURNS uuid LANGUAGE C IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'medallion_row_hash';
COMMENT ON FUNCTION medallion.row_hash("any") IS
'128-bit hash of a list of up to 100 values: the same on every platform, server version and session; NULL differs from '''', (''a|b'', ''c'') from (''a'', ''b|c''); numbers of all types hash by value, a date as the timestamp of its midnight. A VARIADIC array stands for its elements. The encoding is in docs/row_hash.md. Raises only for a value whose type has no binary form.';

CREATE FUNCTION medallion.pairs_hash(fields record, names text[])
RETURNS uuid LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'medallion_pairs_hash';
COMMENT ON FUNCTION medallion.pairs_hash(record, text[]) IS
'row_hash() of name, value, name, value, ... of the named fields of a record in order of name, fields that are NULL left out: a further field that is NULL changes nothing. Any number of fields. Raises for a name that is NULL or no field.';

CREATE FUNCTION medallion.clean_text(value text, null_tokens text[] DEFAULT NULL, letter_case text DEFAULT NULL)
RETURNS text LANGUAGE C IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'medallion_clean_text';
COMMENT ON FUNCTION medallion.clean_text(text, text[], text) IS
'cuts white space off both ends, no-break spaces and byte order marks included; NULL if nothing is left or what is left is one of null_tokens. letter_case: upper or lower by the rules of the database''s collation, NULL to keep it; raises for another word.';

CREATE FUNCTION medallion.to_numeric(value text, decimal_mark text DEFAULT '.')
RETURNS numeric LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'medallion_to_numeric';
COMMENT ON FUNCTION medallion.to_numeric(text, text) IS
'a number as people type it: thousands marks between groups of three, (1.50) or 1.50- for negative, one currency sign or code, percent (12% is 0.12), exponent up to 1000. NULL if it is none; raises only for a decimal mark that is neither "." nor ",".';

CREATE FUNCTION medallion.to_bigint(value text, decimal_mark text DEFAULT '.')
RETURNS bigint LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'medallion_to_bigint';
COMMENT ON FUNCTION medallion.to_bigint(text, text) IS
'like to_numeric(), for whole numbers: NULL for a fraction or what does not fit.';

CREATE FUNCTION medallion.to_boolean(value text)
RETURNS boolean LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'medallion_to_boolean';
COMMENT ON FUNCTION medallion.to_boolean(text) IS
'true, t, yes, y, on, 1 and their opposites, without regard to case; NULL for anything else.';

CREATE FUNCTION medallion.to_date(value text, field_order text DEFAULT 'DMY')
RETURNS date LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'medallion_to_date';
COMMENT ON FUNCTION medallion.to_date(text, text) IS
'a date as people type it: ISO, three numbers in field_order (DMY, MDY, YMD), eight digits, English month names; two-digit years are 1970 to 2069. NULL if it is none, or has a time of day besides midnight. Raises only for another field_order; no setting of the session matters.';

CREATE FUNCTION medallion.to_timestamp(value text, field_order text DEFAULT 'DMY')
RETURNS timestamp LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'medallion_to_timestamp';
COMMENT ON FUNCTION medallion.to_timestamp(text, text) IS
'like to_date(), with a time of day: 24 hours or AM/PM, fractions to the microsecond, Z or an offset (the result is then in UTC).';
