/*
 * undo_run(): random runs undone in random order equal never having run.
 *
 * Two features are played over rounds of rewriting files, running some layers,
 * and undoing runs of earlier rounds.  Then two others are played over the same
 * rounds without those that were undone: the ledger, bronze and silver of the
 * two must be equal, but for ids and for times, which are told as rounds; models
 * over both must say what their queries say.  The seed chooses keys, history,
 * snapshots, sequences, duplicates and whether columns have types of their own.
 *
 *	test/property.sh undo 500		so many seeds, other ones each time
 *
 * A seed that fails prints itself: -v seed=… -v seeds=1 repeats it.
 */
\set name undo
\ir setup.psql
\getenv quick MEDALLION_QUICK
\if :{?seeds}
\elif :{?quick}
\set seeds 5
\else
\set seeds 20
\endif
\if :{?seed}
\else
\set seed 1
\endif
SELECT set_config('test.tree', :'tree', false) AS tree \gset

CREATE TEMP TABLE wrote (seed int, letter text, round int, path text, content text);
CREATE TEMP TABLE rounds (seed int, side text, round int, run_id bigint, layers text[], undone boolean NOT NULL DEFAULT false);
CREATE TEMP TABLE ledger (file_id bigint, name text, at timestamptz, round int, status text, superseded_at timestamptz);

CREATE FUNCTION pg_temp.layers(bronze_only boolean) RETURNS text[] LANGUAGE sql AS $$
	SELECT CASE WHEN bronze_only THEN ARRAY['bronze'] ELSE ARRAY['bronze', 'silver', 'gold'] END
$$;
/* what the two features of a seed are like */
CREATE FUNCTION pg_temp.variant(s int, letter text, OUT keyed boolean, OUT sequenced boolean, OUT untyped boolean, OUT options jsonb) LANGUAGE plpgsql AS $$
DECLARE
	v int := s + CASE letter WHEN 'b' THEN 3 ELSE 0 END;
BEGIN
	keyed := v % 5 > 0;
	sequenced := keyed AND v % 7 = 3;
	untyped := v % 4 < 2;
	options := jsonb_build_object('load_duplicates', v % 2 = 0, 'header', 1);
	IF NOT sequenced THEN
		options := options || jsonb_build_object('on_change', CASE WHEN v % 3 = 0 THEN 'restate' ELSE 'version' END);
	ELSE
		options := options || '{"sequence_by": "at"}';
	END IF;
	IF keyed AND v % 7 IN (1, 3, 5) AND v % 2 = 0 THEN
		options := options || '{"deletes": "snapshot"}';
	END IF;
	IF NOT untyped THEN
		options := options || '{"columns": {"val": {"type": "bigint"}, "key": {"type": "bigint"}, "at": {"type": "bigint"}}}';
	END IF;
END
$$;
CREATE FUNCTION pg_temp.feature(side text, s int, letter text) RETURNS text LANGUAGE sql AS $$
	SELECT format('%s_%s%s', side, s, letter)
$$;
CREATE FUNCTION pg_temp.features(side text, s int) RETURNS text[] LANGUAGE sql AS $$
	SELECT ARRAY[pg_temp.feature(side, s, 'a'), pg_temp.feature(side, s, 'b')]
$$;
/* what holds now of a feature */
CREATE FUNCTION pg_temp.present(side text, s int, letter text) RETURNS text LANGUAGE sql AS $$
	SELECT format('silver.%s%s', pg_temp.feature(side, s, letter), CASE WHEN (pg_temp.variant(s, letter)).keyed THEN '_current' ELSE '' END)
$$;
CREATE FUNCTION pg_temp.define(side text, s int) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	letter text;
	feature text;
BEGIN
	FOREACH letter IN ARRAY ARRAY['a', 'b'] LOOP
		feature := pg_temp.feature(side, s, letter);
		PERFORM pg_temp.shell(format('mkdir -p %s/%s', current_setting('test.tree'), feature));
		PERFORM medallion.create_feature(feature, ARRAY[feature || '/*.csv'], CASE WHEN v.keyed THEN ARRAY['key'] END, v.options)
		   FROM pg_temp.variant(s, letter) v;
	END LOOP;
END
$$;
/* one round of a side: writes its files, runs */
CREATE FUNCTION pg_temp.play(side text, s int, r int, layers text[]) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	file record;
	run bigint;
BEGIN
	FOR file IN SELECT * FROM wrote w WHERE w.seed = s AND w.round = r ORDER BY letter, path LOOP
		PERFORM pg_temp.put(pg_temp.feature(side, s, file.letter) || '/' || file.path, E'Key,Val,At\n' || file.content);
	END LOOP;
	SELECT min(run_id) INTO run FROM medallion.run_pipeline(pg_temp.features(side, s), layers);
	INSERT INTO rounds VALUES (s, side, r, run, layers);
END
$$;
/* the rows of a file: values of one type or of several, or none at all */
CREATE FUNCTION pg_temp.rows() RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	words text[] := CASE (random() * 4)::int WHEN 0 THEN ARRAY[''] WHEN 1 THEN ARRAY['2025-01-01', '2025-01-02', '']
		WHEN 2 THEN ARRAY['1', '2.5', 'x'] ELSE ARRAY['1', '2', '3', ''] END;
