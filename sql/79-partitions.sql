/* Months that are old enough move to another place, or go. */

CREATE FUNCTION medallion.maintain_partitions(policy jsonb, dry boolean, OUT object text, OUT action text, OUT rows bigint, OUT done boolean, OUT reason text)
RETURNS SETOF record LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' SET datestyle = 'ISO, YMD' AS $$
DECLARE
	wanted CONSTANT text := policy->>'action';
	space CONSTANT text := policy->>'tablespace';
	older_than CONSTANT interval := (policy->>'older_than')::interval;
	p record;
	i regclass;
BEGIN
	PERFORM medallion.check_options('option of partitions', policy, '{older_than,action,tablespace}');
	IF older_than IS NULL OR wanted IS NULL OR wanted NOT IN ('move', 'detach', 'drop') OR (wanted = 'move') <> (space IS NOT NULL) THEN
		RAISE EXCEPTION 'a policy of partitions needs "older_than" and an "action": move, detach, drop' USING ERRCODE = 'invalid_parameter_value',
			HINT = 'move, and no other, takes a "tablespace".';
	END IF;
	IF NOT EXISTS (SELECT FROM pg_tablespace WHERE spcname = coalesce(space, 'pg_default')) THEN
		RAISE EXCEPTION 'tablespace "%" does not exist', space USING ERRCODE = 'undefined_object';
	END IF;
	FOR p IN SELECT f.feature_id, t.table_name AS parent, c.oid::regclass AS part, format('%I.%I', n.nspname, c.relname) AS name, greatest(c.reltuples, 0)::bigint AS rows,
					f.business_keys IS NOT NULL AND coalesce(f.options->>'history', CASE (f.options->>'scd2_enabled')::boolean WHEN false THEN 'append' END, '') <> 'append' AS has_history,
					coalesce((SELECT s.spcname FROM pg_tablespace s WHERE s.oid = c.reltablespace),
							 (SELECT s.spcname FROM pg_database b JOIN pg_tablespace s ON s.oid = b.dattablespace WHERE b.datname = current_database())) AS space
			   FROM medallion.tables t JOIN medallion.features f USING (feature_id)
			   JOIN pg_inherits h ON h.inhparent = t.table_name JOIN pg_class c ON c.oid = h.inhrelid JOIN pg_namespace n ON n.oid = c.relnamespace
			  WHERE t.layer = 'silver' AND f.options ? 'partition_by' AND pg_has_role(f.owner, 'USAGE')
				AND substring(pg_get_expr(c.relpartbound, c.oid) FROM 'TO \(''([^'']+)''\)')::timestamptz <= now() - older_than
			  ORDER BY c.relname COLLATE "C" LOOP
		CONTINUE WHEN p.space = space;
		object := p.name; action := wanted; rows := p.rows; done := NOT dry;
		IF wanted = 'move' THEN
			reason := format('older than %s; to tablespace "%s"', older_than, space);
		ELSIF p.has_history THEN
			action := 'keep'; done := true; reason := 'the history of a key goes over its partitions';
		ELSE
			reason := format('older than %s; the rows stay in bronze, from which a rebuild would bring them back', older_than);
		END IF;
		IF NOT dry AND action <> 'keep' THEN
			PERFORM pg_advisory_xact_lock(x'6d65646c'::int, p.feature_id);
			IF action = 'move' THEN
				EXECUTE format('ALTER TABLE %s SET TABLESPACE %I', p.part, space);
				FOR i IN SELECT x.indexrelid::regclass FROM pg_index x WHERE x.indrelid = p.part LOOP
					EXECUTE format('ALTER INDEX %s SET TABLESPACE %I', i, space);
				END LOOP;
			ELSE
				EXECUTE format('ALTER TABLE %s DETACH PARTITION %s', p.parent, p.part);
				IF action = 'drop' THEN
					EXECUTE format('DROP TABLE %s', p.part);
				END IF;
				UPDATE medallion.model_inputs m SET changed_run_id = NULL WHERE m.kind = 'feature' AND m.input_id = p.feature_id;
			END IF;
		END IF;
		RETURN NEXT;
	END LOOP;
END
$$;
COMMENT ON FUNCTION medallion.maintain_partitions(jsonb, boolean) IS
'Internal: option "partitions" of maintain(): {older_than, action, tablespace}, of features with partition_by. Raises for a policy that is none, and for a tablespace that is not there.';
