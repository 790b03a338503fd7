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

CREATE FUNCTION medallion.pairs_hash(names text[], VARIADIC "any")
RETURNS uuid LANGUAGE C IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'medallion_pairs_hash_values';
COMMENT ON FUNCTION medallion.pairs_hash(text[], "any") IS
'the same of values that stand by themselves, one for each name: quicker, for no record is made. Up to 99 values; NULL if names is NULL; raises if there are more or fewer values than names, or a name is NULL.';

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

CREATE FUNCTION medallion.to_boolean(value text, true_words text[] DEFAULT NULL, false_words text[] DEFAULT NULL)
RETURNS boolean LANGUAGE C IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'medallion_to_boolean';
COMMENT ON FUNCTION medallion.to_boolean(text, text[], text[]) IS
'true, t, yes, y, on, 1 and their opposites, without regard to case; NULL for anything else. true_words, false_words: stand instead of the words for true or for false.';

CREATE FUNCTION medallion.to_date(value text, field_order text DEFAULT 'DMY', formats text[] DEFAULT NULL, numbers text DEFAULT NULL)
RETURNS date LANGUAGE C IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'medallion_to_date';
COMMENT ON FUNCTION medallion.to_date(text, text, text[], text) IS
'a date as people type it: ISO, three numbers in field_order (DMY, MDY, YMD), eight digits, English month names; two-digit years are 1970 to 2069. formats: only what is in one of these, made of YYYY, YY, MM, MON, MONTH, DD, HH24, HH12, HH, MI, SS, FF, AM, PM, TZ and other characters that stand for themselves. numbers: a plain number counts excel or excel1904 (days as workbooks do), s, ms, us since 1970, or epoch (one of these three, by its size). NULL if it is none, or has a time of day besides midnight. Raises for another field_order or word for numbers, and a format without year, month and day; no setting of the session matters.';

CREATE FUNCTION medallion.to_timestamp(value text, field_order text DEFAULT 'DMY', formats text[] DEFAULT NULL, numbers text DEFAULT NULL)
RETURNS timestamp LANGUAGE C IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'medallion_to_timestamp';
COMMENT ON FUNCTION medallion.to_timestamp(text, text, text[], text) IS
'like to_date(), with a time of day: 24 hours or AM/PM, fractions to the microsecond, Z or an offset (the result is then in UTC).';

CREATE FUNCTION medallion.mask(value text, kind text, salt text DEFAULT '')
RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN value IS NULL THEN NULL
	WHEN kind OPERATOR(pg_catalog.=) 'hash' THEN pg_catalog.encode(pg_catalog.sha256(pg_catalog.convert_to(salt OPERATOR(pg_catalog.||) value, 'UTF8')), 'hex')
	WHEN kind OPERATOR(pg_catalog.=) 'last4' THEN pg_catalog.repeat('*', GREATEST(pg_catalog.length(value) OPERATOR(pg_catalog.-) 4, 4)) OPERATOR(pg_catalog.||)
		CASE WHEN pg_catalog.length(value) OPERATOR(pg_catalog.>) 4 THEN pg_catalog."right"(value, 4) ELSE '' END
	WHEN kind OPERATOR(pg_catalog.=) 'redact' THEN '***' END;
COMMENT ON FUNCTION medallion.mask(text, text, text) IS
'hides a value. kind: hash, SHA-256 of salt and value in hexadecimal, equal for equal values; last4, stars but for the last four characters (stars alone for up to four); redact, three stars. NULL for NULL and for another kind.';
