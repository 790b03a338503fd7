/*
 * discover(): a folder -> features to create.
 *
 * C lists, describes and samples files (src/bronze/describe.c); which sheets
 * belong together, which patterns find them and what identifies their rows is
 * set logic and stands here.
 */

CREATE FUNCTION medallion.list_files(root text, OUT path text, OUT relative text, OUT series text, OUT size bigint)
RETURNS SETOF record LANGUAGE C VOLATILE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'medallion_list_files';
COMMENT ON FUNCTION medallion.list_files(text) IS
'Internal: the files below a folder at any depth. series: the folders between the two, with runs of years, months, dates and key=value as one "**".';

CREATE FUNCTION medallion.describe_sample(path text, options jsonb, sample_rows bigint, OUT sheet text, OUT sheet_no int, OUT hidden boolean,
	OUT format text, OUT detected text, OUT header_row bigint, OUT rows bigint, OUT columns jsonb)
RETURNS SETOF record LANGUAGE C VOLATILE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'medallion_describe_file';
COMMENT ON FUNCTION medallion.describe_sample(text, jsonb, bigint) IS 'Internal: describe_file() over the first rows of each sheet.';

CREATE FUNCTION medallion.sample_file(path text, options jsonb, names text[], sample_rows bigint, OUT sheet text, OUT cells text[])
RETURNS SETOF record LANGUAGE C VOLATILE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'medallion_sample_file';
COMMENT ON FUNCTION medallion.sample_file(text, jsonb, text[], bigint) IS
'Internal: these columns, by cleaned name, of the first rows of each sheet; NULL where a sheet lacks one.';

/* Does a header look like a row of data?  header.c takes the first row where none of the first looks like a header. */
CREATE FUNCTION medallion.header_is_data(columns jsonb)
RETURNS boolean LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
	SELECT coalesce(count(*) FILTER (WHERE c->>'original' ~ '^-?[0-9][0-9.,:/ -]*$') > 0, false)
	  FROM jsonb_array_elements(columns) c
	 WHERE c->>'original' <> ''
$$;
COMMENT ON FUNCTION medallion.header_is_data(jsonb) IS 'Internal: is one of the headers a number or a date?';

/* Names of months, numbers and dates out of a name: what is left is common to the files of a series. */
CREATE FUNCTION medallion.name_pattern(name text)
RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
	SELECT regexp_replace(regexp_replace(
		regexp_replace(lower(name), '([][*?\\])', '?', 'g'),
		'(?<![[:alpha:]])(january|february|march|april|may|june|july|august|september|october|november|december|jan|feb|mar|apr|jun|jul|aug|sept?|oct|nov|dec)(?![[:alpha:]])', '*', 'g'),
		'[0-9*]+([-_. ]*[0-9*]+)*', '*', 'g')
$$;
COMMENT ON FUNCTION medallion.name_pattern(text) IS 'Internal: a file''s or sheet''s name as a glob, with "*" for months, numbers and dates.';

/* A glob over relative paths as a regular expression. */
CREATE FUNCTION medallion.glob_regexp(pattern text)
RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
	SELECT '^' || replace(replace(replace(replace(replace(
		regexp_replace(pattern, '([.+^$(){}|])', '\\\1', 'g'),
		'**/', E'\x01'), '*', '[^/]*'), '?', '[^/]'), E'\x01', '(.*/)?'), '[!', '[^') || '$'
$$;
COMMENT ON FUNCTION medallion.glob_regexp(text) IS 'Internal: a glob with "**" as a regular expression.';

/* Every sheet of every readable file below a folder. */
CREATE FUNCTION medallion.discover_sheets(root text, options jsonb, sample_rows bigint, OUT path text, OUT relative text, OUT series text,
	OUT sheet text, OUT headless boolean, OUT header_row bigint, OUT rows bigint, OUT names text[], OUT columns jsonb)
RETURNS SETOF record LANGUAGE plpgsql VOLATILE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	file record;
	part record;