BEGIN
	RETURN (SELECT coalesce(string_agg(format(E'%s,%s,%s\n', 1 + (random() * 5)::int, words[1 + floor(random() * cardinality(words))::int], (random() * 4)::int), '')
			, '') FROM generate_series(1, (random() * 6)::int));
END
$$;
/* what the files of a round are to say: never what they say already, sometimes what another says or said */
CREATE FUNCTION pg_temp.invent(s int, r int) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	l text;
	p text;
	says text;
BEGIN
	FOR l, p IN SELECT x, y FROM unnest('{a,b}'::text[]) x, unnest('{a.csv,b.csv,c.csv}'::text[]) y ORDER BY 1, 2 LOOP
		CONTINUE WHEN random() < 0.5;
		SELECT content INTO says FROM wrote w WHERE w.seed = s AND w.letter = l AND random() < 0.6 ORDER BY random() LIMIT 1;
		IF NOT FOUND OR random() < 0.5 THEN
			says := pg_temp.rows();
		END IF;
		CONTINUE WHEN says IS NOT DISTINCT FROM (SELECT content FROM wrote w WHERE w.seed = s AND w.letter = l AND w.path = p ORDER BY round DESC LIMIT 1);
		INSERT INTO wrote VALUES (s, l, r, p, says);
	END LOOP;
END
$$;
/* undoes a random run that was not undone yet */
CREATE FUNCTION pg_temp.undo(s int) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	chosen rounds;
BEGIN
	SELECT * INTO chosen FROM rounds t WHERE t.seed = s AND t.side = 'undo' AND NOT undone ORDER BY random() LIMIT 1;
	IF FOUND THEN
		PERFORM medallion.undo_run(chosen.run_id);
		UPDATE rounds SET undone = true WHERE run_id = chosen.run_id;
	END IF;
