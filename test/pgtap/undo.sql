/*
 * undo_run(): random runs undone in random order equal never having run.
 *
 * A feature is played over rounds of rewriting files, running some layers, and
 * undoing runs of earlier rounds.  Then another feature is played over the same
 * rounds without those that were undone: the ledger, bronze, silver and gold of
 * the two must be equal, but for ids and for times, which are told as rounds.
 * A seed that fails prints itself.
 */
\set name undo
\ir setup.psql
\getenv quick MEDALLION_QUICK
\if :{?seeds}
\elif :{?quick}
\set seeds 8
\else
\set seeds 40
\endif
SELECT set_config('test.tree', :'tree', false) AS tree \gset

CREATE TEMP TABLE wrote (seed int, round int, path text, content text);
CREATE TEMP TABLE rounds (seed int, feature text, round int, run_id bigint, layers text[], undone boolean NOT NULL DEFAULT false);

CREATE FUNCTION pg_temp.layers(bronze_only boolean) RETURNS text[] LANGUAGE sql AS $$
	SELECT CASE WHEN bronze_only THEN ARRAY['bronze'] ELSE ARRAY['bronze', 'silver', 'gold'] END
$$;
CREATE FUNCTION pg_temp.define(feature text, seed int) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	PERFORM pg_temp.shell(format('mkdir -p %s/%s', current_setting('test.tree'), feature));
	PERFORM medallion.create_feature(feature, ARRAY[feature || '/*.csv'],
		CASE WHEN seed % 5 > 0 THEN ARRAY['key'] END,
		jsonb_build_object('on_change', CASE WHEN seed % 3 = 0 THEN 'restate' ELSE 'version' END, 'load_duplicates', seed % 2 = 0,
						   'header', 1, 'columns', '{"val": {"type": "bigint"}, "key": {"type": "bigint"}}'::jsonb));
END
$$;
/* one round of a feature: writes its files, runs */
CREATE FUNCTION pg_temp.play(feature text, s int, r int, layers text[]) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	file record;
	run bigint;
BEGIN
	FOR file IN SELECT * FROM wrote w WHERE w.seed = s AND w.round = r ORDER BY path LOOP
		PERFORM pg_temp.put(feature || '/' || file.path, E'Key,Val\n' || file.content);
	END LOOP;
	SELECT min(run_id) INTO run FROM medallion.run_pipeline(ARRAY[feature], layers);
	INSERT INTO rounds VALUES (s, feature, r, run, layers);
END
$$;
/* what the files of a round are to say: never what they say already, sometimes what another says or said */
CREATE FUNCTION pg_temp.invent(s int, r int) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	p text;
	says text;
BEGIN
	FOREACH p IN ARRAY ARRAY['a.csv', 'b.csv', 'c.csv'] LOOP
		CONTINUE WHEN random() < 0.5;
		SELECT content INTO says FROM wrote w WHERE w.seed = s AND random() < 0.6 ORDER BY random() LIMIT 1;
		IF NOT FOUND OR random() < 0.5 THEN
			SELECT coalesce(string_agg(format(E'%s,%s\n', 1 + (random() * 5)::int, nullif((random() * 3)::int, 0)), ''), '') INTO says
			  FROM generate_series(1, (random() * 6)::int);
		END IF;
		CONTINUE WHEN says IS NOT DISTINCT FROM (SELECT content FROM wrote w WHERE w.seed = s AND w.path = p ORDER BY round DESC LIMIT 1);
		INSERT INTO wrote VALUES (s, r, p, says);
	END LOOP;
END
$$;
/* undoes a random run that was not undone yet */
CREATE FUNCTION pg_temp.undo(f text, s int) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	chosen rounds;
BEGIN
	SELECT * INTO chosen FROM rounds t WHERE t.seed = s AND t.feature = f AND NOT undone ORDER BY random() LIMIT 1;
	IF FOUND THEN
		PERFORM medallion.undo_run(chosen.run_id);
		UPDATE rounds SET undone = true WHERE run_id = chosen.run_id;
	END IF;
END
$$;
/* everything that a feature came to, one text a line */
CREATE FUNCTION pg_temp.came_to(f text, s int) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
	keyed boolean := s % 5 > 0;
