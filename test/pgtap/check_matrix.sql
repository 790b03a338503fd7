/*
 * Every kind of check with every action and both policies for NULL: what
 * becomes of the row at fault, of NULL and of the others, worked out by hand.
 */
\set name check_matrix
\ir setup.psql

CREATE TABLE public.state (code text);
INSERT INTO public.state VALUES ('g');

/* a column of text g (good), b (bad) and NULL, or a number where the kind asks for one */
CREATE TABLE kind (name text, params jsonb, good text, bad text, type text);
INSERT INTO kind VALUES
	('not_null', '{}', 'g', NULL, 'text'),
	('amount', '{}', '1', '-1', 'numeric'),
	('credit_amount', '{"credits": "true"}', '-1', '1', 'numeric'),
	('range', '{"min": 0, "max": 9}', '9', '10', 'numeric'),
	('length', '{"max": 2}', 'gg', 'bbb', 'text'),
	('accepted_values', '{"values": ["g"]}', 'g', 'b', 'text'),
	('pattern', '{"pattern": "^g$"}', 'g', 'b', 'text'),
	('email', '{}', 'g@x.org', 'b@x', 'text'),
	('expression', '{"expression": "d.v = ''g''"}', 'g', 'b', 'text'),
	('cast', '{}', '7', 'seven', 'bigint'),
	('unique', '{}', 'g', 'b', 'text'),
	('duplicate', '{}', 'g', 'b', 'text'),
	('relationship', '{"to": "public.state", "columns": ["code"]}', 'g', 'b', 'text');

/* what the log says of check "c" */
CREATE FUNCTION pg_temp.logged(feature text) RETURNS text LANGUAGE sql AS $$
	SELECT concat_ws(' ', check_status, records_affected, 'at', (SELECT string_agg(((s->>'row')::int - 1)::text, ',' ORDER BY s->>'row') FROM jsonb_array_elements(check_details->'samples') s))
	  FROM etl_logs.data_quality_checks WHERE table_name = 'silver.' || feature AND check_details->>'check' = 'c'
$$;

