# shellcheck shell=bash
# The merge of a full extract, beside dbt's snapshot and a bare anti-join.  Sourced by silver.sh.

dbt=$peers/dbt/bin/dbt

# dbt, with the last release of its parser that needs nothing beyond its packages.
get_dbt()
{
	[ -x "$dbt" ] && return
	python3 -m venv "$peers/dbt" && "$peers/dbt/bin/pip" install -q 'dbt-core>=1.9,<1.11' 'dbt-postgres>=1.9,<1.10' >/dev/null 2>&1
	[ -x "$dbt" ]
}

# snapshot_by_dbt: dbt itself makes or renews bench.dimension_dbt; its statements go to dbt.sql.
snapshot_by_dbt()
{
	rm -rf "$work/dbt" && cp -r "$here/dbt" "$work" && cd "$work/dbt" || return 1
	DBT_SEND_ANONYMOUS_USAGE_STATS=false "$dbt" snapshot --profiles-dir . --log-format-file json --log-level-file debug >dbt.out 2>&1 || cat dbt.out
	python3 "$here/dbt_statements.py" logs/dbt.log >"$work/dbt.sql"
}

# The statements of a renewal, and the table as the first snapshot leaves it.
prepare_dbt()
{
	sql -c "ALTER TABLE bench.extract RENAME TO later" -c "ALTER TABLE bench.before RENAME TO extract"
	snapshot_by_dbt
	keep dimension_dbt
	sql -c "ALTER TABLE bench.extract RENAME TO before" -c "CREATE TABLE bench.extract AS TABLE bench.before LIMIT 10"
	snapshot_by_dbt
	sql -c "DROP TABLE bench.extract" -c "ALTER TABLE bench.later RENAME TO extract"
}

prepare_ours()
{
	sql >/dev/null <<-'SQL'
		CREATE TABLE bench.dimension (LIKE bench.before, valid_from timestamptz NOT NULL, valid_to timestamptz, is_current boolean NOT NULL,
			version int NOT NULL, _business_key_hash uuid NOT NULL, _value_hash uuid NOT NULL);
		SELECT medallion.scd2_merge('bench.dimension', 'bench.before', '{id}', '{"deletes": "snapshot"}');
		CREATE UNIQUE INDEX ON bench.dimension (_business_key_hash, version);
	SQL
	keep dimension
}

run_ours()
{
	restore dimension
	timed "SELECT medallion.scd2_merge('bench.dimension', 'bench.extract', '{id}', '{\"deletes\": \"snapshot\"}')"
}

run_dbt()
{
	restore dimension_dbt
	in_session "$work/dbt.sql"
}

# The least: what of the extract the table does not say, written behind it.
run_antijoin()
{
	local column same=

	for column in ${columns//,/ }; do same+=" AND t.$column IS NOT DISTINCT FROM s.$column"; done
	sql -c "DROP TABLE IF EXISTS bench.bare" -c "CREATE TABLE bench.bare AS TABLE bench.before" -c "VACUUM ANALYZE bench.bare" -c CHECKPOINT
	timed "INSERT INTO bench.bare SELECT s.* FROM bench.extract s WHERE NOT EXISTS (SELECT FROM bench.bare t WHERE t.id = s.id$same)"
}

# What both say: each row, and whether it is in force.
part_merge()
{
	local names="ours antijoin"

	prepare_ours
	run_ours >/dev/null
	equal "the merge" "SELECT count(*) FROM (SELECT $columns FROM bench.dimension WHERE is_current) t FULL JOIN bench.extract s
		ON (t.*)::text = (s.*)::text WHERE t IS NULL OR s IS NULL"
	if get_dbt; then
		names+=" dbt"
		prepare_dbt
		run_dbt >/dev/null
		equal "dbt's snapshot" "SELECT count(*) FROM (
			(SELECT $columns, is_current FROM bench.dimension EXCEPT ALL SELECT $columns, dbt_valid_to IS NULL FROM bench.dimension_dbt) UNION ALL
			(SELECT $columns, dbt_valid_to IS NULL FROM bench.dimension_dbt EXCEPT ALL SELECT $columns, is_current FROM bench.dimension)) d"
	else
		say "without dbt, which could not be installed"
	fi
	compete $names
	title "merge of a full extract"
	line "medallion.scd2_merge()" ours
	[ -z "${cpu[dbt]:-}" ] || line "dbt's snapshot; goal: at least 4" dbt ours
	line "anti-join and write; goal: at least 0.5" antijoin ours
	sql -c "DROP TABLE IF EXISTS bench.bare, bench.dimension_dbt, bench.dimension_dbt_kept"
}
