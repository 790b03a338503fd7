/* What checks of a feature ask of a text. */

CREATE FUNCTION medallion.length_outside(value text, minimum int, maximum int)
RETURNS boolean LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'medallion_length_outside';
COMMENT ON FUNCTION medallion.length_outside(text, int, int) IS
'Internal: whether a text has fewer characters than minimum or more than maximum, which are counted only where the number of bytes leaves it open.';

CREATE FUNCTION medallion.lacks(value text, part text)
RETURNS boolean LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'medallion_lacks';
COMMENT ON FUNCTION medallion.lacks(text, text) IS
'Internal: whether part occurs nowhere in value, byte for byte.';

CREATE FUNCTION medallion.is_none_of(value text, known text[])
RETURNS boolean LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'medallion_is_none_of';
COMMENT ON FUNCTION medallion.is_none_of(text, text[]) IS
'Internal: whether value is unlike every text of known, byte for byte; NULL where one of these is NULL.';

