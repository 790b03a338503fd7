/*
 * Silver against an oracle in another language: random options, files, batches.
 *
 *	test/property.sh fold 500		so many seeds, other ones each time
 *
 * A sequence is what the files say of one key: events in six rounds, in which files
 * are written, replaced by others or taken away, each round loaded at once or with
 * the next.  A seed has 40 of them, each its own, under one set of options and with
 * the same files and rounds; the oracle draws both, and columns that come late or
 * vanish again, one whose type widens, as from bigint to numeric to text, NULL as a
 * key, keys of two columns, rows that are filtered out or quarantined, options that
 * change between two rounds.
 *
 * test/fold/oracle.py makes the files, and works out what silver must be.  Each
 * seed is checked as it was played, rebuilt, and, where the sequence alone decides,
 * with its files in other orders and batches.
 *
 * A seed that fails prints itself: -v seed=… -v seeds=1 repeats it.  It goes to
 * kept, so that it is tried ever after.
 */
\set name properties
\ir setup.psql
-- with scd1, keys that a snapshot closed which is then withdrawn are in no table
\set kept '20270'
SET DateStyle = 'ISO';
\getenv quick MEDALLION_QUICK
\if :{?seeds}
\elif :{?quick}
	\set seeds 10
\else
	\set seeds 60
\endif
\if :{?seed}
\else
	\set seed 1
\endif

CREATE TEMP TABLE expected (k int, a text, b text, c text, v text, w text, since text, until text, version int, conflict boolean);
CREATE TEMP TABLE rounds (feature text, round int, run_at timestamptz, failed text);

/* one round: the files are there, run these layers */
CREATE FUNCTION pg_temp.play(feature text, round int, layers text[]) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	failed text;
BEGIN
	SELECT string_agg(format('%s: %s', layer, detail->>'error'), '; ') INTO failed
	  FROM medallion.run_pipeline(ARRAY[feature], layers) WHERE status IN ('FAILED', 'PARTIAL');
	INSERT INTO rounds SELECT feature, play.round, max(GREATEST(first_seen, superseded_at)), failed
	  FROM medallion.file_versions JOIN medallion.features f USING (feature_id) WHERE f.name = feature;
END
$$;

/* a column of silver as text: a number without zeros at its end, NULL where there is none */
CREATE FUNCTION pg_temp.shown(feature text, name text) RETURNS text LANGUAGE sql AS $$
	SELECT coalesce((SELECT format(CASE WHEN atttypid IN ('bigint'::regtype, 'numeric'::regtype) THEN 'trim_scale(%I)::text' ELSE '%I::text' END, name)
		FROM pg_attribute WHERE attrelid = format('silver.%I', feature)::regclass AND attname = name), 'NULL::text')
$$;

/* what went wrong, and rows that only one of the two has */
CREATE FUNCTION pg_temp.differences(feature text, sequenced boolean) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	place text := CASE WHEN sequenced THEN '%s::text' ELSE '(SELECT min(round)::text FROM rounds r WHERE r.feature = $1 AND r.run_at >= %s)' END;
	failed text := (SELECT coalesce(string_agg(format('round %s: %s', round, r.failed), E'\n'), '') FROM rounds r WHERE r.feature = $1 AND r.failed IS NOT NULL);
	result text;
BEGIN
	IF to_regclass('silver.' || feature) IS NULL THEN
		RETURN failed || (SELECT CASE WHEN count(*) > 0 THEN 'no table' ELSE '' END FROM expected);
	END IF;
	EXECUTE format('WITH ours AS (SELECT k::int, %s, %s AS since, %s AS until, _scd2_version AS version, dq_conflict_flag AS conflict FROM silver.%I)'
		' SELECT coalesce(string_agg(d::text, E''\n'' ORDER BY d.k, d.version, d.who), '''') FROM ('
		' (SELECT ''silver'' AS who, * FROM ours EXCEPT ALL SELECT ''silver'', * FROM expected) UNION ALL'
		' (SELECT ''oracle'', * FROM expected EXCEPT ALL SELECT ''oracle'', * FROM ours)) d',
		(SELECT string_agg(pg_temp.shown(feature, name) || ' AS ' || name, ', ') FROM unnest('{a,b,c,v,w}'::text[]) name),
		format(place, '_scd2_valid_from'), format(place, '_scd2_valid_to'), feature)
	  INTO result USING feature;
	RETURN failed || result;
END
$$;

CREATE TEMP TABLE played (line text);
/* the rows of silver, whole but for run ids */
CREATE FUNCTION pg_temp.all_rows(feature text) RETURNS SETOF text LANGUAGE plpgsql AS $$
BEGIN
	IF to_regclass('silver.' || feature) IS NOT NULL THEN
		RETURN QUERY EXECUTE format('SELECT (to_jsonb(whole) - ''_opened_run_id'' - ''_closed_run_id'')::text FROM silver.%I whole', feature);
	END IF;
END
$$;
CREATE FUNCTION pg_temp.rebuilt_differences(feature text) RETURNS text LANGUAGE sql AS $$
	SELECT coalesce(string_agg(d.who || d.line, E'\n' ORDER BY d.line), '')
	  FROM ((SELECT 'before ' AS who, line FROM played EXCEPT ALL SELECT 'before ', r FROM pg_temp.all_rows(feature) r)
			UNION ALL (SELECT 'rebuilt ', r FROM pg_temp.all_rows(feature) r EXCEPT ALL SELECT 'rebuilt ', line FROM played)) d
$$;

CREATE FUNCTION pg_temp.check_seed(feature text, label text, sequenced boolean) RETURNS SETOF text LANGUAGE plpgsql AS $$
BEGIN
	TRUNCATE played;
	INSERT INTO played SELECT pg_temp.all_rows(feature);
	RETURN NEXT is(pg_temp.differences(feature, sequenced), '', label || ': incremental equals the oracle');
	PERFORM medallion.rebuild(feature);
	PERFORM medallion.run_pipeline(ARRAY[feature], '{silver}');
	RETURN NEXT is(pg_temp.rebuilt_differences(feature), '', label || ': a rebuild gives the same rows');
	PERFORM medallion.drop_feature(feature, true);
END
$$;
CREATE FUNCTION pg_temp.check_replay(feature text, label text, sequenced boolean) RETURNS SETOF text LANGUAGE plpgsql AS $$
BEGIN
	RETURN NEXT is(pg_temp.differences(feature, sequenced), '', label || ': in another order and other batches');
	PERFORM medallion.drop_feature(feature, true);
END
$$;

SELECT :seed + :seeds - 1 AS last \gset
\set made `python3 :'project'/test/fold/oracle.py :'seed' :'last' $(echo :'kept') > /tmp/medallion_properties_$$.psql; echo /tmp/medallion_properties_$$.psql`
\set replays `grep -c '^SELECT pg_temp.check_replay' :'made'`
SELECT plan(2 * (:seeds + cardinality(string_to_array(trim(:'kept'), ' '))) + :replays);
\i :made
\set removed `rm :'made'`
SELECT * FROM finish();
