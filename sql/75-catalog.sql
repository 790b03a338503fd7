/* What tables there are: whose, how fresh, how good, and what in them is a person's. */

CREATE VIEW medallion.personal_columns AS
WITH RECURSIVE edge AS MATERIALIZED (
	SELECT DISTINCT source_layer, source, source_column COLLATE "C" AS source_column, target_layer, target, target_column COLLATE "C" AS target_column
	  FROM medallion.lineage_columns WHERE role = 'value' AND source_column IS NOT NULL AND target_layer IN ('silver', 'gold')),
personal AS (
	SELECT l.layer, f.name AS object, c.key COLLATE "C" AS column_name
	  FROM medallion.features f CROSS JOIN LATERAL jsonb_each(f.options->'columns') c CROSS JOIN (VALUES ('bronze'), ('silver')) l (layer)
	 WHERE coalesce((c.value->>'personal')::boolean, c.value->>'mask' IS NOT NULL)
	 UNION
	SELECT e.target_layer, e.target, e.target_column
	  FROM personal p JOIN edge e ON (e.source_layer, e.source, e.source_column) = (p.layer, p.object, p.column_name))
SELECT p.layer, p.object, p.column_name
  FROM personal p
  JOIN medallion.tables t ON t.layer = p.layer AND t.object = p.object
  JOIN pg_catalog.pg_attribute a ON a.attrelid = t.table_name AND a.attname = p.column_name AND a.attnum > 0 AND NOT a.attisdropped;
COMMENT ON VIEW medallion.personal_columns IS 'columns of bronze, silver and gold that are a person''s: those with a mask or option "personal", and all that are made of them; counts and other aggregates too';

CREATE VIEW medallion.catalog AS
SELECT t.layer, t.object, t.table_name, obj_description(t.table_name, 'pg_class') AS description, t.owner,
	   f.changed_at, f.age, v.rows, medallion.table_bytes(t.table_name) AS bytes,
	   q.score, q.checks, q.warnings, q.failed, e.columns, coalesce(x.columns, '{}') AS personal
  FROM medallion.tables t
  LEFT JOIN medallion.freshness f ON f.layer = t.layer AND f.object = t.object
  LEFT JOIN LATERAL (SELECT s.record_count AS rows FROM etl_logs.table_statistics s
					  WHERE s.layer = t.layer AND s.table_name = t.qualified_name ORDER BY s.stat_id DESC LIMIT 1) v ON true
  LEFT JOIN (SELECT q.layer, q.table_name, round(100.0 * (1 - sum(q.rows_affected) / greatest(sum(q.rows_checked), 1)), 2) AS score,
					count(*) AS checks, count(*) FILTER (WHERE q.status = 'WARNING') AS warnings, count(*) FILTER (WHERE q.status = 'FAILED') AS failed
			   FROM medallion.quality q WHERE q.latest GROUP BY q.layer, q.table_name) q ON q.layer = t.layer AND q.table_name = t.qualified_name
  LEFT JOIN LATERAL (SELECT count(*)::int AS columns FROM pg_catalog.pg_attribute a
					  WHERE a.attrelid = t.table_name AND a.attnum > 0 AND NOT a.attisdropped) e ON true
  LEFT JOIN (SELECT p.layer, p.object, array_agg(p.column_name ORDER BY p.column_name COLLATE "C") AS columns
			   FROM medallion.personal_columns p GROUP BY p.layer, p.object) x ON x.layer = t.layer AND x.object = t.object;
COMMENT ON VIEW medallion.catalog IS 'one row per table of features and models: description, owner, when its data changed, rows at the last change, bytes, quality score (100 less the percentage of rows affected, over the latest results of its checks), columns that are a person''s';
