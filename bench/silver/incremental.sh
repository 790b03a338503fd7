# shellcheck shell=bash
# A batch of changed rows into histories of ROWS keys and of ten times as many.  Sourced by silver.sh.
#
# A table of one's own finds versions by an index on the key, in which the newest rows lie together; silver's
# by one of hashes, in which they lie anywhere.  Rows of all ages lie in the longer history on a page each, which is read and, once
# after a checkpoint, logged whole.  What the pages cost is told by a bare write: an UPDATE of rows whose places are known, and an INSERT.

batch=100000

# make_history NAME ROWS: histories of so many keys, by hashes and by the key, a batch that changes every so many of them, and one of the last.
make_history()
{
	sql >/dev/null <<-SQL
		CREATE TABLE bench.$1_hashed (LIKE bench.before, valid_from timestamptz NOT NULL, valid_to timestamptz, is_current boolean NOT NULL,
			version int NOT NULL, _business_key_hash uuid NOT NULL, _value_hash uuid NOT NULL);
		INSERT INTO bench.$1_hashed SELECT $columns, timestamptz '2025-01-01 UTC', NULL, true, 1, medallion.row_hash(id),
			medallion.pairs_hash('{name,email,city,segment,balance,orders,born,registered,active}'::text[], name, email, city, segment, balance, orders, born, registered, active)
			FROM bench.customers(1, $2) d;
		CREATE UNIQUE INDEX ON bench.$1_hashed (_business_key_hash, version);
		CREATE TABLE bench.$1_keyed AS SELECT $columns, valid_from, valid_to, is_current, version FROM bench.$1_hashed;
		ALTER TABLE bench.$1_keyed ADD PRIMARY KEY (id, version);
		CREATE TABLE bench.$1_spread AS SELECT * FROM bench.customers(1, $2) WHERE id % ($2 / $batch) = 0;
		CREATE TABLE bench.$1_newest AS SELECT * FROM bench.customers($2 - $batch + 1, $2);
		VACUUM ANALYZE bench.$1_hashed, bench.$1_keyed, bench.$1_spread, bench.$1_newest;
	SQL
}

# merge_batch NAME HISTORY BATCH: new values each time, so that each row of the batch is a change.
merge_batch()
{
	sql -c "UPDATE bench.$1_$3 SET balance = balance + 1" -c "VACUUM ANALYZE bench.$1_$3, bench.$1_$2" -c CHECKPOINT
	timed "SELECT medallion.scd2_merge('bench.$1_$2', 'bench.$1_$3', '{id}')"
}

# write_batch NAME HISTORY: what a merge of the spread batch writes, and no more.
write_batch()
{
	local hashes=

	[ "$2" = keyed ] || hashes=', _business_key_hash, _value_hash'
	sql -c "CREATE TABLE bench.write AS SELECT d.ctid AS place, d.* FROM bench.$1_$2 d JOIN bench.$1_spread b USING (id) WHERE d.is_current" \
		-c "VACUUM ANALYZE bench.write, bench.$1_$2" -c CHECKPOINT
	timed "WITH closed AS (UPDATE bench.$1_$2 SET valid_to = now(), is_current = false WHERE ctid = ANY (ARRAY(SELECT place FROM bench.write)))
		INSERT INTO bench.$1_$2 SELECT $columns, now(), NULL, true, version + 1$hashes FROM bench.write"
	sql -c "DROP TABLE bench.write"
}

for size in small large; do
	for history in hashed keyed; do
		for kind in spread newest; do
			eval "run_${size}_${history}_$kind() { merge_batch $size $history $kind; }"
		done
		eval "run_${size}_${history}_write() { write_batch $size $history; }"
	done
done

# batch_lines HISTORY KIND WHAT [GOAL]: both sizes.
batch_lines()
{
	line "$3: $rows keys" "small_$1_$2"
	line "$((rows * 10)) keys${4:+; goal: at most $4}" "large_$1_$2" "small_$1_$2"
}

part_incremental()
{
	local size history kind

	((batch = rows < 1000000 ? rows / 10 : 100000))
	make_history small "$rows"
	make_history large $((rows * 10))
	for size in small large; do
		for history in hashed keyed; do
			for kind in spread newest; do
				merge_batch $size $history $kind >/dev/null
				equal "the batches" "SELECT count(*) FROM (SELECT * FROM bench.${size}_$kind EXCEPT ALL SELECT $columns FROM bench.${size}_$history WHERE is_current) d"
			done
		done
	done
	compete {small,large}_{keyed,hashed}_{newest,spread,write}
	title "$batch changed rows into a history with an index on the key"
	batch_lines keyed newest "the newest rows" 1.2
	batch_lines keyed spread "rows of all ages"
	batch_lines keyed write "a bare write of these"
	title "$batch changed rows into a history with an index of hashes"
	batch_lines hashed newest "the newest rows"
	batch_lines hashed spread "rows of all ages"
	batch_lines hashed write "a bare write of these"
	sql -c "DROP TABLE bench.small_hashed, bench.small_keyed, bench.small_spread, bench.small_newest,
		bench.large_hashed, bench.large_keyed, bench.large_spread, bench.large_newest"
}