BEGIN
	FOR file IN SELECT l.path, l.relative, l.series FROM medallion.list_files(root) l WHERE l.size > 0 LOOP
		path := file.path;
		relative := file.relative;
		series := file.series;
		BEGIN
			FOR part IN SELECT d.*, d.rows > 0 AND NOT options ? 'header' AND medallion.header_is_data(d.columns) AS data
						  FROM medallion.describe_sample(file.path, options, sample_rows) d
						 WHERE jsonb_array_length(d.columns) > 0 LOOP
				headless := part.data;
				sheet := part.sheet;
				header_row := part.header_row;
				rows := part.rows;
				columns := part.columns;
				IF headless THEN
					SELECT d.rows, d.columns INTO rows, columns
					  FROM medallion.describe_sample(file.path, options || '{"header": "none"}', sample_rows) d
					 WHERE d.sheet_no = part.sheet_no;
				END IF;
				names := ARRAY(SELECT c.item->>'name' FROM jsonb_array_elements(columns) WITH ORDINALITY c (item, n)
								WHERE headless OR c.item->'original' <> 'null' ORDER BY c.n);
				RETURN NEXT;
			END LOOP;
		EXCEPTION WHEN OTHERS THEN
			RAISE NOTICE 'file "%" was passed over: %', file.relative, SQLERRM;
		END;
	END LOOP;
END
$$;
COMMENT ON FUNCTION medallion.discover_sheets(text, jsonb, bigint) IS
'Internal: the sheets below a folder that have a header, described over their first rows; a file that cannot be read is a NOTICE.';

/*
 * The sheets that belong together, by number of group.  A header joins the
 * largest one of its series that has all its columns; a single column alone
 * says too little to join others.
 */
CREATE FUNCTION medallion.discover_groups(root text, options jsonb, sample_rows bigint, OUT group_no bigint, OUT path text, OUT relative text,
	OUT series text, OUT sheet text, OUT sheet_key text, OUT headless boolean, OUT rows bigint, OUT names text[], OUT columns jsonb)
RETURNS SETOF record LANGUAGE sql VOLATILE PARALLEL SAFE SET jit = off SET search_path = pg_catalog, pg_temp AS $$
	WITH sheets AS MATERIALIZED (
		SELECT s.*, ARRAY(SELECT unnest(s.names) ORDER BY 1) AS header
		  FROM medallion.discover_sheets(root, options, sample_rows) s
	), headers AS MATERIALIZED (
		SELECT DISTINCT s.series, s.headless, s.header FROM sheets s WHERE s.rows > 0
	), joined AS MATERIALIZED (
		-- a sheet without rows, as the title page of a workbook, makes no feature; an empty month belongs to one
		SELECT s.*, (SELECT h.header FROM headers h
					  WHERE h.series = s.series AND (h.headless = s.headless OR s.rows = 0)
						AND (h.header = s.header OR (cardinality(s.header) > 1 AND h.header @> s.header))
					  ORDER BY cardinality(h.header) DESC, h.header LIMIT 1) AS whole
		  FROM sheets s
	), patterns AS MATERIALIZED (
		SELECT j.*, medallion.name_pattern(j.sheet) AS pattern FROM joined j
	), named AS MATERIALIZED (
		-- names of sheets tell features apart where a file has other sheets beside these, or where every file
		-- has the same several; where only some have several, they are parts of one whole
		SELECT p.series, p.whole, p.headless,
			   (count(DISTINCT p.pattern) > 1
				AND count(DISTINCT (p.path, p.pattern)) = count(DISTINCT p.path) * count(DISTINCT p.pattern))
			   OR bool_or(EXISTS (SELECT FROM patterns o WHERE o.path = p.path AND o.whole IS DISTINCT FROM p.whole)) AS named
		  FROM patterns p
		 WHERE p.whole IS NOT NULL
		 GROUP BY p.series, p.whole, p.headless
	), crowded AS MATERIALIZED (
		SELECT p.*, coalesce(n.named, false) AS named
		  FROM patterns p LEFT JOIN named n USING (series, whole, headless)
	), keyed AS (
		SELECT c.*, CASE WHEN NOT c.named THEN NULL
						 WHEN EXISTS (SELECT FROM crowded o WHERE o.path = c.path AND o.whole IS DISTINCT FROM c.whole
										AND lower(o.sheet) ~ medallion.glob_regexp(c.pattern))
						 THEN c.sheet ELSE c.pattern END AS sheet_key
		  FROM crowded c
	)
	SELECT dense_rank() OVER (ORDER BY k.series, k.whole, k.headless, k.sheet_key), k.path, k.relative, k.series, k.sheet,
		   k.sheet_key, k.headless, k.rows, k.names, k.columns
	  FROM keyed k
	 WHERE k.whole IS NOT NULL
