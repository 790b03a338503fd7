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

CREATE TEMP TABLE said (seed int, round int, path text, key int, val int, row int);
CREATE TEMP TABLE wrote (seed int, round int, path text);
CREATE TEMP TABLE rounds (seed int, round int, run_id bigint);

/* writes a file of this round and remembers it */
CREATE FUNCTION pg_temp.write_file(folder text, seed int, round int, path text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO wrote VALUES (seed, round, path);
	INSERT INTO said
	SELECT seed, round, path, 1 + (random() * 5)::int, nullif((random() * 3)::int, 0), g
	  FROM generate_series(1, (random() * 6)::int) g;
	EXECUTE format('COPY (SELECT key AS "Key", val AS "Val", %L AS "Round" FROM said'
				   ' WHERE seed = %s AND round = %s AND path = %L ORDER BY row) TO %L WITH (FORMAT csv, HEADER)',
				   'same', seed, round, path, folder || '/' || path);
END
$$;

/* one random sequence: rounds of writing files and running layers */
CREATE FUNCTION pg_temp.play(seed int, on_change text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	folder text := format('/tmp/medallion_fold_%s_%s', pg_backend_pid(), seed);
	feature text := format('fold_%s', seed);
	r int;
	id bigint;
BEGIN
	PERFORM setseed(seed / 100000.0);
	EXECUTE format('COPY (SELECT) TO PROGRAM %L', format('mkdir -p %s && cat >/dev/null', folder));
	PERFORM medallion.create_feature(feature, ARRAY[folder || '/*.csv'], ARRAY['key'],
		jsonb_build_object('on_change', on_change, 'load_duplicates', true, 'verify', true, 'header', 1,
						   'columns', '{"val": {"type": "bigint"}, "key": {"type": "bigint"}}'::jsonb));
	FOR r IN 1..7 LOOP
		FOR f IN 1..3 LOOP
			CONTINUE WHEN random() < 0.5;
			PERFORM pg_temp.write_file(folder, seed, r, format('%s.csv', chr(96 + f)));
		END LOOP;
		SELECT max(run_id) INTO id FROM medallion.run_pipeline(ARRAY[feature],
			CASE WHEN random() < 0.4 AND r < 7 THEN ARRAY['bronze'] ELSE ARRAY['bronze', 'silver'] END);
		INSERT INTO rounds VALUES (seed, r, id);
	END LOOP;
	EXECUTE format('COPY (SELECT) TO PROGRAM %L', format('rm -r %s && cat >/dev/null', folder));
END
$$;

/* what history should be: per key, stretches of equal value over rounds */
CREATE FUNCTION pg_temp.oracle(s int, on_change text)
RETURNS TABLE (key int, val int, opened int, closed int, version int) LANGUAGE sql AS $$
	WITH version AS (	-- a file version and the rounds in which it is the newest
		SELECT path, round AS since, lead(round) OVER (PARTITION BY path ORDER BY round) AS until FROM wrote WHERE seed = s),
	live AS (	-- withdrawn versions do not count at all where a change restates
		SELECT path, since, CASE WHEN on_change = 'version' THEN until END AS until FROM version
		 WHERE on_change = 'version' OR until IS NULL),
	statement AS (
		SELECT l.since, l.until, l.path, d.row, d.key, d.val
		  FROM live l JOIN said d ON d.seed = s AND d.path = l.path AND d.round = l.since),
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
		WITH seen AS (SELECT DISTINCT first_seen AS at, r.round FROM medallion.file_versions v
					   JOIN medallion.features f USING (feature_id) JOIN rounds r ON r.run_id = v.loaded_run_id
					   WHERE f.name = 'fold_%1$s' AND r.seed = %1$s)
		SELECT v.key::int, v.val::int, o.round, c.round, v._scd2_version, v._scd2_is_current
		  FROM silver.fold_%1$s v LEFT JOIN seen o ON o.at = v._scd2_valid_from LEFT JOIN seen c ON c.at = v._scd2_valid_to$q$, s);
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
	before text;
	after text;
BEGIN
	PERFORM pg_temp.play(s, on_change);
	RETURN NEXT is(pg_temp.differences(s, on_change), '', format('seed %s (%s): incremental equals the oracle', s, on_change));
	IF to_regclass(format('silver.fold_%s', s)) IS NOT NULL THEN
		EXECUTE format('SELECT string_agg((to_jsonb(v) - ''_opened_run_id'' - ''_closed_run_id'')::text, E''\n'' ORDER BY key, _scd2_version) FROM silver.fold_%s v', s) INTO before;
		PERFORM medallion.rebuild(format('fold_%s', s));
		PERFORM medallion.run_pipeline(ARRAY[format('fold_%s', s)]);
		EXECUTE format('SELECT string_agg((to_jsonb(v) - ''_opened_run_id'' - ''_closed_run_id'')::text, E''\n'' ORDER BY key, _scd2_version) FROM silver.fold_%s v', s) INTO after;
		RETURN NEXT is(after, before, format('seed %s (%s): a rebuild gives the same rows', s, on_change));
	ELSE
		RETURN NEXT pass(format('seed %s: no rows at all', s));
	END IF;
	PERFORM medallion.drop_feature(format('fold_%s', s), true);
END
$$;

SELECT plan(2 * :seeds);
SELECT pg_temp.check_seed(s) FROM generate_series(1, :seeds) s;
SELECT * FROM finish();
