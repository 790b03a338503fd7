/* Files as tables that are read where they lie: the foreign data wrapper, and a function. */

CREATE FUNCTION medallion.files_handler()
RETURNS fdw_handler LANGUAGE C VOLATILE STRICT
AS 'MODULE_PATHNAME', 'medallion_files_handler';
COMMENT ON FUNCTION medallion.files_handler() IS 'Internal: the callbacks of foreign data wrapper medallion_files.';

CREATE FUNCTION medallion.files_validator(options text[], catalog oid)
RETURNS void LANGUAGE C VOLATILE STRICT
AS 'MODULE_PATHNAME', 'medallion_files_validator';
COMMENT ON FUNCTION medallion.files_validator(text[], oid) IS
'Internal: checks the options of foreign tables of medallion_files and of their columns.';

CREATE FOREIGN DATA WRAPPER medallion_files HANDLER medallion.files_handler VALIDATOR medallion.files_validator;
COMMENT ON FOREIGN DATA WRAPPER medallion_files IS 'files on the server as tables';

CREATE SERVER medallion_files FOREIGN DATA WRAPPER medallion_files;
COMMENT ON SERVER medallion_files IS
'files on the server as tables: CREATE FOREIGN TABLE ... SERVER medallion_files OPTIONS (path ''...''), IMPORT FOREIGN SCHEMA files FROM SERVER medallion_files INTO ... OPTIONS (path ''...'')';

/* Materialized, not a value per call: the server puts the result of a function in FROM into a tuplestore
 * in either case, and a function that returns record can only stand there. */
CREATE FUNCTION medallion.read_file(path text, options jsonb DEFAULT '{}')
RETURNS SETOF record LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED
AS 'MODULE_PATHNAME', 'medallion_read_file';
COMMENT ON FUNCTION medallion.read_file(text, jsonb) IS
'The rows of the files under a path or pattern with the columns that the query declares: SELECT * FROM medallion.read_file(''sales/*.csv'') AS t (item text, amount numeric, _row bigint). Columns, special columns, conversions and options as for foreign tables of medallion_files. The result is complete before its first row is used, on disk beyond work_mem, and every declared column is converted: a foreign table streams, and reads only what a query uses. Raises with file, sheet, row and column where a value does not convert.';