$$;
COMMENT ON FUNCTION medallion.discover_groups(text, jsonb, bigint) IS
'Internal: sheets by the feature they would make. sheet_key: a glob over sheet names, NULL for all.';

/* The first set of patterns that finds the group's files and no other's. */
CREATE FUNCTION medallion.propose_source(series text, own text[], others text[])
RETURNS text[] LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	folder text := series || CASE WHEN series = '' THEN '' ELSE '/' END;
	by_kind text[];		-- by extension
	by_name text[];
	narrow text[];		-- by name, at the depth of these files
	source text[];
BEGIN
	SELECT array_agg(DISTINCT folder || kind), array_agg(DISTINCT folder || name),
		   array_agg(DISTINCT regexp_replace(regexp_replace(replace(dir, '=', '=*'), '=\*[^/]*', '=*', 'g'), '[0-9]+', '*', 'g') || name)
	  INTO by_kind, by_name, narrow
	  FROM (SELECT coalesce(substring(o FROM '^.*/'), '') AS dir,
				   CASE WHEN o ~* '\.xls[xmb]?$' THEN '*.xls*' ELSE coalesce('*' || lower(substring(o FROM '(\.[^./]+)$')), '*') END AS kind,
				   medallion.name_pattern(substring(o FROM '[^/]*$')) AS name
			  FROM unnest(own) o) p;
	FOR source IN SELECT s.patterns FROM (VALUES (1, to_jsonb(by_kind)), (2, to_jsonb(by_name)), (3, to_jsonb(narrow))) v (n, j),
				  LATERAL (SELECT array_agg(e ORDER BY e) AS patterns FROM jsonb_array_elements_text(v.j) e) s ORDER BY v.n LOOP
		IF NOT EXISTS (SELECT FROM unnest(others) o, unnest(source) p WHERE o ~* medallion.glob_regexp(p))
		   AND NOT EXISTS (SELECT FROM unnest(own) o
							WHERE NOT EXISTS (SELECT FROM unnest(source) p WHERE o ~* medallion.glob_regexp(p))) THEN
			RETURN source;
		END IF;
	END LOOP;
	RETURN ARRAY(SELECT CASE WHEN o ~ '[][*?]' THEN regexp_replace(o, '([][*?\\])', '\\\1', 'g') ELSE o END
				   FROM unnest(own) o ORDER BY 1);
END
$$;
COMMENT ON FUNCTION medallion.propose_source(text, text[], text[]) IS
'Internal: glob patterns, relative to the root, that find these files of a series and none of the others.';

/* Which of the columns, alone or a few together, identify rows: from the samples of a feature's files. */
CREATE FUNCTION medallion.propose_details(paths text[], sheet_key text, options jsonb, sample_rows bigint, columns jsonb)
RETURNS jsonb LANGUAGE plpgsql VOLATILE PARALLEL SAFE SET jit = off SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	names text[] := ARRAY(SELECT c->>'name' FROM jsonb_array_elements(columns) c);
	counted text := '';
	reading jsonb := options || CASE WHEN sheet_key IS NULL THEN '{}' ELSE jsonb_build_object('sheets', sheet_key) END;
	result jsonb;
	candidate record;
	candidates text[] := '{}';
	tried jsonb := '[]';
	keys text[];
	types jsonb := '{}';
	splits jsonb := '[]';
	rows bigint;
	column_name text;
	place int;