END
$$;
/* everything that a feature came to, one text a line; a column without any value may have any type */
CREATE FUNCTION pg_temp.came_to(side text, s int, letter text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
	f text := pg_temp.feature(side, s, letter);
	kind record := pg_temp.variant(s, letter);
	left_out text[] := ARRAY['_opened_run_id', '_closed_run_id', '_file_id'];
BEGIN
	IF NOT kind.sequenced THEN
		left_out := left_out || ARRAY['_scd2_valid_from', '_scd2_valid_to'];
	END IF;
	IF kind.untyped THEN
		left_out := left_out || ARRAY['dq_cast_flag_key', 'dq_cast_flag_val', 'dq_cast_flag_at'];
	END IF;
	TRUNCATE ledger;
	INSERT INTO ledger SELECT v.file_id, regexp_replace(v.path, '.*/', ''), v.seen_at, t.round, v.status, v.superseded_at
	  FROM medallion.file_versions v JOIN medallion.features g USING (feature_id) JOIN rounds t ON t.run_id = v.seen_run_id WHERE g.name = f;
	RETURN QUERY SELECT concat_ws(' ', 'ledger', l.name, l.round, v.status, 'as of', (SELECT min(round) FROM ledger WHERE at = v.first_seen),
			'until', (SELECT min(round) FROM ledger WHERE at = v.superseded_at), 'then', (SELECT name || round FROM ledger WHERE file_id = v.superseded_by),
			'for', (SELECT name || round FROM ledger WHERE file_id = v.duplicate_of), CASE WHEN v.status = 'LOADED' THEN v.rows END)
		FROM ledger l JOIN medallion.file_versions v USING (file_id) WHERE v.status NOT IN ('WITHDRAWN', 'REPEATED');
	IF to_regclass('bronze.' || f) IS NOT NULL THEN
		RETURN QUERY EXECUTE format($q$SELECT concat_ws(' ', 'bronze', l.name, l.round, b._row, b.key, b.val, b.at) FROM bronze.%I b JOIN ledger l ON l.file_id = b._file_id WHERE l.status = 'LOADED'$q$, f);
	END IF;
	IF to_regclass('silver.' || f) IS NOT NULL THEN
		RETURN QUERY EXECUTE format($q$SELECT 'silver ' || (to_jsonb(v) - %L::text[])::text || ' ' || l.name || l.round $q$
			|| CASE WHEN kind.keyed AND NOT kind.sequenced THEN $q$ || ' from ' || (SELECT min(round) FROM ledger WHERE at = v._scd2_valid_from) || coalesce(' to ' || (SELECT min(round) FROM ledger WHERE at = v._scd2_valid_to), '')$q$ ELSE '' END
			|| $q$ FROM silver.%I v LEFT JOIN ledger l ON l.file_id = v._file_id$q$, left_out, f);
	END IF;
END
$$;
CREATE FUNCTION pg_temp.differences(s int) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	ours text[] := ARRAY(SELECT l || ' ' || x FROM unnest('{a,b}'::text[]) l, pg_temp.came_to('undo', s, l) x);
	truth text[] := ARRAY(SELECT l || ' ' || x FROM unnest('{a,b}'::text[]) l, pg_temp.came_to('never', s, l) x);
BEGIN
	RETURN (SELECT coalesce(string_agg(d, E'\n' ORDER BY d), '') FROM (
		(SELECT 'undone: ' || x AS d FROM unnest(ours) x EXCEPT ALL SELECT 'undone: ' || x FROM unnest(truth) x)
		UNION ALL (SELECT 'never:  ' || x FROM unnest(truth) x EXCEPT ALL SELECT 'never:  ' || x FROM unnest(ours) x)) q);
END
$$;
/* a model of groups, one that joins the features, and one over a model */
CREATE FUNCTION pg_temp.model_queries(s int) RETURNS TABLE (name text, query text) LANGUAGE sql AS $$
	VALUES (format('by_val_%s', s), format('SELECT val, count(*) AS n FROM %s GROUP BY val', pg_temp.present('undo', s, 'a'))),
		(format('joined_%s', s), format('SELECT a.key, count(*) AS n, count(DISTINCT b.val) AS vals FROM %s a JOIN %s b ON b.key = a.key GROUP BY a.key',
			pg_temp.present('undo', s, 'a'), pg_temp.present('undo', s, 'b'))),
		(format('above_%s', s), format('SELECT count(*) AS vals, sum(n) AS rows FROM gold.by_val_%s', s))
$$;
/* models that say something else than their queries */
CREATE FUNCTION pg_temp.astray(s int) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	model record;
	differing bigint;
	names text := '';
BEGIN
	FOR model IN SELECT * FROM pg_temp.model_queries(s) LOOP
		EXECUTE format('WITH has AS (SELECT to_jsonb(m) - ''{_run_id,_loaded_at,_row_hash}''::text[] FROM gold.%I m), wants AS (SELECT to_jsonb(q) FROM (%s) q)'
			' SELECT count(*) FROM ((TABLE has EXCEPT ALL TABLE wants) UNION ALL (TABLE wants EXCEPT ALL TABLE has)) d', model.name, model.query) INTO differing;
		names := names || CASE WHEN differing > 0 THEN model.name || ' ' ELSE '' END;
	END LOOP;
	RETURN names;
END
$$;
CREATE FUNCTION pg_temp.check_seed(s int) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
	case_name text := format('seed %s', s);
	r int;
	again int;
	models boolean := false;
BEGIN
	PERFORM setseed(s / 100000.0);
	PERFORM pg_temp.define('undo', s), pg_temp.define('never', s);
	FOR r IN 1..7 LOOP
		PERFORM pg_temp.invent(s, r);
		PERFORM pg_temp.play('undo', s, r, pg_temp.layers(random() < 0.3));
		IF NOT models AND to_regclass(pg_temp.present('undo', s, 'a')) IS NOT NULL AND to_regclass(pg_temp.present('undo', s, 'b')) IS NOT NULL THEN
			PERFORM medallion.create_model(m.name, m.query) FROM pg_temp.model_queries(s) m;
			PERFORM medallion.run_pipeline(pg_temp.features('undo', s));
			models := true;
		END IF;
		IF random() < 0.25 THEN
			PERFORM pg_temp.undo(s);
		END IF;
	END LOOP;
	FOR again IN 1..(random() * 3)::int LOOP
		PERFORM pg_temp.undo(s);
	END LOOP;
	PERFORM medallion.run_pipeline(pg_temp.features('undo', s));
	FOR r IN SELECT round FROM rounds t WHERE t.seed = s AND side = 'undo' AND NOT undone ORDER BY round LOOP
		PERFORM pg_temp.play('never', s, r, (SELECT layers FROM rounds t WHERE t.seed = s AND side = 'undo' AND t.round = r));
	END LOOP;
	PERFORM medallion.run_pipeline(pg_temp.features('never', s));
	RETURN NEXT is(pg_temp.differences(s), '', case_name || ': undone equals never having run');
	RETURN NEXT is((SELECT string_agg(DISTINCT p.status, ',') FROM medallion.run_pipeline(pg_temp.features('undo', s)) p), 'UNCHANGED', case_name || ': a further run changes nothing');
	IF models THEN
		RETURN NEXT is(pg_temp.astray(s), '', case_name || ': gold follows');
		PERFORM medallion.rebuild(f) FROM unnest(pg_temp.features('undo', s)) f;
		PERFORM medallion.run_pipeline(pg_temp.features('undo', s));
		RETURN NEXT is(pg_temp.differences(s), '', case_name || ': and a rebuild says the same');
		PERFORM medallion.drop_model(name) FROM (SELECT name FROM pg_temp.model_queries(s) ORDER BY name) m;
	ELSE
		RETURN NEXT pass('no silver'); RETURN NEXT pass('no silver');
	END IF;
	PERFORM medallion.drop_feature(f, true) FROM unnest(pg_temp.features('undo', s) || pg_temp.features('never', s)) f;
END
$$;

SELECT plan(4 * :seeds);
SELECT format('SELECT pg_temp.check_seed(%s)', s) FROM generate_series(:seed, :seed + :seeds - 1) s \gexec
SELECT * FROM finish();
