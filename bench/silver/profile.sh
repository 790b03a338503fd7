# shellcheck shell=bash
# profile() of 14 columns beside the plainest aggregates of the same scan.  Sourced by silver.sh.

run_profile() { timed "SELECT * FROM medallion.profile('bench.wide', '{\"store\": false}')"; }
run_aggregates() { timed "SELECT $aggregates FROM bench.wide"; }

part_profile()
{
	aggregates=$(sql -c "SELECT string_agg(format('count(%1\$I), min(%1\$I), max(%1\$I), avg(' || CASE WHEN typname IN ('int4', 'int8', 'numeric', 'float8') THEN '%1\$I'
			WHEN typname = 'text' THEN 'length(%1\$I)' WHEN typname = 'date' THEN '%1\$I - date ''2000-01-01''' ELSE 'extract(epoch FROM %1\$I)' END || ')', attname), ', ' ORDER BY attnum)
		FROM (SELECT * FROM pg_attribute a JOIN pg_type t ON t.oid = atttypid WHERE attrelid = 'bench.wide'::regclass AND attnum > 0) a")
	equal "profile()" "SELECT count(*) FROM medallion.profile('bench.wide', '{\"store\": false}') p
		JOIN (SELECT count(*) AS records, sum(id) / count(*) AS id, min(name COLLATE \"C\") AS name, count(DISTINCT city) AS city FROM bench.wide) w
		ON p.records <> w.records OR (p.column_name = 'id' AND abs(p.mean - w.id) > 0.001) OR (p.column_name = 'name' AND p.minimum <> w.name)
		OR (p.column_name = 'city' AND p.distinct_count <> w.city)"
	compete profile aggregates
	title "profile of 14 columns"
	line "medallion.profile()" profile
	line "count, min, max, avg of each; goal: at least 0.4" aggregates profile
}
