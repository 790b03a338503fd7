/*
 * Silver against an oracle: random file versions, in random batches.
 *
 * Each round rewrites some files and runs bronze, sometimes silver too.  The
 * oracle keeps its own copy of what each file said in each round, and works out
 * the value of every key after every round from the files as they then are; it
 * knows nothing of bronze, hashes or merges.  A seed that fails prints itself.
 */
\set ON_ERROR_STOP on
\set QUIET on
\pset format unaligned
\pset tuples_only on
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pgtap;
CREATE EXTENSION IF NOT EXISTS medallion;

\if :{?seeds}
\else
\set seeds 40
\endif

SELECT set_config('test.scratch', :'scratch', false) \g /dev/null
CREATE TEMP TABLE said (seed int, round int, path text, key int, val int, row int);
-- a file's version: what it says since a round, as of a time, until another; carried by another file if it says the same
CREATE TEMP TABLE wrote (seed int, round int, path text, content text, speaks_since int, until int, carrier text);
CREATE TEMP TABLE rounds (seed int, round int, run_at timestamptz);

/* writes a file of this round and remembers it; sometimes it says what another says */
CREATE FUNCTION pg_temp.write_file(folder text, s int, r int, p text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	twin record;
BEGIN
	SELECT path, round INTO twin FROM wrote
	 WHERE seed = s AND path <> p AND until IS NULL AND random() < 0.4 ORDER BY random() LIMIT 1;
	IF FOUND THEN
		INSERT INTO said SELECT s, r, p, key, val, row FROM said d WHERE d.seed = s AND d.round = twin.round AND d.path = twin.path;
	ELSE
		INSERT INTO said
		SELECT s, r, p, 1 + (random() * 5)::int, nullif((random() * 3)::int, 0), g
		  FROM generate_series(1, (random() * 6)::int) g;
	END IF;
	EXECUTE format('COPY (SELECT key AS "Key", val AS "Val", %L AS "Round" FROM said'
				   ' WHERE seed = %s AND round = %s AND path = %L ORDER BY row) TO %L WITH (FORMAT csv, HEADER)',
				   'same', s, r, p, folder || '/' || p);
END
$$;

/* who speaks after a round: files that say the same are one voice, which lasts as long as one of them */
CREATE FUNCTION pg_temp.note_versions(s int, r int, duplicates boolean) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	file record;
	other record;
BEGIN
	FOR file IN SELECT d.path, coalesce(c.content, '') AS content
				  FROM (SELECT DISTINCT path FROM fresh) d
				  LEFT JOIN (SELECT path, string_agg(format('%s,%s', key, val), ' ' ORDER BY row) AS content
							   FROM said WHERE seed = s AND round = r GROUP BY path) c USING (path)
				 ORDER BY d.path COLLATE "C" LOOP
		CONTINUE WHEN EXISTS (SELECT FROM wrote w WHERE w.seed = s AND w.path = file.path AND until IS NULL AND w.content = file.content);
		UPDATE wrote w SET until = r WHERE w.seed = s AND w.path = file.path AND until IS NULL;
		INSERT INTO wrote VALUES (s, r, file.path, file.content, r, NULL,
			(SELECT w.path FROM wrote w WHERE NOT duplicates AND w.seed = s AND w.content = file.content AND until IS NULL AND carrier IS NULL));
	END LOOP;
	FOR file IN SELECT * FROM wrote w WHERE w.seed = s AND until IS NULL AND carrier IS NOT NULL ORDER BY path COLLATE "C" LOOP
		CONTINUE WHEN EXISTS (SELECT FROM wrote w WHERE w.seed = s AND w.content = file.content AND until IS NULL AND carrier IS NULL);
		UPDATE wrote w SET carrier = NULL, speaks_since = (SELECT max(o.speaks_since) FROM wrote o
								WHERE o.seed = s AND o.content = file.content AND o.carrier IS NULL AND o.until = r)
		 WHERE w.seed = s AND w.path = file.path AND until IS NULL;
	END LOOP;
END
$$;

/* one random sequence: rounds of writing files and running layers */
CREATE FUNCTION pg_temp.play(seed int, on_change text, duplicates boolean) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	folder text := format('%s/fold_%s', current_setting('test.scratch'), seed);
	feature text := format('fold_%s', seed);
	r int;
BEGIN
	PERFORM setseed(seed / 100000.0);
	EXECUTE format('COPY (SELECT) TO PROGRAM %L', format('mkdir -p %s && cat >/dev/null', folder));
	PERFORM medallion.create_feature(feature, ARRAY[folder || '/*.csv'], ARRAY['key'],
		jsonb_build_object('on_change', on_change, 'load_duplicates', duplicates, 'verify', true, 'header', 1,
						   'columns', '{"val": {"type": "bigint"}, "key": {"type": "bigint"}}'::jsonb));
	CREATE TEMP TABLE IF NOT EXISTS fresh (path text);
	FOR r IN 1..7 LOOP
		TRUNCATE fresh;
		FOR f IN 1..3 LOOP
			CONTINUE WHEN random() < 0.5;
			PERFORM pg_temp.write_file(folder, seed, r, format('%s.csv', chr(96 + f)));
			INSERT INTO fresh VALUES (format('%s.csv', chr(96 + f)));
		END LOOP;
		PERFORM pg_temp.note_versions(seed, r, duplicates);
		PERFORM medallion.run_pipeline(ARRAY[feature],
			CASE WHEN random() < 0.4 AND r < 7 THEN ARRAY['bronze'] ELSE ARRAY['bronze', 'silver'] END);
		INSERT INTO rounds SELECT seed, r, max(GREATEST(first_seen, superseded_at))
		  FROM medallion.file_versions JOIN medallion.features f USING (feature_id) WHERE f.name = feature;
	END LOOP;
	EXECUTE format('COPY (SELECT) TO PROGRAM %L', format('rm -r %s && cat >/dev/null', folder));
END
$$;

/* what history should be: per key, stretches of equal value over rounds */
CREATE FUNCTION pg_temp.oracle(s int, on_change text)
RETURNS TABLE (key int, val int, opened int, closed int, version int) LANGUAGE sql AS $$
	WITH live AS (	-- withdrawn versions do not count at all where a change restates
		SELECT path, round, speaks_since AS since, until FROM wrote
		 WHERE seed = s AND carrier IS NULL AND (on_change = 'version' OR until IS NULL)),
	statement AS (
		SELECT l.since, l.until, l.path, d.row, d.key, d.val
		  FROM live l JOIN said d ON d.seed = s AND d.path = l.path AND d.round = l.round),
	state AS (	-- each key after each round
		SELECT k.key, r.round, w.since IS NOT NULL AS alive, w.val
		  FROM (SELECT DISTINCT key FROM statement) k CROSS JOIN generate_series(1, 7) r (round)
		  LEFT JOIN LATERAL (SELECT * FROM statement t WHERE t.key = k.key AND t.since <= r.round
							 AND (t.until IS NULL OR t.until > r.round)
							 ORDER BY t.since DESC, t.path COLLATE "C" DESC, t.row DESC LIMIT 1) w ON true),
	change AS (
		SELECT *, lag(alive) OVER w AS was_alive, lag(val) OVER w AS was FROM state
		WINDOW w AS (PARTITION BY key ORDER BY round)),
	stretch AS (
		SELECT key, val, alive, round, lead(round) OVER (PARTITION BY key ORDER BY round) AS closed
		  FROM change WHERE alive IS DISTINCT FROM coalesce(was_alive, false) OR (alive AND val IS DISTINCT FROM was))
	SELECT key, val, round, closed, row_number() OVER (PARTITION BY key ORDER BY round)::int FROM stretch WHERE alive
$$;

/* what silver says, with times turned into rounds */
CREATE FUNCTION pg_temp.silver(s int)
RETURNS TABLE (key int, val int, opened int, closed int, version int, is_current boolean) LANGUAGE plpgsql AS $$
BEGIN
	IF to_regclass(format('silver.fold_%s', s)) IS NULL THEN
		RETURN;
	END IF;
	RETURN QUERY EXECUTE format($q$
		SELECT v.key::int, v.val::int,
			   (SELECT min(round) FROM rounds WHERE seed = %1$s AND run_at >= v._scd2_valid_from),
			   (SELECT min(round) FROM rounds WHERE seed = %1$s AND run_at >= v._scd2_valid_to),
			   v._scd2_version, v._scd2_is_current
		  FROM silver.fold_%1$s v$q$, s);
END
$$;

/* rows that only one of the two has */
CREATE FUNCTION pg_temp.differences(s int, on_change text) RETURNS text LANGUAGE sql AS $$
	WITH ours AS (SELECT key, val, opened, closed, version, is_current FROM pg_temp.silver(s)),
	truth AS (SELECT *, closed IS NULL AS is_current FROM pg_temp.oracle(s, on_change))
	SELECT coalesce(string_agg(d::text, E'\n'), '')
	  FROM ((SELECT 'silver', * FROM ours EXCEPT ALL SELECT 'silver', * FROM truth)
			UNION ALL
			(SELECT 'oracle', * FROM truth EXCEPT ALL SELECT 'oracle', * FROM ours)) d
$$;

CREATE FUNCTION pg_temp.check_seed(s int) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
	on_change text := CASE WHEN s % 3 = 0 THEN 'restate' ELSE 'version' END;
	duplicates boolean := s % 2 = 0;
	case_name text := format('seed %s (%s%s)', s, on_change, CASE WHEN duplicates THEN ', duplicates loaded' END);
	before text;
	after text;
BEGIN
	PERFORM pg_temp.play(s, on_change, duplicates);
	RETURN NEXT is(pg_temp.differences(s, on_change), '', case_name || ': incremental equals the oracle');
	IF to_regclass(format('silver.fold_%s', s)) IS NOT NULL THEN
		EXECUTE format('SELECT string_agg((to_jsonb(v) - ''_opened_run_id'' - ''_closed_run_id'')::text, E''\n'' ORDER BY key, _scd2_version) FROM silver.fold_%s v', s) INTO before;
		PERFORM medallion.rebuild(format('fold_%s', s));
		PERFORM medallion.run_pipeline(ARRAY[format('fold_%s', s)]);
		EXECUTE format('SELECT string_agg((to_jsonb(v) - ''_opened_run_id'' - ''_closed_run_id'')::text, E''\n'' ORDER BY key, _scd2_version) FROM silver.fold_%s v', s) INTO after;
		RETURN NEXT is(after, before, case_name || ': a rebuild gives the same rows');
	ELSE
		RETURN NEXT pass(format('seed %s: no rows at all', s));
	END IF;
	PERFORM medallion.drop_feature(format('fold_%s', s), true);
END
$$;

SELECT plan(2 * :seeds);
SELECT format('SELECT pg_temp.check_seed(%s)', s) FROM generate_series(1, :seeds) s \gexec
SELECT * FROM finish();
