# shellcheck shell=bash
# A batch of changed rows into histories of ROWS keys and of ten times as many.  Sourced by silver.sh.
#
# Rows of all ages lie in the longer history on a page each, which is read and, once after a checkpoint, logged whole; the newest
# lie together.  What the pages cost is told by a bare write: an UPDATE of rows whose places are known, and an INSERT.

batch=100000

# make_history NAME ROWS: a history of so many keys, a batch that changes every so many of them, and one of the last.
make_history()
{
	sql >/dev/null <<-SQL
		CREATE TABLE bench.$1 (LIKE bench.before, valid_from timestamptz NOT NULL, valid_to timestamptz, is_current boolean NOT NULL,
			version int NOT NULL, _business_key_hash uuid NOT NULL, _value_hash uuid NOT NULL);
		INSERT INTO bench.$1 SELECT $columns, timestamptz '2025-01-01 UTC', NULL, true, 1, medallion.row_hash(id),
			medallion.pairs_hash('{name,email,city,segment,balance,orders,born,registered,active}'::text[], name, email, city, segment, balance, orders, born, registered, active)
			FROM bench.customers(1, $2) d;
		CREATE UNIQUE INDEX ON bench.$1 (_business_key_hash, version);
		CREATE TABLE bench.$1_spread (LIKE bench.before);
		INSERT INTO bench.$1_spread SELECT * FROM bench.customers(1, $2) WHERE id % ($2 / $batch) = 0;
		CREATE TABLE bench.$1_newest (LIKE bench.before);
		INSERT INTO bench.$1_newest SELECT * FROM bench.customers($2 - $batch + 1, $2);
		VACUUM ANALYZE bench.$1, bench.$1_spread, bench.$1_newest;
	SQL
}

# merge_batch NAME BATCH: new values each time, so that each row of the batch is a change.
merge_batch()
{
	sql -c "UPDATE bench.$1_$2 SET balance = balance + 1" -c "VACUUM ANALYZE bench.$1_$2, bench.$1" -c CHECKPOINT
	timed "SELECT medallion.scd2_merge('bench.$1', 'bench.$1_$2', '{id}')"
}

# write_batch NAME: what a merge of the spread batch writes, and no more.
write_batch()
{
	sql -c "CREATE TABLE bench.write AS SELECT d.ctid AS place, d.* FROM bench.$1 d JOIN bench.$1_spread b USING (id) WHERE d.is_current" \
		-c "VACUUM ANALYZE bench.write, bench.$1" -c CHECKPOINT
	timed "WITH closed AS (UPDATE bench.$1 d SET valid_to = now(), is_current = false FROM bench.write w WHERE d.ctid = w.place)
		INSERT INTO bench.$1 SELECT $columns, now(), NULL, true, version + 1, _business_key_hash, _value_hash FROM bench.write"
	sql -c "DROP TABLE bench.write"
}

run_small_spread() { merge_batch small spread; }
run_large_spread() { merge_batch large spread; }
run_small_newest() { merge_batch small newest; }
run_large_newest() { merge_batch large newest; }
run_small_write() { write_batch small; }
run_large_write() { write_batch large; }

part_incremental()
{
	local size kind

	((batch = rows < 1000000 ? rows / 10 : 100000))
	make_history small "$rows"
	make_history large $((rows * 10))
	for size in small large; do
		for kind in spread newest; do
			merge_batch $size $kind >/dev/null
			equal "the batches" "SELECT count(*) FROM (SELECT * FROM bench.${size}_$kind EXCEPT ALL SELECT $columns FROM bench.$size WHERE is_current) d"
		done
	done
	compete small_spread large_spread small_newest large_newest small_write large_write
	title "$batch changed rows of all ages into a history"
	line "of $rows keys" small_spread
	line "of $((rows * 10)) keys; goal: at most 1.2" large_spread small_spread
	line "a bare write of them, $rows keys" small_write
	line "a bare write of them, $((rows * 10)) keys" large_write small_write
	title "$batch changed rows, the newest, into a history"
	line "of $rows keys" small_newest
	line "of $((rows * 10)) keys; goal: at most 1.2" large_newest small_newest
	sql -c "DROP TABLE bench.small, bench.small_spread, bench.small_newest, bench.large, bench.large_spread, bench.large_newest"
}