BEGIN
	CREATE TEMP TABLE IF NOT EXISTS ledger (file_id bigint, name text, at timestamptz, round int, status text, line text, superseded_at timestamptz);
	TRUNCATE ledger;
	INSERT INTO ledger SELECT v.file_id, regexp_replace(v.path, '.*/', ''), v.seen_at, t.round, v.status, NULL, v.superseded_at
	  FROM medallion.file_versions v JOIN medallion.features f USING (feature_id) JOIN rounds t ON t.run_id = v.seen_run_id WHERE f.name = came_to.f;
	RETURN QUERY SELECT concat_ws(' ', 'ledger', l.name, l.round, v.status, 'as of', (SELECT min(round) FROM ledger WHERE at = v.first_seen),
			'until', (SELECT min(round) FROM ledger WHERE at = v.superseded_at), 'then', (SELECT name || round FROM ledger WHERE file_id = v.superseded_by),
			'for', (SELECT name || round FROM ledger WHERE file_id = v.duplicate_of), CASE WHEN v.status = 'LOADED' THEN v.rows END)
		FROM ledger l JOIN medallion.file_versions v USING (file_id) WHERE v.status NOT IN ('WITHDRAWN', 'REPEATED');
	IF to_regclass('bronze.' || f) IS NOT NULL THEN
		RETURN QUERY EXECUTE format($q$SELECT concat_ws(' ', 'bronze', l.name, l.round, b._row, b.key, b.val) FROM bronze.%I b JOIN ledger l ON l.file_id = b._file_id WHERE l.status = 'LOADED'$q$, f);
	END IF;
	IF to_regclass('silver.' || f) IS NOT NULL THEN
		RETURN QUERY EXECUTE format($q$SELECT 'silver ' || (to_jsonb(v) - '{_opened_run_id,_closed_run_id,_file_id,_scd2_valid_from,_scd2_valid_to}'::text[])::text || ' ' || l.name || l.round $q$
			|| CASE WHEN keyed THEN $q$ || ' from ' || (SELECT min(round) FROM ledger WHERE at = v._scd2_valid_from) || coalesce(' to ' || (SELECT min(round) FROM ledger WHERE at = v._scd2_valid_to), '')$q$ ELSE '' END
			|| $q$ FROM silver.%I v LEFT JOIN ledger l ON l.file_id = v._file_id$q$, f);
		RETURN QUERY EXECUTE format($q$SELECT concat_ws(' ', 'gold', val, count(*)) FROM silver.%I%s v GROUP BY val$q$, f, CASE WHEN keyed THEN '_current' ELSE '' END);
	END IF;
END
$$;
CREATE FUNCTION pg_temp.differences(a text, b text, s int) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	ours text[] := ARRAY(SELECT x FROM pg_temp.came_to(a, s) x);
	truth text[] := ARRAY(SELECT x FROM pg_temp.came_to(b, s) x);
BEGIN
	RETURN (SELECT coalesce(string_agg(d, E'\n' ORDER BY d), '') FROM (
		(SELECT 'undone: ' || x AS d FROM unnest(ours) x EXCEPT ALL SELECT 'undone: ' || x FROM unnest(truth) x)
		UNION ALL (SELECT 'never:  ' || x FROM unnest(truth) x EXCEPT ALL SELECT 'never:  ' || x FROM unnest(ours) x)) q);
END
$$;
CREATE FUNCTION pg_temp.check_seed(s int) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
	ours text := format('undo_%s', s);
	truth text := format('never_%s', s);
	case_name text := format('seed %s', s);
	r int;
	again int;
	model boolean := false;
BEGIN
	PERFORM setseed(s / 100000.0);
	PERFORM pg_temp.define(ours, s), pg_temp.define(truth, s);
	FOR r IN 1..7 LOOP
		PERFORM pg_temp.invent(s, r);
		PERFORM pg_temp.play(ours, s, r, pg_temp.layers(random() < 0.3));
		IF NOT model AND to_regclass('silver.' || ours) IS NOT NULL THEN
			PERFORM medallion.create_model('by_val_' || s, format('SELECT val, count(*) AS n FROM silver.%I%s GROUP BY val', ours, CASE WHEN s % 5 > 0 THEN '_current' ELSE '' END));
			model := true;
		END IF;
		IF random() < 0.25 THEN
			PERFORM pg_temp.undo(ours, s);
		END IF;
	END LOOP;
	FOR again IN 1..(random() * 2)::int LOOP
		PERFORM pg_temp.undo(ours, s);
	END LOOP;
	PERFORM medallion.run_pipeline(ARRAY[ours]);
	FOR r IN SELECT round FROM rounds t WHERE t.seed = s AND feature = ours AND NOT undone ORDER BY round LOOP
		PERFORM pg_temp.play(truth, s, r, (SELECT layers FROM rounds t WHERE t.seed = s AND feature = ours AND t.round = r));
	END LOOP;
	PERFORM medallion.run_pipeline(ARRAY[truth]);
	RETURN NEXT is(pg_temp.differences(ours, truth, s), '', case_name || ': undone equals never having run');
	RETURN NEXT is((SELECT string_agg(p.status, ',') FROM medallion.run_pipeline(ARRAY[ours]) p WHERE p.layer <> 'gold'), 'UNCHANGED,UNCHANGED', case_name || ': a further run changes nothing');
	IF model THEN
		RETURN NEXT set_eq(format('SELECT val, n FROM gold.by_val_%s', s), format('SELECT val, count(*) FROM silver.%I%s GROUP BY val', ours, CASE WHEN s % 5 > 0 THEN '_current' ELSE '' END), case_name || ': gold follows');
		PERFORM medallion.rebuild(ours);
		PERFORM medallion.run_pipeline(ARRAY[ours]);
		RETURN NEXT is(pg_temp.differences(ours, truth, s), '', case_name || ': and a rebuild says the same');
		PERFORM medallion.drop_model('by_val_' || s);
	ELSE
		RETURN NEXT pass('no silver'); RETURN NEXT pass('no silver');
	END IF;
	PERFORM medallion.drop_feature(ours, true), medallion.drop_feature(truth, true);
END
$$;

SELECT plan(4 * :seeds);
SELECT format('SELECT pg_temp.check_seed(%s)', s) FROM generate_series(1, :seeds) s \gexec
SELECT * FROM finish();