/* one feature: id 1 good, 2 and, for kinds of a set, 3 bad, the last NULL; its rows, flags, quarantine and log */
CREATE FUNCTION pg_temp.outcome(k kind, action text, on_null text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	feature text := concat_ws('_', k.name, action, on_null);
	is_set bool := k.name IN ('unique', 'duplicate');
	flag text;
	rows text;
BEGIN
	PERFORM pg_temp.put(feature || '/a.csv', format(CASE WHEN is_set THEN E'id,v\n1,%1$s\n2,%2$s\n3,%2$s\n4,\n' ELSE E'id,v\n1,%s\n2,%s\n3,\n' END, k.good, k.bad));
	PERFORM medallion.create_feature(feature, ARRAY[feature || '/*.csv'], '{id}', jsonb_build_object('header', 1, 'columns', jsonb_build_object('v', jsonb_build_object('type', k.type)),
		'checks', jsonb_build_array(jsonb_build_object('name', 'c', 'kind', k.name, 'columns', CASE WHEN k.name = 'expression' THEN '{}' ELSE '{v}' END::text[], 'params', k.params, 'action', action, 'on_null', on_null))));
	PERFORM pg_temp.run(feature);
	IF pg_temp.errors() <> 'none' THEN
		RETURN concat_ws('; ', 'fails: ' || (pg_temp.errors() ~ 'check "c" failed')::text, 'table: ' || (to_regclass('silver.' || feature) IS NOT NULL)::text,
			pg_temp.logged(feature));
	END IF;
	SELECT attname INTO flag FROM pg_attribute WHERE attrelid = ('silver.' || feature)::regclass AND attname ~ '^dq_' AND attname !~ '^dq_(cast_flag|conflict)';
	EXECUTE format('SELECT string_agg(id || CASE WHEN %I THEN ''!'' ELSE '''' END, '' '' ORDER BY id) FROM silver.%I', flag, feature) INTO rows;
	RETURN concat_ws('; ', rows,
		(SELECT 'held ' || string_agg((row - 1)::text, ' ' ORDER BY row) FROM medallion.quarantine q JOIN medallion.features f USING (feature_id) WHERE f.name = feature),
		(SELECT 'dropped ' || (detail->>'dropped') FROM run WHERE layer = 'silver' AND detail->>'dropped' <> '0'),
		pg_temp.logged(feature));
END
$$;

/* what must come of it, from the meaning of the words alone */
CREATE FUNCTION pg_temp.expected(k kind, action text, on_null text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	is_set bool := k.name IN ('unique', 'duplicate');
	all_ids int[] := CASE WHEN is_set THEN '{1,2,3,4}' ELSE '{1,2,3}' END;
	null_fails bool := k.name = 'not_null' OR (on_null = 'fail' AND k.name <> 'duplicate');
	bad int[] := CASE WHEN is_set THEN '{2,3}'::int[] ELSE '{2}' END || CASE WHEN null_fails THEN all_ids[cardinality(all_ids):] ELSE '{}' END;
	kept int[] := CASE WHEN action IN ('quarantine', 'drop') THEN ARRAY(SELECT unnest(all_ids) EXCEPT SELECT unnest(bad)) ELSE all_ids END;
BEGIN
	RETURN concat_ws('; ', CASE WHEN action = 'fail' THEN 'fails: true; table: false' ELSE
			(SELECT string_agg(i || CASE WHEN i = ANY (bad) THEN '!' ELSE '' END, ' ' ORDER BY i) FROM unnest(kept) i) END,
		CASE WHEN action = 'quarantine' THEN 'held ' || array_to_string(bad, ' ') WHEN action = 'drop' THEN 'dropped ' || cardinality(bad) END,
		format('%s %s at %s', CASE WHEN k.name = 'not_null' THEN 'FAILED' ELSE 'WARNING' END, cardinality(bad), array_to_string(bad, ',')));
END
$$;

CREATE TEMP TABLE cases AS SELECT k, action, on_null FROM kind k, unnest('{flag,quarantine,drop,fail}'::text[]) action, unnest('{pass,fail}'::text[]) on_null
 WHERE NOT ((k.name IN ('unique', 'duplicate', 'relationship')) AND action IN ('quarantine', 'drop'));
SELECT plan((SELECT count(*)::int FROM cases) + 6 + 10);
SELECT is(pg_temp.outcome(k, action, on_null), pg_temp.expected(k, action, on_null), concat_ws(' ', (k).name, action, 'NULL', on_null)) FROM cases ORDER BY (k).name, action, on_null;
SELECT throws_like(format($$SELECT medallion.create_feature('no', '{x}', '{id}', '{"checks": [{"kind": %s, "columns": ["v"], "params": %s, "action": "%s"}]}')$$, to_jsonb(name), replace(params::text, '''', ''''''), action),
	format('a check of kind "%s" cannot %s rows', name, action), name || ' ' || action || ' is refused') FROM kind, unnest('{quarantine,drop}'::text[]) action WHERE name IN ('unique', 'duplicate', 'relationship') ORDER BY name, action;

/* kinds of the whole table: a warning, or nothing of it is taken in */
CREATE TABLE whole (name text, params jsonb, columns text[]);
INSERT INTO whole VALUES ('row_count', '{"min": 2}', '{}'), ('drift', '{"min": 2}', '{v}'), ('metric', '{"sql": "SELECT 1", "min": 2}', '{}'), ('freshness', '{"max_age": "1 hour"}', '{at}'),
	('schema', '{"columns": ["other"]}', '{}');
CREATE FUNCTION pg_temp.whole(w whole, action text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	feature text := concat_ws('_', 'whole', w.name, action);
BEGIN
	PERFORM pg_temp.put(feature || '/a.csv', E'id,v,at\n1,1,2020-01-01 00:00\n');
	PERFORM medallion.create_feature(feature, ARRAY[feature || '/*.csv'], '{id}', jsonb_build_object('columns', '{"v": {"type": "numeric"}}'::jsonb,
		'checks', jsonb_build_array(jsonb_build_object('name', 'c', 'kind', w.name, 'columns', w.columns, 'params', w.params, 'action', action))));
	PERFORM pg_temp.run(feature);
	RETURN concat_ws(' ', pg_temp.errors() ~ 'check "c" failed', to_regclass('silver.' || feature) IS NOT NULL,
		(SELECT check_status || ' ' || records_affected || ' ' || ((check_details->>'reason') IS NOT NULL) FROM etl_logs.data_quality_checks WHERE table_name = 'silver.' || feature AND check_details->>'check' = 'c'));
END
$$;
SELECT is(pg_temp.whole(w, 'flag'), 'f t WARNING 1 true', w.name || ' flag') FROM whole w ORDER BY name;
SELECT is(pg_temp.whole(w, 'fail'), 't f WARNING 1 true', w.name || ' fail') FROM whole w ORDER BY name;
SELECT * FROM finish();
