/* Configuration as one json value: taken out, put in, compared. */

CREATE FUNCTION medallion.export_config()
RETURNS jsonb LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'medallion_export_config';
COMMENT ON FUNCTION medallion.export_config() IS
'All that the caller configured or may act for, as apply_config() takes it, each kind an array in the order of names: features (checks: those of add_check()), models (queries are schema-qualified), pipelines, steps, schedules, windows, and pauses, which are everybody''s. Settings of the server are not in it. docs/config.schema.json describes it.';

/* What docs/config.schema.json says too. */
CREATE FUNCTION medallion.config_kinds(OUT place int, OUT key text, OUT word text, OUT required text[], OUT allowed text[], OUT defaults jsonb)
RETURNS SETOF record LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
	VALUES (1, 'features', 'feature', '{name}'::text[], '{name,source,source_patterns,business_keys,options,checks,notes}'::text[], '{}'::jsonb),
		   (2, 'models', 'model', '{name,query}', '{name,query,options,notes}', '{}'),
		   (3, 'pipelines', 'pipeline', '{name}', '{name,features,layers,options,notes}', '{"features": null, "layers": null, "options": {}}'),
		   (4, 'steps', 'step', '{name,sql}', '{name,sql,after,pipeline,notes}', '{"after": "gold", "pipeline": null}'),
		   (5, 'schedules', 'schedule', '{name,cron}', '{name,cron,features,options,time_zone,notes}', '{"features": null, "options": {}, "time_zone": "UTC"}'),
		   (6, 'windows', 'window', '{name,cron,duration}', '{name,cron,duration,pipeline,time_zone,reason,notes}', '{"pipeline": "*", "time_zone": "UTC", "reason": null}'),
		   (7, 'pauses', 'pause', '{name}', '{name,reason,notes}', '{"reason": null}')
$$;
COMMENT ON FUNCTION medallion.config_kinds() IS
'Internal: what a configuration has, in the order in which it is applied: keys of the top level, keys of an entry that must or may be there, and what stands for a key that is not.';

CREATE FUNCTION medallion.check_config(kind text, entry jsonb, required text[], allowed text[])
RETURNS void LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	wrong text;
BEGIN
	IF jsonb_typeof(entry) IS DISTINCT FROM 'object' THEN
		RAISE EXCEPTION '% of a configuration must be a json object', kind USING ERRCODE = 'invalid_parameter_value';
	END IF;
	SELECT k INTO wrong FROM jsonb_object_keys(entry) k WHERE k <> ALL (allowed) ORDER BY k LIMIT 1;
	IF wrong IS NOT NULL THEN
		RAISE EXCEPTION 'unrecognized key "%" in % of a configuration', wrong, kind
			USING ERRCODE = 'invalid_parameter_value', HINT = format('Known are: %s.', array_to_string(allowed, ', '));
	END IF;
	SELECT k INTO wrong FROM unnest(required) k WHERE entry->>k IS NULL LIMIT 1;
	IF wrong IS NOT NULL THEN
		RAISE EXCEPTION '% of a configuration has no "%"', kind, wrong USING ERRCODE = 'invalid_parameter_value';
	END IF;
END
$$;
COMMENT ON FUNCTION medallion.check_config(text, jsonb, text[], text[]) IS
'Internal: raises for a key of a configuration that is unknown or not there.';

/* One feature is given as it is, features as an array. */
CREATE FUNCTION medallion.read_config(config jsonb)
RETURNS jsonb LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	known text[] := ARRAY(SELECT k.key FROM medallion.config_kinds() k ORDER BY k.place);
	kind record;
	entry jsonb;
	twice text;
