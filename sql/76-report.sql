/* report_html(): everything to look at, on one page. */

CREATE FUNCTION medallion.html(value text)
RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
RETURN replace(replace(replace(replace(replace(coalesce(value, ''), '&', '&amp;'), '<', '&lt;'), '>', '&gt;'), '"', '&quot;'), '''', '&#39;');
COMMENT ON FUNCTION medallion.html(text) IS 'A text as it may stand in HTML, between tags or in an attribute; NULL is empty.';

CREATE FUNCTION medallion.html_span(value interval)
RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
RETURN (SELECT CASE WHEN s IS NULL THEN '' WHEN s < 1 THEN round(s * 1000) || ' ms' WHEN s < 60 THEN round(s, 1) || ' s' WHEN s < 3600 THEN round(s / 60, 1) || ' min'
			WHEN s < 172800 THEN round(s / 3600, 1) || ' h' ELSE round(s / 86400) || ' days' END FROM (SELECT extract(epoch FROM value) AS s) q);
COMMENT ON FUNCTION medallion.html_span(interval) IS 'Internal: a span of time in words, of two or three digits.';

CREATE FUNCTION medallion.html_count(value numeric)
RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
RETURN reverse(regexp_replace(reverse(round(value)::text), '(\d{3})(?=\d)', '\1,', 'g'));
COMMENT ON FUNCTION medallion.html_count(numeric) IS 'Internal: a whole number with commas.';

CREATE FUNCTION medallion.html_status(status text)
RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
RETURN format('<span class="badge %s">%s</span>', CASE WHEN status IN ('COMPLETED', 'PASSED') THEN 'good' WHEN status IN ('PARTIAL', 'WARNING') THEN 'warn'
	WHEN status = 'FAILED' THEN 'bad' ELSE 'plain' END, medallion.html(status));
COMMENT ON FUNCTION medallion.html_status(text) IS 'Internal: a status as a coloured word.';

/* A section with a table, its rows given as HTML; what to say where there are none.  On a phone a row
 * is a paragraph, and each cell says what its column is called. */
CREATE FUNCTION medallion.html_table(title text, heads text[], lines text, otherwise text)
RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
RETURN (SELECT CASE WHEN lines IS NULL THEN format('<section><h2>%s</h2><p class="none">%s</p></section>', title, otherwise)
	ELSE format('<section id="%1$s"><h2>%2$s</h2><style>@media(max-width:700px){%3$s}</style><div class="wide"><table><thead><tr>%4$s</tr></thead><tbody>%5$s</tbody></table></div></section>', name, title,
		(SELECT string_agg(format('#%s td:nth-child(%s)::before{content:"%s "}', name, n, h), '' ORDER BY n) FROM unnest(heads) WITH ORDINALITY t (h, n) WHERE h <> ''),
		(SELECT string_agg('<th>' || h || '</th>', '' ORDER BY n) FROM unnest(heads) WITH ORDINALITY t (h, n)), lines) END
	FROM regexp_replace(lower(title), '[^a-z]+', '_', 'g') AS name);
COMMENT ON FUNCTION medallion.html_table(text, text[], text, text) IS 'Internal: a section of report_html() with a table.';

CREATE FUNCTION medallion.report_runs(most int)
RETURNS text LANGUAGE sql STABLE PARALLEL SAFE SET jit = off SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' AS $$
WITH run AS (
	SELECT h.*, row_number() OVER (ORDER BY run_id) - 1 AS n, extract(epoch FROM elapsed) AS seconds
	  FROM (SELECT * FROM medallion.history ORDER BY run_id DESC LIMIT report_runs.most) h),
scale AS (SELECT count(*) AS runs, greatest(max(seconds), 0.001) AS slowest, greatest(max(rows_loaded), 1) AS most_rows, 1000.0 / greatest(count(*), 10) AS step,
				 min(started_at) AS first, max(started_at) AS last FROM run)
SELECT CASE WHEN s.runs = 0 THEN '<section><h2>Runs</h2><p class="none">No run yet.</p></section>' ELSE
	format('<section><h2>Runs over time</h2><p class="legend"><i class="good"></i>completed <i class="warn"></i>partial <i class="bad"></i>failed <i class="plain"></i>undone or running</p>'
		'<h3>Duration of each run <span>up to %s</span></h3><svg class="chart" viewBox="0 0 1000 140" preserveAspectRatio="none" role="img" aria-label="duration of each run">%s</svg>'
		'<h3>Rows loaded into bronze by each run <span>up to %s</span></h3><svg class="chart" viewBox="0 0 1000 140" preserveAspectRatio="none" role="img" aria-label="rows loaded by each run">%s</svg>'
		'<p class="axis"><span>%s</span><span>%s runs</span><span>%s</span></p></section>',
		medallion.html_span(make_interval(secs => s.slowest::float8)),
		(SELECT string_agg(format('<rect class="%s" x="%s" y="%s" width="%s" height="%s"><title>run %s, %s: %s, %s</title></rect>',
			CASE r.status WHEN 'COMPLETED' THEN 'good' WHEN 'PARTIAL' THEN 'warn' WHEN 'FAILED' THEN 'bad' ELSE 'plain' END,
			round(r.n * s.step, 1), round(136 - 132 * r.seconds / s.slowest, 1), round(greatest(s.step * 0.8, 0.6), 1), round(4 + 132 * r.seconds / s.slowest, 1),
			r.run_id, to_char(r.started_at, 'YYYY-MM-DD HH24:MI'), medallion.html(r.status), medallion.html_span(r.elapsed)), '' ORDER BY r.n) FROM run r),
		medallion.html_count(s.most_rows),
		(SELECT string_agg(format('<rect class="rows" x="%s" y="%s" width="%s" height="%s"><title>run %s: %s rows</title></rect>', round(r.n * s.step, 1), round(140 - 136.0 * r.rows_loaded / s.most_rows, 1),
			round(greatest(s.step * 0.8, 0.6), 1), round(136.0 * r.rows_loaded / s.most_rows, 1), r.run_id, medallion.html_count(r.rows_loaded)), '' ORDER BY r.n) FROM run r WHERE r.rows_loaded > 0),
		to_char(s.first, 'YYYY-MM-DD HH24:MI'), s.runs, to_char(s.last, 'YYYY-MM-DD HH24:MI')) END
  FROM scale s
$$;
COMMENT ON FUNCTION medallion.report_runs(int) IS 'Internal: the charts of report_html().';

CREATE FUNCTION medallion.report_lineage()
RETURNS text LANGUAGE sql STABLE PARALLEL UNSAFE SET jit = off SET search_path = pg_catalog, pg_temp AS $$
WITH RECURSIVE edge AS MATERIALIZED (SELECT source_layer || ' ' || source AS a, target_layer || ' ' || target AS b, l.* FROM medallion.lineage l),
place AS (
	SELECT 'gold ' || m.name AS id, 3 AS level FROM medallion.models m
	 UNION
	SELECT e.b, p.level + 1 FROM place p JOIN edge e ON e.a = p.id AND e.source_layer = 'gold' WHERE p.level < 30),
node AS MATERIALIZED (
	SELECT id, layer, name, level, row_number() OVER (PARTITION BY level ORDER BY name) - 1 AS n
	  FROM (SELECT a AS id, source_layer AS layer, source AS name, CASE source_layer WHEN 'files' THEN 0 WHEN 'relation' THEN 0 WHEN 'bronze' THEN 1 WHEN 'silver' THEN 2
					ELSE (SELECT max(level) FROM place WHERE id = a) END AS level FROM edge
			 UNION
			SELECT b, target_layer, target, CASE target_layer WHEN 'bronze' THEN 1 WHEN 'silver' THEN 2 ELSE (SELECT max(level) FROM place WHERE id = b) END FROM edge
			 UNION
			SELECT 'gold ' || m.name, 'gold', m.name, (SELECT max(level) FROM place WHERE id = 'gold ' || m.name) FROM medallion.models m) q),
size AS (SELECT max(level) * 250 + 202 AS width, (max(n) + 1) * 40 + 10 AS height FROM node)
SELECT '<section><h2>Lineage</h2>' || coalesce(CASE WHEN width > 0 THEN
	format('<div class="wide"><svg class="graph" width="%s" height="%s" viewBox="0 0 %s %s" role="img" aria-label="files, bronze, silver and gold tables and what they are made of">%s%s</svg></div>', width, height, width, height,
		(SELECT string_agg(format('<path d="M%s %sC%s %s %s %s %s %s"/>', a.level * 250 + 200, a.n * 40 + 25, a.level * 250 + 225, a.n * 40 + 25, b.level * 250 - 25, b.n * 40 + 25, b.level * 250, b.n * 40 + 25), '')
		   FROM edge e JOIN node a ON a.id = e.a JOIN node b ON b.id = e.b),
		(SELECT string_agg(format('<g class="%s"><rect x="%s" y="%s" width="200" height="30" rx="5"/><text x="%s" y="%s">%s</text><title>%s</title></g>', layer, level * 250, n * 40 + 10, level * 250 + 10, n * 40 + 30,
			medallion.html(CASE WHEN length(name) > 24 THEN CASE layer WHEN 'files' THEN '…' || right(name, 23) ELSE left(name, 23) || '…' END ELSE name END), medallion.html(layer || ': ' || name)), '' ORDER BY level, n) FROM node)) END,
	'<p class="none">No feature yet.</p>') || '</section>' FROM size
$$;
COMMENT ON FUNCTION medallion.report_lineage() IS 'Internal: the lineage graph of report_html().';

CREATE FUNCTION medallion.report_style()
RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN ':root{color-scheme:light dark;--page:#f6f7f9;--card:#fff;--ink:#1b2430;--soft:#566273;--line:#dde2e9;--good:#1a7f4b;--warn:#a86400;--bad:#c0302b;--plain:#7a8595;--rows:#2f6fd0;--files:#e8ebf0;--bronze:#f3dfcc;--silver:#e3e8ee;--gold:#f7e8ae}'
'@media(prefers-color-scheme:dark){:root{--page:#12161c;--card:#1b212a;--ink:#e6eaf0;--soft:#9aa7b8;--line:#313b48;--good:#43b37c;--warn:#d9962f;--bad:#ef6a62;--plain:#7d8998;--rows:#6ba0f0;--files:#2a323d;--bronze:#4a3524;--silver:#343f4c;--gold:#4d4418}}'
'*{box-sizing:border-box}body{margin:0;background:var(--page);color:var(--ink);font:15px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"DejaVu Sans",sans-serif}main{max-width:1240px;margin:0 auto;padding:16px}'
'h1{font-size:22px;margin:8px 0 0}h2{font-size:17px;margin:0 0 10px}h3{font-size:14px;margin:14px 0 4px;font-weight:600}h3 span{color:var(--soft);font-weight:400}.sub{color:var(--soft);margin:0 0 16px}'
'section{background:var(--card);border:1px solid var(--line);border-radius:8px;padding:14px 16px;margin:0 0 16px}.tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(140px,1fr));gap:12px;margin:0 0 16px}'
'.tile{background:var(--card);border:1px solid var(--line);border-radius:8px;padding:10px 14px}.tile b{display:block;font-size:21px;line-height:1.35}.tile>span{color:var(--soft);font-size:13px}.wide{overflow-x:auto}'
'table{border-collapse:collapse;width:100%;font-size:14px}th{text-align:left;color:var(--soft);font-weight:600;white-space:nowrap}th,td{padding:5px 12px 5px 0;border-bottom:1px solid var(--line);vertical-align:top}td.n{font-variant-numeric:tabular-nums;white-space:nowrap}'
'td.long{min-width:300px;overflow-wrap:anywhere}.badge{font-size:12px;font-weight:600;border:1px solid;border-radius:10px;padding:1px 8px;white-space:nowrap}.good{color:var(--good);fill:var(--good)}.warn{color:var(--warn);fill:var(--warn)}.bad{color:var(--bad);fill:var(--bad)}.plain{color:var(--plain);fill:var(--plain)}'
'.chart{display:block;width:100%;height:130px;border-bottom:1px solid var(--line)}.chart .rows{fill:var(--rows)}.axis{display:flex;justify-content:space-between;gap:8px;color:var(--soft);font-size:12px;margin:4px 0 0}.legend{font-size:13px;color:var(--soft);margin:0}.legend i{display:inline-block;width:10px;height:10px;border-radius:2px;background:currentColor;margin:0 4px 0 10px}'
'.legend i:first-child{margin-left:0}.none{color:var(--soft);margin:0}.graph{display:block}.graph path{fill:none;stroke:var(--plain);stroke-width:1.2}.graph text{font-size:12.5px;fill:var(--ink)}.graph rect{stroke:var(--line);fill:var(--files)}.graph .bronze rect{fill:var(--bronze)}.graph .silver rect{fill:var(--silver)}.graph .gold rect{fill:var(--gold)}'
'.bar{display:inline-block;height:8px;border-radius:2px;background:var(--rows);vertical-align:middle}'
'@media(max-width:700px){thead{display:none}table,tbody,tr{display:block}tr{padding:8px 0;border-bottom:1px solid var(--line);overflow-wrap:anywhere}td,td.n{display:inline-block;max-width:100%;padding:0 10px 0 0;border:0}td.long{display:block;min-width:0}td:empty{display:none}td::before{color:var(--soft);font-size:12px}}';
COMMENT ON FUNCTION medallion.report_style() IS 'Internal: the style sheet of report_html().';

CREATE FUNCTION medallion.report_html(runs int DEFAULT 1000)
RETURNS text LANGUAGE plpgsql STABLE STRICT PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' SET extra_float_digits = 1 SET jit = off AS $$
DECLARE
	parts text[];
	tables CONSTANT jsonb := (SELECT coalesce(jsonb_agg(to_jsonb(c)), '[]') FROM medallion.catalog c);
	latest CONSTANT jsonb := (SELECT coalesce(jsonb_agg(to_jsonb(q)), '[]') FROM medallion.quality q WHERE q.latest);
	moment CONSTANT text := 'YYYY-MM-DD HH24:MI:SS';
BEGIN
	parts := ARRAY[
		format('<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1"><title>medallion: %1$s</title><style>%2$s</style></head><body><main><h1>%1$s</h1><p class="sub">medallion %3$s, %4$s UTC</p>',
			medallion.html(current_database()), medallion.report_style(), (SELECT extversion FROM pg_extension WHERE extname = 'medallion'), to_char(now(), moment)),
		(SELECT format('<div class="tiles">%s</div>', string_agg(format('<div class="tile"><b>%s</b><span>%s</span></div>', t.value, t.label), '' ORDER BY t.n)) FROM (
			SELECT 1 AS n, coalesce((SELECT medallion.html_status(r.status) FROM medallion.runs r ORDER BY r.run_id DESC LIMIT 1), 'none') AS value, 'last run' AS label
			 UNION ALL SELECT 2, coalesce((SELECT round(100.0 * count(*) FILTER (WHERE r.status = 'COMPLETED') / nullif(count(*), 0), 1) || ' %' FROM medallion.runs r WHERE r.finished_at IS NOT NULL AND r.started_at > now() - interval '30 days'), '&ndash;'), 'of runs succeeded, 30 days'
			 UNION ALL SELECT 3, count(*)::text, 'features' FROM medallion.features
			 UNION ALL SELECT 4, count(*)::text, 'gold models' FROM medallion.models
			 UNION ALL SELECT 5, medallion.html_count(count(*)), 'files in force' FROM medallion.file_versions WHERE superseded_at IS NULL AND watermark IS NULL
			 UNION ALL SELECT 6, coalesce(medallion.html_count(sum(rows)), '0'), 'rows in ' || layer FROM jsonb_to_recordset(tables) AS c (layer text, rows numeric) WHERE layer IN ('bronze', 'silver') GROUP BY layer
			 UNION ALL SELECT 7, pg_size_pretty(coalesce(sum(bytes), 0)), 'in all layers' FROM jsonb_to_recordset(tables) AS c (bytes bigint)) t),
		medallion.report_runs(runs),
		(SELECT medallion.html_table('Tables', ARRAY['layer', 'name', 'rows', 'size', 'data changed', 'up to date', 'quality', 'description'], string_agg(
			format('<tr><td>%s</td><td>%s</td><td class="n">%s</td><td class="n">%s</td><td class="n">%s</td><td class="n">%s</td><td class="n">%s</td><td class="long">%s</td></tr>', c.layer, medallion.html(c.object), medallion.html_count(c.rows), pg_size_pretty(c.bytes),
				CASE WHEN c.age IS NOT NULL THEN medallion.html_span(c.age) || ' ago' END, CASE WHEN f.since_checked IS NOT NULL THEN medallion.html_span(f.since_checked) || ' ago' END,
				CASE WHEN c.failed > 0 THEN medallion.html_status('FAILED') WHEN c.warnings > 0 THEN medallion.html_status('WARNING') WHEN c.checks > 0 THEN medallion.html_status('PASSED') ELSE '' END || coalesce(' ' || c.score, ''),
				medallion.html(left(c.description, 200))), '' ORDER BY array_position(ARRAY['bronze', 'silver', 'gold'], c.layer), c.object), 'No table yet.')
		   FROM jsonb_to_recordset(tables) AS c (layer text, object text, rows numeric, bytes bigint, age interval, failed int, warnings int, checks int, score numeric, description text) LEFT JOIN medallion.freshness f ON f.layer = c.layer AND f.object = c.object),
		(SELECT medallion.html_table('Quality by table and check', ARRAY['table', 'check', 'column', 'status', 'rows affected', 'of', 'percent', 'when'], string_agg(
			format('<tr><td>%s</td><td>%s</td><td>%s</td><td>%s</td><td class="n">%s</td><td class="n">%s</td><td class="n">%s</td><td class="n">%s</td></tr>', medallion.html(q.table_name), medallion.html(q.check_name), medallion.html(q.column_name), medallion.html_status(q.status),
				medallion.html_count(q.rows_affected), medallion.html_count(q.rows_checked), round(q.percent, 2), to_char(q.checked_at, moment)), '' ORDER BY array_position(ARRAY['FAILED', 'WARNING', 'PASSED'], q.status), q.table_name, q.check_name), 'No check yet.')
		   FROM (SELECT * FROM (	-- conversions that all succeeded are one line a table
					SELECT table_name, check_name, column_name, status, rows_affected, rows_checked, percent, checked_at FROM jsonb_populate_recordset(NULL::medallion.quality, latest) WHERE NOT (check_type = 'cast' AND status = 'PASSED')
					 UNION ALL
					SELECT table_name, 'cast', format('%s column', count(*)) || CASE WHEN count(*) > 1 THEN 's' ELSE '' END, status, 0, max(rows_checked), 0, max(checked_at) FROM jsonb_populate_recordset(NULL::medallion.quality, latest) WHERE check_type = 'cast' AND status = 'PASSED' GROUP BY table_name, status) q
				  ORDER BY array_position(ARRAY['FAILED', 'WARNING', 'PASSED'], status), table_name LIMIT 500) q),
		medallion.report_lineage(),
		(SELECT medallion.html_table('Failed files', ARRAY['file', 'run', 'when', 'reason'], string_agg(
			format('<tr><td class="long">%s</td><td class="n">%s</td><td class="n">%s</td><td class="long">%s</td></tr>', medallion.html(p.file_path), p.run_id, to_char(p.processed_at, moment), medallion.html(left(p.error_message, 500))), '' ORDER BY p.processing_id DESC), 'Every file could be loaded.')
		   FROM (SELECT * FROM etl_logs.file_processing f JOIN (SELECT max(processing_id) AS processing_id FROM etl_logs.file_processing GROUP BY file_path) l USING (processing_id)
				  WHERE f.status = 'FAILED' ORDER BY processing_id DESC LIMIT 100) p),
		(SELECT medallion.html_table('Slowest steps', ARRAY['layer', 'name', 'run', 'took', '', 'rows'], string_agg(
			format('<tr><td>%s</td><td>%s</td><td class="n">%s</td><td class="n">%s</td><td><span class="bar" style="width:%spx"></span></td><td class="n">%s</td></tr>', p.layer, medallion.html(p.feature_name), p.run_id, medallion.html_span(p.took),
				round(120 * extract(epoch FROM p.took) / greatest(p.most, 0.001)), medallion.html_count(p.records_processed)), '' ORDER BY p.took DESC), 'No step yet.')
		   FROM (SELECT s.*, max(extract(epoch FROM s.took)) OVER () AS most FROM (SELECT p.*, p.completed_at - p.started_at AS took FROM etl_logs.pipeline_runs p WHERE p.completed_at IS NOT NULL AND p.status NOT IN ('SKIPPED', 'UNCHANGED') ORDER BY 1 - extract(epoch FROM p.completed_at - p.started_at) LIMIT 15) s) p),
		(SELECT medallion.html_table('Schema changes', ARRAY['when', 'run', 'table', 'change', 'column', 'from', 'to'], string_agg(
			format('<tr><td class="n">%s</td><td class="n">%s</td><td>%s</td><td>%s</td><td>%s</td><td>%s</td><td>%s</td></tr>', to_char(e.change_date, moment), e.run_id, medallion.html(e.table_name), medallion.html(e.change_type), medallion.html(e.column_name), medallion.html(e.old_data_type), medallion.html(e.new_data_type)), '' ORDER BY e.evolution_id DESC), 'No source changed its columns.')
		   FROM (SELECT * FROM etl_logs.schema_evolution ORDER BY evolution_id DESC LIMIT 100) e),
		(SELECT medallion.html_table('Last runs', ARRAY['run', 'started', 'took', 'status', 'steps', 'files', 'rows loaded', 'by', 'errors'], string_agg(
			format('<tr><td class="n">%s</td><td class="n">%s</td><td class="n">%s</td><td>%s</td><td class="n">%s</td><td class="n">%s</td><td class="n">%s</td><td>%s</td><td class="long">%s</td></tr>', h.run_id, to_char(h.started_at, moment), medallion.html_span(h.elapsed), medallion.html_status(h.status),
				h.steps, h.files, medallion.html_count(h.rows_loaded), medallion.html(h.run_by), medallion.html(left(h.errors, 200))), '' ORDER BY h.run_id DESC), 'No run yet.')
		   FROM (SELECT * FROM medallion.history ORDER BY run_id DESC LIMIT 30) h),
		'</main></body></html>'];
	RETURN array_to_string(parts, E'\n');
END
$$;
COMMENT ON FUNCTION medallion.report_html(int) IS
'One page to look at in a browser or on a phone, light or dark: runs over time (the last of them, 1000 unless said otherwise), tables with freshness and quality, checks, lineage, failed files with reasons, slowest steps, schema changes. Self-contained: no script, no network; times are UTC. Write it with psql: \o report.html, then SELECT medallion.report_html().';
