/*
 * Silver against an oracle in another language: random options, files, batches.
 *
 *   FOLD_SEEDS=1000 MEDALLION_TEST_TIMEOUT=7200 TESTS=properties test/run.sh pgtap
 *
 * plays so many features of 40 keys each, each key a sequence of its own, 50 unless
 * told; FOLD_FIRST=n begins with that seed: a failure names its own.
 *
 * test/fold/oracle.py makes the files, and works out what silver must be.  Each
 * seed is checked as it was played, rebuilt, and, where the sequence alone decides,
 * with its files in another order.
 */
\set name properties
\ir setup.psql
\set first 1
\getenv quick MEDALLION_QUICK
\if :{?quick}
	\set seeds 10
\else
	\set seeds 50
\endif
\getenv first FOLD_FIRST
\getenv seeds FOLD_SEEDS

CREATE TEMP TABLE expected (k int, a text, b text, c text, since text, until text, version int, conflict boolean);
CREATE TEMP TABLE rounds (feature text, round int, run_at timestamptz);

/* one round: the files are there, run these layers */
CREATE FUNCTION pg_temp.play(feature text, round int, layers text[]) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	failed text;
BEGIN
	SELECT string_agg(format('%s: %s', layer, detail->>'error'), '; ') INTO failed
	  FROM medallion.run_pipeline(ARRAY[feature], layers) WHERE status IN ('FAILED', 'PARTIAL');
	IF failed IS NOT NULL THEN
		RAISE WARNING '% round %: %', feature, round, failed;
	END IF;
	INSERT INTO rounds SELECT feature, play.round, max(GREATEST(first_seen, superseded_at))
	  FROM medallion.file_versions JOIN medallion.features f USING (feature_id) WHERE f.name = feature;
END
$$;

/* rows that only one of the two has */
CREATE FUNCTION pg_temp.differences(feature text, sequenced boolean) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	has_c boolean := EXISTS (SELECT FROM pg_attribute WHERE attrelid = to_regclass('silver.' || feature) AND attname = 'c');
	place text := CASE WHEN sequenced THEN '%s::text' ELSE '(SELECT min(round)::text FROM rounds r WHERE r.feature = $1 AND r.run_at >= %s)' END;
	result text;
BEGIN
	IF to_regclass('silver.' || feature) IS NULL THEN
		RETURN (SELECT CASE WHEN count(*) > 0 THEN 'no table' ELSE '' END FROM expected);
	END IF;
	EXECUTE format('WITH ours AS (SELECT k::int, a, b, %s AS c, %s AS since, %s AS until, _scd2_version AS version, dq_conflict_flag AS conflict FROM silver.%I)'
		' SELECT coalesce(string_agg(d::text, E''\n'' ORDER BY d.k, d.version, d.who), '''') FROM ('
		' (SELECT ''silver'' AS who, * FROM ours EXCEPT ALL SELECT ''silver'', * FROM expected) UNION ALL'
		' (SELECT ''oracle'', * FROM expected EXCEPT ALL SELECT ''oracle'', * FROM ours)) d',
		CASE WHEN has_c THEN 'c' ELSE 'NULL::text' END, format(place, '_scd2_valid_from'), format(place, '_scd2_valid_to'), feature)
	  INTO result USING feature;
	RETURN result;
END
$$;

CREATE TEMP TABLE kept (line text);
/* the rows of silver, whole but for run ids */
CREATE FUNCTION pg_temp.all_rows(feature text) RETURNS SETOF text LANGUAGE plpgsql AS $$
BEGIN
	IF to_regclass('silver.' || feature) IS NOT NULL THEN
		RETURN QUERY EXECUTE format('SELECT (to_jsonb(v) - ''_opened_run_id'' - ''_closed_run_id'')::text FROM silver.%I v', feature);
	END IF;
END
$$;
CREATE FUNCTION pg_temp.rebuilt_differences(feature text) RETURNS text LANGUAGE sql AS $$
	SELECT coalesce(string_agg(d.who || d.line, E'\n' ORDER BY d.line), '')
	  FROM ((SELECT 'before ' AS who, line FROM kept EXCEPT ALL SELECT 'before ', r FROM pg_temp.all_rows(feature) r)
			UNION ALL (SELECT 'rebuilt ', r FROM pg_temp.all_rows(feature) r EXCEPT ALL SELECT 'rebuilt ', line FROM kept)) d
$$;

CREATE FUNCTION pg_temp.check_seed(feature text, label text, sequenced boolean, again boolean) RETURNS SETOF text LANGUAGE plpgsql AS $$
BEGIN
	TRUNCATE kept;
	INSERT INTO kept SELECT pg_temp.all_rows(feature);
	RETURN NEXT is(pg_temp.differences(feature, sequenced), '', label || ': incremental equals the oracle');
	PERFORM medallion.rebuild(feature);
	PERFORM medallion.run_pipeline(ARRAY[feature], '{silver}');
	RETURN NEXT is(pg_temp.rebuilt_differences(feature), '', label || ': a rebuild gives the same rows');
	IF again THEN
		RETURN NEXT is(pg_temp.differences(feature || '_again', sequenced), '', label || ': in another order');
		PERFORM medallion.drop_feature(feature || '_again', true);
	ELSE
		RETURN NEXT pass(label || ': arrival decides, as it may');
	END IF;
	PERFORM medallion.drop_feature(feature, true);
END
$$;

SELECT :first + :seeds - 1 AS last \gset
SELECT plan(3 * :seeds);
\set made `python3 :'project'/test/fold/oracle.py :'first' :'last' > /tmp/medallion_properties_$$.psql; echo /tmp/medallion_properties_$$.psql`
\i :made
\set removed `rm :'made'`
SELECT * FROM finish();