BEGIN
	IF jsonb_typeof(config) = 'array' THEN
		config := jsonb_build_object('features', config);
	ELSIF config ? 'name' AND NOT config ?| known THEN
		config := jsonb_build_object('features', jsonb_build_array(config));
	END IF;
	PERFORM medallion.check_config('the top level', config, '{}', known || '{$schema,notes}');
	FOR kind IN SELECT * FROM medallion.config_kinds() k WHERE jsonb_typeof(config->k.key) <> 'null' ORDER BY k.place LOOP
		IF jsonb_typeof(config->kind.key) <> 'array' THEN
			RAISE EXCEPTION '"%" of a configuration must be an array', kind.key USING ERRCODE = 'invalid_parameter_value';
		END IF;
		FOR entry IN SELECT e FROM jsonb_array_elements(config->kind.key) e LOOP
			PERFORM medallion.check_config('a ' || kind.word, entry, kind.required, kind.allowed);
			IF kind.word = 'feature' AND (entry ? 'source') = (entry ? 'source_patterns') THEN
				RAISE EXCEPTION 'a feature of a configuration needs either "source" or "source_patterns"' USING ERRCODE = 'invalid_parameter_value';
			END IF;
		END LOOP;
		SELECT e->>'name' INTO twice FROM jsonb_array_elements(config->kind.key) e GROUP BY 1 HAVING count(*) > 1 LIMIT 1;
		IF twice IS NOT NULL THEN
			RAISE EXCEPTION '% "%" is twice in the configuration', kind.word, twice USING ERRCODE = 'duplicate_object';
		END IF;
	END LOOP;
	RETURN config - '$schema' - 'notes';
END
$$;
COMMENT ON FUNCTION medallion.read_config(jsonb) IS
'Internal: a configuration with its kinds at the top level; raises for keys that are unknown or missing, and for a name given twice.';

