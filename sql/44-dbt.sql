/* dbt's snapshots, for people who move: the same rows by the same rules, odd ones included. */

CREATE FUNCTION medallion.dbt_snapshot(target regclass, source regclass, business_keys text[], options jsonb,
	OUT inserted bigint, OUT expired bigint, OUT withdrawn bigint, OUT conflicts bigint)
RETURNS record LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp SET TimeZone = 'UTC' SET DateStyle = 'ISO, DMY' AS $$
DECLARE
	strategy text := options->>'strategy';
	hard_deletes text := coalesce(options->>'hard_deletes', 'ignore');
	forever text := coalesce(quote_literal(options->>'dbt_valid_to_current'), 'NULL');
	stage text;
	time_type text;
	clock text;			-- dbt's snapshot_get_time()
	updated text;		-- the time of a source row
	source_columns text[];
	target_columns text[];
	wrong text;
	changed text;		-- condition: source row s differs from row t of the target
	in_force text;
	same_key text;
	missing_key text := format('t.%I IS NULL', business_keys[1]);
	data text;
	copied text;
BEGIN
	PERFORM medallion.check_config('the options', options, '{compat,strategy}',
		'{compat,strategy,updated_at,check_cols,hard_deletes,dbt_valid_to_current,at}');
	IF options->>'compat' <> 'dbt' OR strategy NOT IN ('timestamp', 'check') OR hard_deletes NOT IN ('ignore', 'invalidate', 'new_record')
		OR (strategy = 'timestamp' AND options->>'updated_at' IS NULL) OR (strategy = 'check' AND options->'check_cols' IS NULL) THEN
		RAISE EXCEPTION 'options are none of a dbt snapshot: %', options USING ERRCODE = 'invalid_parameter_value',
			HINT = '"compat": "dbt", "strategy": "timestamp" with "updated_at", or "check" with "check_cols" ("all" or an array); "hard_deletes": ignore, invalidate, new_record.';
	END IF;
	SELECT format('%I.%I', n.nspname, '_merge_dbt_' || c.oid) INTO stage
	  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = target;
	EXECUTE format('LOCK TABLE %s IN SHARE ROW EXCLUSIVE MODE', target);
	SELECT array_agg(attname::text ORDER BY attnum) INTO source_columns FROM pg_attribute WHERE attrelid = source AND attnum > 0 AND NOT attisdropped;
	SELECT array_agg(attname::text ORDER BY attnum) INTO target_columns FROM pg_attribute WHERE attrelid = target AND attnum > 0 AND NOT attisdropped;
	SELECT c INTO wrong FROM unnest(ARRAY['dbt_scd_id', 'dbt_updated_at', 'dbt_valid_from', 'dbt_valid_to']
		|| CASE WHEN hard_deletes = 'new_record' THEN ARRAY['dbt_is_deleted'] END) c WHERE c <> ALL (target_columns) LIMIT 1;
	IF wrong IS NOT NULL THEN
		RAISE EXCEPTION '% has no column %', target, wrong USING ERRCODE = 'undefined_column';
	END IF;
	SELECT c INTO wrong FROM unnest(business_keys) c WHERE c <> ALL (source_columns) OR c <> ALL (target_columns) LIMIT 1;
	IF wrong IS NOT NULL OR cardinality(business_keys) = 0 THEN
		RAISE EXCEPTION 'unrecognized business key "%"', coalesce(wrong, '') USING ERRCODE = 'invalid_parameter_value';
	END IF;
	SELECT format_type(atttypid, atttypmod) INTO time_type FROM pg_attribute WHERE attrelid = target AND attname = 'dbt_valid_from';
	clock := format('%L::%s', CASE WHEN options ? 'at' THEN (options->>'at')::timestamptz ELSE now() END, time_type);
	updated := CASE WHEN options->>'updated_at' IS NULL THEN clock ELSE format('s.%I', options->>'updated_at') END;
	in_force := format('(t.dbt_valid_to IS NULL OR t.dbt_valid_to = %s)', forever);
	SELECT string_agg(format('t.%1$I = s.%1$I', k), ' AND ') INTO same_key FROM unnest(business_keys) k;

	/* a column that the target lacks makes every row a changed one, and is added */
	IF strategy = 'timestamp' THEN
		changed := format('t.dbt_valid_from < %s', updated);
	ELSE
		SELECT CASE WHEN bool_or(c <> ALL (target_columns)) THEN 'true' ELSE string_agg(format('t.%1$I IS DISTINCT FROM s.%1$I', c), ' OR ') END
		  INTO changed FROM unnest(CASE WHEN jsonb_typeof(options->'check_cols') = 'array'
				THEN ARRAY(SELECT jsonb_array_elements_text(options->'check_cols')) ELSE source_columns END) c;
	END IF;
	IF hard_deletes = 'new_record' THEN
		changed := format('(%s) OR t.dbt_is_deleted::text IN (''True'', ''true'')', changed);
	END IF;
	SELECT string_agg(format('ADD COLUMN %I %s', attname, format_type(atttypid, atttypmod)), ', ' ORDER BY attnum) INTO wrong
	  FROM pg_attribute WHERE attrelid = source AND attnum > 0 AND NOT attisdropped AND attname <> ALL (target_columns);
	IF wrong IS NOT NULL THEN
		EXECUTE format('ALTER TABLE %s %s', target, wrong);
	END IF;

	SELECT string_agg(format('%I', c), ', '), string_agg(format('t.%I', c), ', ') INTO data, copied FROM unnest(source_columns) c;
	EXECUTE format('CREATE UNLOGGED TABLE %s AS SELECT ''insert''::text AS _change, NULL::text AS _closes, %s,'
		' %3$s::%4$s AS _from, NULL::%4$s AS _to, md5(%5$s || ''|'' || coalesce(%3$s::varchar, '''')) AS _scd, ''False''::text AS _deleted'
		' FROM %6$s s LEFT JOIN %7$s t ON %8$s AND %9$s WHERE %10$s OR (%11$s)',
		stage, (SELECT string_agg(format('s.%I', c), ', ') FROM unnest(source_columns) c), updated, time_type,
		(SELECT string_agg(format('coalesce(s.%I::varchar, '''')', k), ' || ''|'' || ') FROM unnest(business_keys) k),
		source, target, same_key, in_force, missing_key, changed);
	EXECUTE format('INSERT INTO %s (_change, _closes, _to) SELECT ''update'', t.dbt_scd_id::text, %s::%s FROM %s s JOIN %s t ON %s AND %s WHERE %s',
		stage, updated, time_type, source, target, same_key, in_force, changed);
	IF hard_deletes <> 'ignore' THEN
		EXECUTE format('INSERT INTO %s (_change, _closes, _to) SELECT ''delete'', t.dbt_scd_id::text, %s FROM %s t'
			' WHERE %s AND NOT EXISTS (SELECT FROM %s s WHERE %s)%s', stage, clock, target, in_force, source, same_key,
			CASE WHEN hard_deletes = 'new_record' THEN ' AND t.dbt_is_deleted::text NOT IN (''True'', ''true'')' ELSE '' END);
	END IF;
	IF hard_deletes = 'new_record' THEN
		EXECUTE format('INSERT INTO %s (_change, %s, _from, _scd, _deleted) SELECT ''insert'', %s, %s, md5(coalesce(t.dbt_scd_id::varchar, '''') || ''|'' || %s::varchar), ''True'''
			' FROM %s t WHERE %s AND NOT EXISTS (SELECT FROM %s s WHERE %s) AND t.dbt_is_deleted::text NOT IN (''True'', ''true'')',
			stage, data, copied, clock, clock, target, in_force, source, same_key);
	END IF;
	EXECUTE format('UPDATE %s t SET dbt_valid_to = n._to FROM %s n WHERE n._closes = t.dbt_scd_id::text AND n._change <> ''insert'' AND %s',
		target, stage, in_force);
	GET DIAGNOSTICS expired = ROW_COUNT;
	EXECUTE format('INSERT INTO %s (%s, dbt_scd_id, dbt_updated_at, dbt_valid_from, dbt_valid_to%s) SELECT %s, _scd, _from, _from, %s%s FROM %s WHERE _change = ''insert''',
		target, data, CASE WHEN hard_deletes = 'new_record' THEN ', dbt_is_deleted' ELSE '' END, data, forever,
		CASE WHEN hard_deletes = 'new_record' THEN format(', _deleted::%s', (SELECT format_type(atttypid, atttypmod) FROM pg_attribute
			WHERE attrelid = target AND attname = 'dbt_is_deleted')) ELSE '' END, stage);
	GET DIAGNOSTICS inserted = ROW_COUNT;
	EXECUTE format('DROP TABLE %s', stage);
	withdrawn := 0;
	conflicts := 0;
END
$$;
COMMENT ON FUNCTION medallion.dbt_snapshot(regclass, regclass, text[], jsonb) IS
'Internal: scd2_merge() with {"compat": "dbt"}. Raises for options that are none of a dbt snapshot, and for a target without the dbt_ columns.';
