# shellcheck shell=bash
# row_hash() beside what touches every byte.  Sourced by silver.sh.

# A function that adds up the bytes of its arguments: the least that looks at all of them.
get_touch()
{
	local folder

	folder=$(outside_folder) && cp "$here/touch.c" "$folder/" &&
		gcc -O2 -fPIC -shared -I"$("$PG_CONFIG" --includedir-server)" -o "$folder/touch.so" "$folder/touch.c" || die "no touch.so"
	sql -c "CREATE OR REPLACE FUNCTION bench.touch(VARIADIC \"any\") RETURNS bigint LANGUAGE c IMMUTABLE PARALLEL SAFE AS '$folder/touch', 'touch'"
}

run_row_hash() { timed "SELECT count(medallion.row_hash($columns)) FROM bench.before"; }
run_touch() { timed "SELECT count(bench.touch($columns)) FROM bench.before"; }
run_md5() { timed "SELECT count(md5(b::text)) FROM bench.before b"; }
run_sha256() { timed "SELECT count(sha256(b::text::bytea)) FROM bench.before b"; }
run_no_hash() { timed "SELECT count($(sed 's/, */), count(/g' <<<"$columns")) FROM bench.before b"; }

part_hash()
{
	get_touch
	equal "row_hash()" "SELECT count(*) - count(DISTINCT medallion.row_hash($columns)) FROM bench.before"
	compete row_hash touch md5 sha256 no_hash
	title "hash of ten columns"
	line "medallion.row_hash()" row_hash
	line "a function that adds up all bytes; goal: at least 0.67" touch row_hash
	line "md5(row::text)" md5 row_hash
	line "sha256(row::text)" sha256 row_hash
	line "only count() of each column" no_hash row_hash
}