CREATE FUNCTION medallion.json_names(names jsonb)
RETURNS text[] LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
RETURN CASE jsonb_typeof(names) WHEN 'array' THEN ARRAY(SELECT jsonb_array_elements_text(names)) WHEN 'string' THEN ARRAY[names #>> '{}'] END;
COMMENT ON FUNCTION medallion.json_names(jsonb) IS 'Internal: a json string or array of strings as an array; NULL for anything else.';

/* One feature, with its checks beside the options: only those that differ are set, for each makes silver be folded anew. */
CREATE FUNCTION medallion.apply_feature(entry jsonb, known_checks jsonb)
RETURNS void LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	wanted jsonb;
BEGIN
	PERFORM medallion.create_feature(entry->>'name', medallion.json_names(coalesce(entry->'source', entry->'source_patterns')),
		CASE WHEN jsonb_typeof(entry->'business_keys') = 'array' THEN medallion.json_names(entry->'business_keys') END,
		coalesce(nullif(entry->'options', 'null'), '{}'));
	FOR wanted IN SELECT c FROM jsonb_array_elements(coalesce(nullif(entry->'checks', 'null'), '[]')) c LOOP
		PERFORM medallion.check_config('a check', wanted, '{kind}', '{name,kind,columns,params,action,warn_if,error_if,on_null,warn_count,error_count}');
		CONTINUE WHEN EXISTS (SELECT FROM jsonb_array_elements(known_checks) k WHERE k @> jsonb_strip_nulls(wanted)
								 AND k->>'name' = coalesce(wanted->>'name', k->>'kind'));
		PERFORM medallion.store_check(entry->>'name', wanted);
	END LOOP;
END
$$;
COMMENT ON FUNCTION medallion.apply_feature(jsonb, jsonb) IS 'Internal: one feature of apply_config(), and the checks beside its options that are there already.';

/* Models may be given in any order: those whose inputs are not there yet wait for the others; for a run, where features without
 * a silver table explain what is missing. */
CREATE FUNCTION medallion.apply_models(models jsonb, features jsonb)
RETURNS jsonb LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	pending jsonb := models;
	later jsonb;
	entry jsonb;
	reasons jsonb := '{}';
	missing text;
BEGIN
	WHILE jsonb_array_length(pending) > 0 LOOP
		later := '[]';
		reasons := '{}';
		FOR entry IN SELECT m FROM jsonb_array_elements(pending) m LOOP
			BEGIN
				PERFORM medallion.create_model(entry->>'name', entry->>'query', coalesce(nullif(entry->'options', 'null'), '{}'));
			EXCEPTION WHEN undefined_table OR invalid_schema_name THEN
				later := later || jsonb_build_array(entry);
				reasons := reasons || jsonb_build_object(entry->>'name', SQLERRM);
			END;
		END LOOP;
		IF jsonb_array_length(later) = jsonb_array_length(pending) THEN
			SELECT f->>'name' INTO missing FROM jsonb_array_elements(features) f
			 WHERE to_regclass(format('%I.%I', medallion.layer_schema('silver'), f->>'name')) IS NULL LIMIT 1;
			EXIT WHEN missing IS NOT NULL;
			entry := later->0;
			PERFORM medallion.create_model(entry->>'name', entry->>'query', coalesce(nullif(entry->'options', 'null'), '{}'));
		END IF;
		pending := later;
	END LOOP;
	RETURN reasons;
END
$$;
COMMENT ON FUNCTION medallion.apply_models(jsonb, jsonb) IS
'Internal: the models of apply_config(); returns those that wait for the first run of a feature, each with what it misses.';

/* pg_cron has the jobs where it is there; elsewhere the rows are what schedule_hint() and health() go by. */
CREATE FUNCTION medallion.apply_schedule(entry jsonb, known jsonb)
RETURNS void LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	has_cron CONSTANT boolean := medallion.has_cron();
	has_job boolean := true;
	overruled CONSTANT text := CASE WHEN has_cron THEN 'time_zone' ELSE '' END;	-- pg_cron has one for all jobs
BEGIN
	IF has_cron THEN
		EXECUTE 'SELECT EXISTS (SELECT FROM cron.job WHERE jobname = $1)' INTO has_job USING entry->>'name';
	END IF;
	IF has_job AND entry - overruled = known - overruled THEN
		RETURN;		/* stored again, it would begin anew to look for missed runs */
	END IF;
	IF has_cron THEN
		PERFORM medallion.schedule(entry->>'cron', medallion.json_names(entry->'features'), entry->'options', entry->>'name');
	ELSE
		PERFORM medallion.cron_last(entry->>'cron', now(), entry->>'time_zone');
		PERFORM medallion.store_schedule(entry->>'name', entry->>'cron', medallion.json_names(entry->'features'), entry->'options', entry->>'time_zone');
	END IF;
END
$$;
COMMENT ON FUNCTION medallion.apply_schedule(jsonb, jsonb) IS 'Internal: one schedule of apply_config(), and what is known of it.';

CREATE FUNCTION medallion.apply_entry(kind text, entry jsonb, known jsonb)
RETURNS void LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	CASE kind
		WHEN 'feature' THEN
			PERFORM medallion.apply_feature(entry, known->'checks');
		WHEN 'pipeline' THEN
			PERFORM medallion.create_pipeline(entry->>'name', medallion.json_names(entry->'features'), entry->'options', medallion.json_names(entry->'layers'));
		WHEN 'step' THEN
			PERFORM medallion.add_step(entry->>'name', entry->>'sql', entry->>'after', entry->>'pipeline');
		WHEN 'schedule' THEN
			PERFORM medallion.apply_schedule(entry, known);
		WHEN 'window' THEN
			PERFORM medallion.add_window(entry->>'name', entry->>'cron', (entry->>'duration')::interval, entry->>'pipeline', entry->>'time_zone', entry->>'reason');
		WHEN 'pause' THEN
			PERFORM medallion.pause(entry->>'name', entry->>'reason');
	END CASE;
END
$$;
COMMENT ON FUNCTION medallion.apply_entry(text, jsonb, jsonb) IS 'Internal: one entry of apply_config() that is no model, with all its keys, and what is known of it.';

CREATE FUNCTION medallion.config_difference(before jsonb, after jsonb)
RETURNS jsonb LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
	SELECT jsonb_object_agg(coalesce(b.key, a.key), jsonb_build_object('from', b.value, 'to', a.value))
	  FROM jsonb_each((before - 'options') || coalesce((SELECT jsonb_object_agg('options.' || o.key, o.value) FROM jsonb_each(before->'options') o), '{}')) b
	  FULL JOIN jsonb_each((after - 'options') || coalesce((SELECT jsonb_object_agg('options.' || o.key, o.value) FROM jsonb_each(after->'options') o), '{}')) a ON a.key = b.key
	 WHERE a.value IS DISTINCT FROM b.value
$$;
COMMENT ON FUNCTION medallion.config_difference(jsonb, jsonb) IS 'Internal: the keys and options in which two entries of a configuration differ, each {from, to}; NULL where there are none.';

/* What a run of it did is the difference between the configurations before and after; a dry run is a run that is rolled back. */
CREATE FUNCTION medallion.apply_config(config jsonb, dry_run boolean DEFAULT false, OUT object text, OUT action text, OUT detail jsonb)
RETURNS SETOF record LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp SET intervalstyle = 'postgres' AS $$
DECLARE
	wanted CONSTANT jsonb := medallion.read_config(config);
	before CONSTANT jsonb := medallion.export_config();
	after jsonb;
	waiting jsonb := '{}';
	kind record;
	entry record;
BEGIN
	BEGIN
		FOR kind IN SELECT * FROM medallion.config_kinds() k WHERE jsonb_typeof(wanted->k.key) = 'array' ORDER BY k.place LOOP
			IF kind.word = 'model' THEN
				waiting := medallion.apply_models(wanted->'models', medallion.export_config()->'features');
				CONTINUE;
			END IF;
			FOR entry IN SELECT kind.defaults || (e.item - 'notes') AS item,
								(SELECT b FROM jsonb_array_elements(before->kind.key) b WHERE b->>'name' = e.item->>'name') AS known
						   FROM jsonb_array_elements(wanted->kind.key) WITH ORDINALITY e (item, n) ORDER BY e.n LOOP
				IF kind.word = 'step' AND waiting ? (entry.item->>'after') THEN
					waiting := waiting || jsonb_build_object('step ' || (entry.item->>'name'), format('it comes after model "%s"', entry.item->>'after'));
				ELSE
					PERFORM medallion.apply_entry(kind.word, entry.item, entry.known);
				END IF;
			END LOOP;
		END LOOP;
		after := medallion.export_config();
		IF dry_run THEN
			RAISE EXCEPTION 'rolled back' USING ERRCODE = 'MDDRY';
		END IF;
	EXCEPTION WHEN SQLSTATE 'MDDRY' THEN
		NULL;
	END;
	FOR object, action, detail IN
		SELECT k.word || ' ' || (w.item->>'name'),
			   CASE WHEN a.item IS NULL OR y.reason IS NOT NULL THEN 'waiting' WHEN b.item IS NULL THEN 'created' WHEN b.item = a.item THEN 'unchanged' ELSE 'changed' END,
			   CASE WHEN y.reason IS NOT NULL THEN jsonb_build_object('waiting_for', y.reason) WHEN b.item IS NOT NULL THEN medallion.config_difference(b.item, a.item) END
		  FROM medallion.config_kinds() k
		 CROSS JOIN LATERAL jsonb_array_elements(CASE jsonb_typeof(wanted->k.key) WHEN 'array' THEN wanted->k.key ELSE '[]' END) WITH ORDINALITY w (item, n)
		  LEFT JOIN LATERAL (SELECT x.item FROM jsonb_array_elements(before->k.key) x (item) WHERE x.item->>'name' = w.item->>'name') b ON true
		  LEFT JOIN LATERAL (SELECT x.item FROM jsonb_array_elements(after->k.key) x (item) WHERE x.item->>'name' = w.item->>'name') a ON true
		 CROSS JOIN LATERAL (SELECT CASE k.word WHEN 'model' THEN waiting->>(w.item->>'name') WHEN 'step' THEN waiting->>('step ' || (w.item->>'name')) END) y (reason)
		 ORDER BY k.place, w.n
	LOOP
		RETURN NEXT;
	END LOOP;
END
$$;
COMMENT ON FUNCTION medallion.apply_config(jsonb, boolean) IS
'Creates features, models, pipelines, steps, schedules, windows and pauses, or brings them to these definitions: what export_config() gives, an array of features, or one feature, as discover() proposes them (notes are ignored). Returns what it did to each: created, changed, unchanged, waiting; detail: which keys and options changed, from what to what. Saying the same again changes nothing, and what the configuration does not name stays. dry_run: says what would be done, checked in full, and does nothing. A model waits, with the steps after it, where it reads a table that is not there while features have not run yet: run the pipeline, and apply again. A schedule is a job of pg_cron where that is there, in its time zone; elsewhere a row, for schedule_hint() and health(). Names in queries are schema-qualified. Raises for unknown keys and options, and for a name given twice; then nothing is changed.';
