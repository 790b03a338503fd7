/*
 * erase(): a person is nowhere afterwards, and stays away, whatever is loaded,
 * undone or rebuilt; everybody else is as if that person had never been.
 */
\set name erase
\ir setup.psql
SELECT plan(45);

/* tables of the database whose rows mention a text */
CREATE FUNCTION pg_temp.mention(what text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	t regclass;
	n bigint;
	found text[] := '{}';
BEGIN
	FOR t IN SELECT c.oid FROM pg_class c JOIN pg_namespace s ON s.oid = c.relnamespace
			  WHERE c.relkind IN ('r', 'm') AND s.nspname IN ('bronze', 'silver', 'gold', 'models', 'medallion', 'etl_logs') ORDER BY c.oid::regclass::text LOOP
		EXECUTE format('SELECT count(*) FROM %s x WHERE position(%L IN x::text) > 0', t, what) INTO n;
		IF n > 0 THEN
			found := found || t::text;
		END IF;
	END LOOP;
	RETURN coalesce(array_to_string(found, ' '), '');
END
$$;
/* silver without run ids and addresses */
CREATE FUNCTION pg_temp.said(t text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	columns text;
	result text;
BEGIN
	SELECT string_agg(quote_ident(attname), ', ' ORDER BY attname) INTO columns FROM pg_attribute
	 WHERE attrelid = t::regclass AND attnum > 0 AND NOT attisdropped AND attname !~ 'run_id|_file_id|_row$|_loaded_at|valid_';
	EXECUTE format('SELECT coalesce(string_agg(x::text, E''\n'' ORDER BY x::text COLLATE "C"), '''') FROM (SELECT %s FROM %s) x', columns, t) INTO result;
	RETURN result;
END
$$;
CREATE FUNCTION pg_temp.broken(feature text) RETURNS bigint LANGUAGE sql AS $$
	SELECT coalesce(sum((to_jsonb(v)->>'broken')::bigint), 0)::bigint FROM medallion.verify(feature) v
$$;

\o /dev/null
SELECT pg_temp.put('people/a.csv', E'Id,Name,City\n1,ann,Rome\n2,marked-bob,Oslo\n 02 ,marked-bobby,Oslo\n3,cy,Oslo\n');
SELECT pg_temp.put('others/a.csv', E'Id,Name,City\n1,ann,Rome\n3,cy,Oslo\n');
SELECT medallion.create_feature(f, ARRAY[f || '/*.csv'], '{id}', '{"columns": {"id": {"type": "bigint"}}}') FROM unnest('{people,others}'::text[]) f;
SELECT pg_temp.run();
SELECT medallion.create_model(f || '_cities', format('SELECT city, count(*) AS n, max(name) AS last FROM silver.%s_current GROUP BY city', f)) FROM unnest('{people,others}'::text[]) f;
SELECT medallion.create_model('people_over', 'SELECT max(last) AS last FROM gold.people_cities');
SELECT pg_temp.run();
SELECT FROM medallion.profile('silver.people');
SELECT pg_temp.put('people/a.csv', E'Id,Name,City\n1,ann,Rome\n2,marked-robert,Pisa\n3,cy,Oslo\n');
SELECT pg_temp.put('others/a.csv', E'Id,Name,City\n1,ann,Rome\n3,cy,Oslo\n\n');
SELECT pg_temp.run();
\o
SELECT cmp_ok(pg_temp.mention('marked-'), '<>', '', 'before, a person is in several tables');
SELECT throws_ok($$SELECT medallion.erase('people', '{"nme": "x"}')$$, '22023', NULL, 'a column that there is not is refused');
SELECT throws_ok($$SELECT medallion.erase('people', '{"id": null}')$$, '22004', NULL, 'so is NULL');
SELECT throws_ok($$SELECT medallion.erase('people', '{"id": "two"}')$$, '22023', NULL, 'and a value that is none of the type');
SELECT throws_ok($$SELECT medallion.erase('people', '{}')$$, '22023', NULL, 'and no key');
CREATE TEMP TABLE done AS SELECT * FROM medallion.erase('people', '{"id": 2}');
SELECT is((SELECT rows FROM done WHERE layer = 'bronze'), 3::bigint, 'rows of all versions and spellings are redacted');
SELECT cmp_ok((SELECT rows FROM done WHERE layer = 'silver'), '>=', 1::bigint, 'silver lost rows');
SELECT is((SELECT string_agg(object, ' ' ORDER BY object) FROM done WHERE layer = 'gold'), 'people_cities people_over', 'the models above were computed');
SELECT is(pg_temp.mention('marked-'), '', 'the person is nowhere');
SELECT is(pg_temp.said('silver.people'), pg_temp.said('silver.others'), 'silver is as if that person had never been');
SELECT is(pg_temp.said('gold.people_cities'), pg_temp.said('gold.others_cities'), '... gold too');
SELECT is(pg_temp.broken('people'), 0::bigint, 'all invariants hold');
SELECT is((SELECT count(*) FROM bronze.people), 7::bigint, 'bronze has as many rows as the files');
SELECT is((SELECT format('%s %s %s %s', feature, key_columns, bronze_rows, erased_by = session_user) FROM medallion.erasures), 'people {id} 3 t', 'the act is logged, without the key');
SELECT is((SELECT count(*) FROM medallion.quarantine), 0::bigint, 'redacted rows are not quarantined');

/* --- nothing brings the person back --- */
\o /dev/null
SELECT pg_temp.put('people/b.csv', E'Id,Name,City\n2,marked-again,Rome\n4,di,Rome\n');
SELECT pg_temp.put('others/b.csv', E'Id,Name,City\n4,di,Rome\n');
SELECT pg_temp.run();
\o
SELECT is(pg_temp.errors(), 'none', 'a file with the person in it loads');
SELECT is(pg_temp.mention('marked-'), '', '... without that person''s rows');
SELECT is(pg_temp.said('silver.people'), pg_temp.said('silver.others'), '... and with all others');
\o /dev/null
SELECT medallion.push('people', '[{"id": "2", "name": "marked-pushed", "city": "x"}, {"id": "5", "name": "ed", "city": "Rome"}]');
SELECT medallion.push('others', '[{"id": "5", "name": "ed", "city": "Rome"}]');
\o
SELECT is(pg_temp.mention('marked-'), '', 'a pushed row is redacted');
SELECT pg_temp.run('people', 'others') AS run \gset
SELECT is(pg_temp.said('silver.people'), pg_temp.said('silver.others'), '... the others taken in');
\o /dev/null
SELECT pg_temp.put('people/b.csv', E'Id,Name,City\n2,marked-new,Rome\n4,dee,Rome\n');
SELECT pg_temp.put('others/b.csv', E'Id,Name,City\n4,dee,Rome\n');
SELECT pg_temp.run('people');
SELECT max(run_id) AS last FROM medallion.runs \gset
SELECT pg_temp.run('others');
SELECT max(run_id) AS other FROM medallion.runs \gset
\o
SELECT is(pg_temp.mention('marked-'), '', 'nor does a new version of a file');
SELECT is(pg_temp.said('silver.people'), pg_temp.said('silver.others'), '... of which silver has the rest');
SELECT is((SELECT count(*) FROM medallion.undo_run(:last) u WHERE status = 'FAILED'), 0::bigint, 'undone');
SELECT is((SELECT count(*) FROM medallion.undo_run(:other) u WHERE status = 'FAILED'), 0::bigint, '... both');
SELECT is(pg_temp.mention('marked-'), '', 'nor does undo_run()');
SELECT is(pg_temp.said('silver.people'), pg_temp.said('silver.others'), '... of which silver has the rest');
\o /dev/null
SELECT medallion.undo_run(:last, '{"reload": true}');
SELECT medallion.undo_run(:other, '{"reload": true}');
SELECT pg_temp.run();
\o
SELECT is(pg_temp.mention('marked-'), '', 'nor loading it again');
SELECT is(pg_temp.said('silver.people'), pg_temp.said('silver.others'), '... of which silver has the rest');
\o /dev/null
SELECT medallion.rebuild('silver', 'people'), medallion.rebuild('silver', 'others');
\o
SELECT is(pg_temp.said('silver.people'), pg_temp.said('silver.others'), 'nor a rebuild');
\o /dev/null
SELECT medallion.alter_feature(f, '{"columns": {"id": {"type": "text", "mask": "hash"}}}') FROM unnest('{people,others}'::text[]) f;
SELECT pg_temp.run();
SELECT pg_temp.put('people/c.csv', E'Id,Name,City\n2,marked-typed,Rome\n6,flo,Rome\n');
SELECT pg_temp.put('others/c.csv', E'Id,Name,City\n6,flo,Rome\n');
SELECT pg_temp.run();
\o
SELECT is(pg_temp.mention('marked-'), '', 'nor another type and a mask of the key');
SELECT is(pg_temp.said('silver.people'), pg_temp.said('silver.others'), '... of which silver has the rest');
\o /dev/null
SELECT medallion.erase('people', '{"id": "6"}');
\o
SELECT is((SELECT count(*) FROM silver.people_current WHERE name = 'flo'), 0::bigint, 'a masked key is given as the file says it');

/* --- keys that are not the business key: silver is folded anew --- */
\o /dev/null
SELECT pg_temp.put('orders/a.csv', E'No,Customer,Note\n10,7,marked-one\n11,8,two\n10,8,three\n');
SELECT medallion.create_feature('orders', '{orders/*.csv}', '{no}', '{"columns": {"customer": {"type": "bigint"}}, "filter": "note <> ''gone''"}');
SELECT pg_temp.run('orders');
CREATE TEMP TABLE did AS SELECT * FROM medallion.erase('orders', '{"customer": "7"}');
\o
SELECT is((SELECT rows FROM did WHERE layer = 'bronze'), 1::bigint, 'rows of a customer among orders are redacted');
SELECT is(pg_temp.mention('marked-'), '', '... and are nowhere');
SELECT is((SELECT string_agg(no || ' ' || customer, ', ' ORDER BY no) FROM silver.orders_current), '10 8, 11 8', '... the order is the other''s');
SELECT is(pg_temp.broken('orders'), 0::bigint, 'all invariants hold');

/* --- rows without history; corrected, quarantined, rejected --- */
\o /dev/null
SELECT pg_temp.put('log/a.csv', E'Who,Said\nann,hello\nmarked-bob,hello\n,nobody\n');
SELECT medallion.create_feature('log', '{log/*.csv}', NULL, '{"checks": [{"kind": "not_null", "columns": ["who"], "action": "quarantine"}]}');
SELECT pg_temp.run('log');
SELECT medallion.correct(f.file_id, b._sheet, b._row, '{"who": "marked-corrected"}') FROM bronze.log b JOIN medallion.file_versions f ON f.file_id = b._file_id WHERE said = 'nobody';
INSERT INTO medallion.rejects SELECT feature_id, 1, '', 9, NULL, 'test', '"Marked-Bob', 1 FROM medallion.features WHERE name = 'log';
SELECT pg_temp.run('log');
\o
SELECT is((SELECT count(*) FROM silver.log), 3::bigint, 'a corrected row counts');
SELECT is((SELECT rows FROM medallion.erase('log', '{"who": "marked-bob"}') WHERE layer = 'silver'), 1::bigint, 'a row without history is taken out');
SELECT is((SELECT raw FROM medallion.rejects WHERE row = 9), NULL, '... rejected texts that mention it too');
SELECT is((SELECT rows FROM medallion.erase('log', '{"who": "marked-corrected"}') WHERE layer = 'bronze'), 1::bigint, 'a corrected value is found');
SELECT is(pg_temp.mention('arked-'), '', 'and both are nowhere');
SELECT is((SELECT string_agg(who, ' ') FROM silver.log), 'ann', 'others stay');

/* --- by itself and for others --- */
SELECT is((SELECT rows FROM medallion.erase('log', '{"who": "never-there"}') WHERE layer = 'bronze'), 0::bigint, 'a key that is not there erases nothing');
\o /dev/null
SELECT pg_temp.put('log/b.csv', E'Who,Said\nnever-there,marked-ha\n');
SELECT pg_temp.run('log');
SELECT medallion.drop_feature('log', true);
SELECT medallion.create_feature('log', '{log/*.csv}');
SELECT pg_temp.run('log');
\o
SELECT is(pg_temp.mention('marked-'), '', 'it stays away all the same, from a feature dropped and made again too');
SELECT is((SELECT string_agg(t.relname, ', ') FROM pg_class t WHERE t.relname IN ('erased_keys', 'erasures') AND t.oid <> ALL
			(SELECT unnest(extconfig) FROM pg_extension WHERE extname = 'medallion')), NULL, 'hashes and log are dumped');
SELECT * FROM finish();
