# shellcheck shell=bash
# What twenty row-local checks add to a load, from the file to silver.  Sourced by silver.sh.

twenty_checks()
{
	local column checks=

	for column in id name email city segment balance orders born registered active; do
		checks+=", {\"name\": \"given_$column\", \"kind\": \"not_null\", \"columns\": [\"$column\"]}"
	done
	for column in name email city segment; do
		checks+=", {\"name\": \"length_$column\", \"kind\": \"length\", \"columns\": [\"$column\"], \"params\": {\"min\": 1, \"max\": 200}}"
	done
	for column in id balance orders; do
		checks+=", {\"name\": \"range_$column\", \"kind\": \"range\", \"columns\": [\"$column\"], \"params\": {\"min\": 0, \"max\": 1000000000}}"
	done
	checks+=', {"name": "known_segment", "kind": "accepted_values", "columns": ["segment"], "params": {"values": ["retail", "wholesale", "public", "export", "staff"]}}'
	checks+=', {"name": "has_at", "kind": "pattern", "columns": ["email"], "params": {"pattern": "@"}}'
	checks+=', {"name": "few_orders", "kind": "expression", "params": {"expression": "d.orders < 100000"}}'
	echo "[${checks#, }]"
}

# load_feature NAME CHECKS FILE: from the file to silver.
load_feature()
{
	sql -c "SELECT medallion.drop_feature('$1', true) FROM medallion.features WHERE name = '$1'" \
		-c "SELECT medallion.create_feature('$1', '{$3}', '{id}', jsonb_build_object('checks', '${2//\'/\'\'}'::jsonb))" -c CHECKPOINT >/dev/null
	timed "SELECT medallion.run_pipeline('{$1}')"
}

run_checked() { load_feature checked "$(twenty_checks)" "$csv"; }
run_unchecked() { load_feature unchecked '[]' "$csv"; }
run_tenth_checked() { load_feature tenth_checked "$(twenty_checks)" "${csv%.csv}_tenth.csv"; }
run_tenth_unchecked() { load_feature tenth_unchecked '[]' "${csv%.csv}_tenth.csv"; }

# What the checks cost at two sizes: what both have of it, and what each row adds.
split_cost()
{
	awk -v a="${cpu[checked]}" -v b="${cpu[unchecked]}" -v c="${cpu[tenth_checked]}" -v d="${cpu[tenth_unchecked]}" -v n="$rows" 'BEGIN {
		each = ((a - b) - (c - d)) / (n - int(n / 10))
		printf "  %-58s %23.2f s\n  %-58s %23.2f us\n", "of that for each load", c - d - int(n / 10) * each, "for each row", each * 1e6 }'
}

part_checks()
{
	csv=$(outside_folder)/customers.csv
	chmod 777 "$(dirname "$csv")"
	sql -c "COPY bench.before TO '$csv' CSV HEADER" -c "COPY (TABLE bench.before LIMIT $((rows / 10))) TO '${csv%.csv}_tenth.csv' CSV HEADER"
	run_checked >/dev/null
	run_unchecked >/dev/null
	equal "the loads" "SELECT count(*) FROM (SELECT $columns FROM silver.checked EXCEPT ALL SELECT $columns FROM silver.unchecked) d"
	equal "the checks" "SELECT 20 - count(*) FROM pg_attribute WHERE attrelid = 'silver.checked'::regclass AND attname ~ '^dq_' AND NOT attisdropped
		AND attname NOT IN (SELECT attname FROM pg_attribute WHERE attrelid = 'silver.unchecked'::regclass)"
	compete checked unchecked tenth_checked tenth_unchecked
	title "load of ten columns, from the file to silver"
	line "without checks" unchecked
	line "with twenty row-local checks; goal: at most 1.15" checked unchecked
	split_cost
	rm -f "$csv" "${csv%.csv}_tenth.csv"
}