BEGIN
	/* one pass over the samples counts everything that is asked below */
	FOR candidate IN
		WITH col AS (
			SELECT c->>'name' AS name, n::int AS n, c->>'type' AS type,
				   c->>'name' ~ '(^|_)(id|ids|no|nr|num|number|code|key|sku|uuid|ref|reference)(_|$)' AS named,
				   c->>'name' ~ '^(line|row|item|pos|position|seq|sequence)_?(no|nr|num|number)$' AS counter
			  FROM jsonb_array_elements(columns) WITH ORDINALITY e (c, n)
			 WHERE (c->>'complete')::boolean
		), usable AS (
			SELECT * FROM col WHERE (named AND type <> 'boolean') OR type IN ('text', 'date', 'timestamp')
			 ORDER BY named DESC, n LIMIT 8
		)
		SELECT ARRAY[a.name] AS cols, CASE WHEN a.named THEN 1 ELSE 3 END AS tier, a.n AS place, 0 AS second
		  FROM usable a WHERE NOT a.counter AND (a.named OR a.type = 'text')
		UNION ALL
		SELECT ARRAY[a.name, b.name], CASE WHEN b.named THEN 2 ELSE 4 END, a.n, b.n
		  FROM usable a JOIN usable b ON a.named AND a.name <> b.name AND (NOT b.named OR a.n < b.n) AND (NOT a.counter OR NOT b.named)
		UNION ALL
		-- document, date, line: numbers that begin anew each year
		SELECT ARRAY[a.name, b.name, c.name], 5, a.n, b.n
		  FROM usable a JOIN usable b ON a.named AND NOT a.counter AND b.type IN ('date', 'timestamp')
			   JOIN usable c ON c.named AND c.name <> a.name
		 ORDER BY 2, 3, 4 LIMIT 32
	LOOP
		SELECT string_agg(format('s.cells[%s]', array_position(names, c)), ', ') INTO column_name FROM unnest(candidate.cols) c;
		counted := counted || format(', count(DISTINCT hash_record_extended(ROW(%1$s), 0)), count(DISTINCT hash_record_extended(ROW(s.file, s.sheet, %1$s), 0))',
									 column_name);
		candidates := candidates || to_jsonb(candidate.cols)::text;
	END LOOP;
	EXECUTE format('SELECT jsonb_build_array(count(*)%s) FROM (SELECT f.n AS file, r.sheet, r.cells FROM unnest($1) WITH ORDINALITY f (path, n),'
				   ' LATERAL medallion.sample_file(f.path, $2, $3, $4) r) s', counted)
	   INTO result USING paths, reading, names, sample_rows;
	rows := (result->>0)::bigint;
	FOR place IN 1 .. cardinality(candidates) LOOP
		tried := tried || jsonb_build_object('columns', candidates[place]::jsonb, 'unique', (result->>(place * 2 - 1))::bigint = rows,
			'unique_in_each_file', (result->>(place * 2))::bigint = rows);
	END LOOP;
	/* rows that later files say again are what history is for: but rows must be told apart within a file */
	SELECT ARRAY(SELECT jsonb_array_elements_text(t->'columns')) INTO keys
	  FROM jsonb_array_elements(tried) WITH ORDINALITY e (t, n)
	 WHERE rows > 0 AND (t->>'unique_in_each_file')::boolean
	 ORDER BY NOT (t->>'unique')::boolean, n LIMIT 1;

	/* texts that are dates or numbers as people type them; classes of document numbers; signs of amounts */
	FOR candidate IN
		SELECT v.name, v.type, v.filled, v.dates, v.day_first, v.month_first, v.commas, v.points, v.negative, v.positive,
			   (SELECT jsonb_object_agg(p.prefix, p.n) FROM jsonb_to_recordset(v.prefixes) AS p (prefix text, n bigint)) AS prefixes
		  FROM (SELECT n.name, n.type, sum(g.n) AS filled,
					   sum(g.n) FILTER (WHERE g.shape = 'date') AS dates, max(g.day_first) AS day_first, max(g.month_first) AS month_first,
					   sum(g.n) FILTER (WHERE g.shape = 'comma') AS commas, sum(g.n) FILTER (WHERE g.shape IN ('point', 'whole')) AS points,
					   sum(g.negative) AS negative, sum(g.n - g.negative) AS positive,
					   CASE WHEN count(*) FILTER (WHERE g.shape = 'document') BETWEEN 2 AND 6
							 AND bool_and(g.shape = 'document') THEN jsonb_agg(jsonb_build_object('prefix', g.prefix, 'n', g.n)) END AS prefixes
				  FROM (SELECT c->>'name' AS name, c->>'type' AS type FROM jsonb_array_elements(columns) c) n
				  JOIN (SELECT m.name, m.shape, m.prefix, count(*) AS n, max(m.day_first) AS day_first, max(m.month_first) AS month_first,
							   count(*) FILTER (WHERE m.value LIKE '-%' OR m.value LIKE '(%)') AS negative
						  FROM (SELECT t.name, t.value,
									   CASE WHEN t.value ~ '^\d{1,2}[./-]\d{1,2}[./-]\d{4}$' THEN 'date'
											WHEN t.value ~ '^\(?-?[$€£]? ?(\d{1,3}(\.\d{3})+|\d+),\d+\)?$' AND t.value !~ '^-?\d{1,3},\d{3}$' THEN 'comma'
											WHEN t.value ~ '^\(?-?[$€£]? ?(\d{1,3}(,\d{3})+|\d+)\.\d+\)?$' OR t.value ~ '^\(?-?[$€£]? ?[1-9]\d{0,2}(,\d{3})+\)?$' THEN 'point'
											WHEN t.value ~ '^\(?-?[$€£]? ?(0|[1-9]\d*)\)?$' THEN 'whole'
											WHEN t.value ~ '^[[:alpha:]]{1,6}[-/ ]?[0-9]' THEN 'document'
											ELSE 'other' END AS shape,
									   substring(t.value FROM '^([[:alpha:]]{1,6})[-/ ]?[0-9]') AS prefix,
									   substring(t.value FROM '^(\d{1,2})[./-]\d{1,2}[./-]\d{4}$')::int AS day_first,
									   substring(t.value FROM '^\d{1,2}[./-](\d{1,2})[./-]\d{4}$')::int AS month_first
								  FROM unnest(paths[1:3]) f (path),
									   LATERAL medallion.sample_file(f.path, reading, names, least(sample_rows, 1000)) r,
									   LATERAL unnest(names, r.cells) t (name, value)
								 WHERE t.value IS NOT NULL) m
						 GROUP BY m.name, m.shape, m.prefix) g USING (name)
				 WHERE n.type IN ('text', 'bigint', 'numeric')
				 GROUP BY n.name, n.type) v
	LOOP
		IF candidate.type = 'text' AND candidate.dates = candidate.filled THEN
			types := types || jsonb_build_object(candidate.name, jsonb_build_object('type', 'date') ||
				CASE WHEN candidate.month_first > 12 AND candidate.day_first <= 12 THEN '{"date_order": "MDY"}' ELSE '{}'::jsonb END);
		ELSIF candidate.type = 'text' AND candidate.commas > 0 AND candidate.commas + coalesce(candidate.points, 0) = candidate.filled
			AND coalesce(candidate.points, 0) < candidate.commas THEN
			types := types || jsonb_build_object(candidate.name, '{"type": "numeric", "decimal_mark": ","}'::jsonb);
		ELSIF candidate.type = 'text' AND candidate.points = candidate.filled THEN
			types := types || jsonb_build_object(candidate.name, '{"type": "numeric"}'::jsonb);
		END IF;
		IF candidate.prefixes IS NOT NULL AND candidate.name ~ '(^|_)(id|no|nr|num|number|code|key|document|doc|ref|reference)(_|$)' THEN
			splits := splits || jsonb_build_object('column', candidate.name, 'prefixes', candidate.prefixes);
		END IF;
		IF candidate.negative > 0 AND candidate.positive > 0 AND candidate.name ~ '(^|_)(amount|total|value|price|sum|net|gross|qty|quantity)(_|$)'
			AND (candidate.type <> 'text' OR types ? candidate.name) THEN
			splits := splits || jsonb_build_object('column', candidate.name, 'negative', candidate.negative, 'other', candidate.positive);
		END IF;
	END LOOP;
	RETURN jsonb_build_object('rows', rows, 'keys', to_jsonb(keys), 'tried', tried, 'types', types, 'splits', splits);
