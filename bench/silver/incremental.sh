# shellcheck shell=bash
# A batch of changed rows into histories of ROWS keys and of ten times as many.  Sourced by silver.sh.

batch=100000

# make_history NAME ROWS: a history of so many keys, and a batch that changes every so many of them.
make_history()
{
	sql >/dev/null <<-SQL
		CREATE TABLE bench.$1 (LIKE bench.before, valid_from timestamptz NOT NULL, valid_to timestamptz, is_current boolean NOT NULL,
			version int NOT NULL, _business_key_hash uuid NOT NULL, _value_hash uuid NOT NULL);
		INSERT INTO bench.$1 SELECT $columns, timestamptz '2025-01-01 UTC', NULL, true, 1, medallion.row_hash(id),
			medallion.pairs_hash('{name,email,city,segment,balance,orders,born,registered,active}'::text[], name, email, city, segment, balance, orders, born, registered, active)
			FROM bench.customers(1, $2) d;
		CREATE UNIQUE INDEX ON bench.$1 (_business_key_hash, version);
		CREATE TABLE bench.$1_batch (LIKE bench.before);
		INSERT INTO bench.$1_batch SELECT * FROM bench.customers(1, $2) WHERE id % ($2 / $batch) = 0;
		VACUUM ANALYZE bench.$1, bench.$1_batch;
	SQL
}

# merge_batch NAME: new values each time, so that each row of the batch is a change.
merge_batch()
{
	sql -c "UPDATE bench.$1_batch SET balance = balance + 1" -c "VACUUM ANALYZE bench.$1_batch, bench.$1" -c CHECKPOINT
	timed "SELECT medallion.scd2_merge('bench.$1', 'bench.$1_batch', '{id}')"
}

run_small() { merge_batch small; }
run_large() { merge_batch large; }

part_incremental()
{
	((batch = rows < 1000000 ? rows / 10 : 100000))
	make_history small "$rows"
	make_history large $((rows * 10))
	run_small >/dev/null
	run_large >/dev/null
	equal "the batches" "SELECT count(*) FROM (SELECT * FROM bench.large_batch EXCEPT ALL SELECT $columns FROM bench.large WHERE is_current) d"
	compete small large
	title "$batch changed rows into a history"
	line "of $rows keys" small
	line "of $((rows * 10)) keys; goal: at most 1.2" large small
	sql -c "DROP TABLE bench.small, bench.small_batch, bench.large, bench.large_batch"
}
