/* Readers: any file on the server as rows or cells. */

CREATE FUNCTION medallion.sheets(path text, OUT sheet text, OUT index int, OUT hidden boolean)
RETURNS SETOF record LANGUAGE C VOLATILE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'medallion_sheets';
COMMENT ON FUNCTION medallion.sheets(text) IS
'The sheets of a workbook in its own order, index from 1, hidden ones included; one nameless sheet for text files. Needs the right to read the file: pg_read_server_files, or a path below medallion.allowed_paths.';

CREATE FUNCTION medallion.read_rows(path text, options jsonb DEFAULT '{}', OUT sheet text, OUT row_no bigint, OUT cells text[])
RETURNS SETOF record LANGUAGE C VOLATILE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'medallion_read_rows';
COMMENT ON FUNCTION medallion.read_rows(text, jsonb) IS
'The rows of every sheet of a file: Excel workbook or delimited text, recognised by content. row_no as the source counts, from 1; cells as text, NULL where empty; rows without any value are left out. options: those of features that say how to read (sheets, range, skip_rows, skip_footer, merged_cells, hidden_rows, delimiter, ...); the header is a row as any other. Raises with file, sheet, row and column where the file is malformed or exceeds a limit.';

CREATE FUNCTION medallion.read_cells(path text, options jsonb DEFAULT '{}', OUT sheet text, OUT row_no bigint, OUT col_no int, OUT kind text, OUT value text)
RETURNS SETOF record LANGUAGE C VOLATILE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'medallion_read_cells';
COMMENT ON FUNCTION medallion.read_cells(text, jsonb) IS
'One row per non-empty cell of a file, row_no and col_no from 1. kind: number, text, boolean, date, timestamp, time, interval, error. Dates are ISO, numbers plain decimals, whatever the workbook shows. Errors as for read_rows().';

CREATE FUNCTION medallion.describe_file(path text, options jsonb DEFAULT '{}', OUT sheet text, OUT sheet_no int, OUT hidden boolean,
	OUT format text, OUT detected text, OUT header_row bigint, OUT rows bigint, OUT columns jsonb)
RETURNS SETOF record LANGUAGE C VOLATILE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'medallion_describe_file';
COMMENT ON FUNCTION medallion.describe_file(text, jsonb) IS
'What a file holds, one row per sheet: the format and what was detected of it, the row of the header, the data rows behind it, and columns, an array of objects: name (as in bronze), original (the header; null: wider than the header), type (what the loader infers, over all rows), filled (rows with a value), distinct (null beyond 10,000), min_length and max_length in characters, example. options: as of features (header, sheets, delimiter, ...). Reads the whole file once, in bounded memory; rows that cannot be read are left out. Raises as read_rows().';