END
$$;
COMMENT ON FUNCTION medallion.propose_details(text[], text, jsonb, bigint, jsonb) IS
'Internal: likely business keys, types that would not be inferred and splits of a feature, from samples of its files.';

CREATE FUNCTION medallion.discover(root text DEFAULT NULL, options jsonb DEFAULT '{}', OUT feature text, OUT files int, OUT sheets text[], OUT config jsonb)
RETURNS SETOF record LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET jit = off SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	sample_rows bigint := coalesce(options->>'sample_rows', '10000')::bigint;
	reading jsonb := coalesce(options, '{}') - 'sample_rows';
	prefix text := CASE WHEN root IS NULL THEN '' ELSE regexp_replace(root, '/+$', '') || '/' END;
	found jsonb[];
	taken text[] := '{}';
	every text[];
	part record;
	proposed jsonb;
	own jsonb;
	details jsonb;
	source text[];
	stem text;
	n int;
BEGIN
	IF sample_rows < 1 THEN
		RAISE EXCEPTION 'sample_rows must be at least 1' USING ERRCODE = 'invalid_parameter_value';
	END IF;
	SELECT array_agg(to_jsonb(g) - 'columns' || jsonb_build_object('columns', g.columns)) INTO found
	  FROM medallion.discover_groups(root, reading, sample_rows) g;
	every := ARRAY(SELECT DISTINCT f->>'relative' FROM unnest(found) f);
	FOR part IN
		SELECT (f->>'group_no')::bigint AS no, f->>'series' AS series, f->>'sheet_key' AS sheet_key, (f->>'headless')::boolean AS headless,
			   array_agg(DISTINCT f->>'path') AS paths, array_agg(DISTINCT f->>'relative') AS own,
			   array_agg(DISTINCT f->>'sheet') FILTER (WHERE f->>'sheet' <> '') AS sheets,
			   sum((f->>'rows')::bigint) AS rows
		  FROM unnest(found) f GROUP BY 1, 2, 3, 4 ORDER BY 2, 1
	LOOP
		/* the columns in the order in which the files have them; complete: filled in every row of every file */
		SELECT jsonb_agg(jsonb_build_object('name', c.name, 'type', c.type, 'complete', c.filled = part.rows) ORDER BY c.n, c.name) INTO proposed
		  FROM (SELECT x.item->>'name' AS name, min(x.n) AS n, sum((x.item->>'filled')::bigint) AS filled,
					   CASE WHEN count(DISTINCT x.item->>'type') FILTER (WHERE x.item->>'type' <> 'empty') <= 1
							THEN coalesce(max(x.item->>'type') FILTER (WHERE x.item->>'type' <> 'empty'), 'empty')
							WHEN bool_and(x.item->>'type' IN ('empty', 'bigint', 'numeric')) THEN 'numeric'
							WHEN bool_and(x.item->>'type' IN ('empty', 'date', 'timestamp')) THEN 'timestamp'
							ELSE 'text' END AS type
				  FROM unnest(found) f, LATERAL jsonb_array_elements(f->'columns') WITH ORDINALITY x (item, n)
				 WHERE (f->>'group_no')::bigint = part.no AND (part.headless OR x.item->'original' <> 'null')
				 GROUP BY x.item->>'name') c;
		own := reading || CASE WHEN part.headless THEN jsonb_build_object('header', 'none', 'names',
			(SELECT jsonb_agg(c->'name' ORDER BY k) FROM jsonb_array_elements(proposed) WITH ORDINALITY e (c, k))) ELSE '{}' END;
		details := medallion.propose_details(part.paths, part.sheet_key, own, sample_rows, proposed);
		source := medallion.propose_source(part.series, part.own, ARRAY(SELECT unnest(every) EXCEPT SELECT unnest(part.own)));

		/* a name from folders, and from sheets or files where those tell features apart */
		stem := replace(part.series, '**', '');
		IF stem !~ '[[:alnum:]]' OR source[1] NOT LIKE '%*.%' OR source[1] !~ '(^|/)\*\.[^/]*$' THEN
			stem := stem || '_' || regexp_replace(replace(substring(source[1] FROM '[^/]*$'), '*', '_'), '\.[^.]*$', '');
		END IF;
		IF stem !~ '[[:alnum:]]' THEN
			stem := coalesce(substring(prefix FROM '([^/]+)/$'), '');
		END IF;
		stem := stem || coalesce('_' || replace(part.sheet_key, '*', ''), '');
		stem := trim('_' FROM regexp_replace(lower(stem), '[^[:alnum:]]+', '_', 'g'));
		WHILE octet_length(stem) > 36 AND strpos(stem, '_') > 0 LOOP
			stem := substr(stem, strpos(stem, '_') + 1);
		END LOOP;
		WHILE octet_length(stem) > 36 LOOP
			stem := left(stem, -1);
		END LOOP;
		stem := coalesce(nullif(stem, ''), 'files');
		feature := stem;
		n := 1;
		WHILE feature = ANY (taken) LOOP
			n := n + 1;
			feature := stem || '_' || n;
		END LOOP;
		taken := taken || feature;

		files := cardinality(part.own);
		sheets := coalesce(part.sheets, '{}');
		config := jsonb_build_object('name', feature, 'source', (SELECT jsonb_agg(prefix || s) FROM unnest(source) s),
			'business_keys', details->'keys',
			'options', own || CASE WHEN part.sheet_key IS NULL THEN '{}' ELSE jsonb_build_object('sheets', part.sheet_key) END
						   || CASE WHEN details->'types' = '{}' THEN '{}' ELSE jsonb_build_object('columns', details->'types') END,
			'notes', jsonb_build_object('sampled_rows', details->'rows', 'keys_considered', details->'tried', 'splits', details->'splits',
				'columns', (SELECT jsonb_object_agg(c->>'name', c->'type') FROM jsonb_array_elements(proposed) c),
				'sequence_column', (SELECT c->'name' FROM jsonb_array_elements(proposed) WITH ORDINALITY e (c, k)
									 WHERE c->>'type' IN ('date', 'timestamp') OR details->'types'->(c->>'name')->>'type' = 'date'
									 ORDER BY c->>'name' !~ '(updated|modified|changed|version|loaded)', c->>'type' <> 'timestamp', k LIMIT 1)));
		RETURN NEXT;
	END LOOP;
END
$$;
COMMENT ON FUNCTION medallion.discover(text, jsonb) IS
'Proposes features for the files below a folder (NULL: medallion.input_root): one per folder, sheet name and header, where a header with some of the columns of another belongs to that, and folders of years, months, dates and key=value are parts of one. config can be given to apply_config() as it is; its notes say which keys were considered, what may order versions and where a split suggests itself. business_keys: the smallest set of columns (one, two, or two and a date) that identifies the sampled rows, else null. options: sample_rows (first rows read of each sheet, default 10000), and those of features that say how files are read. Files that cannot be read are reported by a NOTICE. Changes nothing.';
