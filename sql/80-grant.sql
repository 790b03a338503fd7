/* Who may read, run and define: grants ready to hand out. */

CREATE FUNCTION medallion.layer_owners(wanted regrole[])
RETURNS SETOF regrole LANGUAGE sql STABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
SELECT DISTINCT o FROM (SELECT unnest(wanted) UNION ALL
	SELECT owner FROM medallion.features WHERE wanted IS NULL UNION ALL
	SELECT owner FROM medallion.models WHERE wanted IS NULL UNION ALL
	SELECT current_user::regrole WHERE wanted IS NULL) x (o) WHERE pg_has_role(o, 'USAGE')
$$;
COMMENT ON FUNCTION medallion.layer_owners(regrole[]) IS
'Internal: the given roles, or those that own features and models and the caller; of these whom the caller may act for.';

CREATE FUNCTION medallion.change_layer_grants(layer text, role regrole, owners regrole[], granted boolean)
RETURNS bigint LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	schema CONSTANT text := medallion.layer_schema(layer);
	verb CONSTANT text := CASE WHEN granted THEN 'GRANT' ELSE 'REVOKE' END;
	given CONSTANT text := CASE WHEN granted THEN 'TO ' ELSE 'FROM ' END || role;
	owner regrole;
	relation record;
	changed bigint := 0;
BEGIN
	IF layer IS NULL OR layer NOT IN ('bronze', 'silver', 'gold') THEN
		RAISE EXCEPTION 'unrecognized layer "%"', layer USING ERRCODE = 'invalid_parameter_value', HINT = 'Layers are bronze, silver and gold.';
	END IF;
	IF role IS NULL THEN
		RAISE EXCEPTION 'role must not be NULL' USING ERRCODE = 'null_value_not_allowed';
	END IF;
	IF to_regnamespace(quote_ident(schema)) IS NULL THEN
		RAISE EXCEPTION 'schema "%" of layer % does not exist yet', schema, layer USING ERRCODE = 'undefined_object',
			HINT = 'Run the pipeline once, or create the schema for the role that owns the features.';
	END IF;
	EXECUTE format('%s USAGE ON SCHEMA %I %s', verb, schema, given);
	IF NOT (SELECT pg_has_role(n.nspowner, 'USAGE') FROM pg_namespace n WHERE n.nspname = schema) AND granted
	   AND NOT has_schema_privilege(role::oid, quote_ident(schema), 'USAGE') THEN
		RAISE EXCEPTION 'must be owner of schema "%"', schema USING ERRCODE = 'insufficient_privilege';
	END IF;

	/* what begins with "_" are staging tables and images of changes: nobody's but their owner's */
	FOR relation IN SELECT c.oid::regclass AS name, pg_has_role(c.relowner, 'USAGE') AS ours FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
					 WHERE n.nspname = schema AND c.relkind IN ('r', 'p', 'v', 'm', 'f') AND c.relname !~ '^_' ORDER BY c.oid LOOP
		IF relation.ours THEN
			EXECUTE format('%s SELECT ON %s %s', verb, relation.name, given);
			changed := changed + 1;
		ELSE
			RAISE WARNING 'left out %: you may not act for its owner', relation.name;
		END IF;
	END LOOP;
	FOR owner IN SELECT * FROM medallion.layer_owners(owners) LOOP
		EXECUTE format('ALTER DEFAULT PRIVILEGES FOR ROLE %s IN SCHEMA %I %s SELECT ON TABLES %s', owner, schema, verb, given);
	END LOOP;
	RETURN changed;
END
$$;
COMMENT ON FUNCTION medallion.change_layer_grants(text, regrole, regrole[], boolean) IS 'Internal: what grant_layer() and revoke_layer() do.';

CREATE FUNCTION medallion.grant_layer(layer text, role regrole, owners regrole[] DEFAULT NULL)
RETURNS bigint LANGUAGE sql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
SELECT medallion.change_layer_grants(layer, role, owners, true)
$$;
COMMENT ON FUNCTION medallion.grant_layer(text, regrole, regrole[]) IS
'Lets a role read one layer (bronze, silver, gold) and nothing else: USAGE on its schema, SELECT on its tables and views, and by default privileges on those to come. owners: the roles whose future tables count (default: who owns features and models by now, and the caller). Returns how many tables and views there are now; those of owners whom the caller may not act for are left out with a warning. Raises for unknown layers, and where the schema does not exist or is not the caller''s to grant.';

CREATE FUNCTION medallion.revoke_layer(layer text, role regrole, owners regrole[] DEFAULT NULL)
RETURNS bigint LANGUAGE sql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
SELECT medallion.change_layer_grants(layer, role, owners, false)
$$;
COMMENT ON FUNCTION medallion.revoke_layer(text, regrole, regrole[]) IS
'Takes back what grant_layer() gave, on what is there and what is to come. Arguments, result and errors are the same.';

/* The objects of the extension that a set of grants names.  Features without their options: these hold
 * the salt of masks; steps without their statements: these may hold passwords; no rejects, corrections and profiles: these hold values. */
CREATE FUNCTION medallion.role_grants(kind text)
RETURNS SETOF text LANGUAGE sql STABLE STRICT PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
WITH known AS (SELECT kind = 'admin' AS admin, kind = 'operator' AS operator)
SELECT format('USAGE ON SCHEMA %I', n.nspname) FROM pg_namespace n	/* lineage names the models' views; to read them takes more */
 WHERE n.nspname IN ('medallion', 'etl_logs', medallion.layer_schema('model'))
UNION ALL
SELECT format('CREATE ON DATABASE %I', current_database()) FROM known WHERE admin
UNION ALL
SELECT 'USAGE ON FOREIGN SERVER medallion_files' FROM known WHERE admin
UNION ALL
SELECT format('EXECUTE ON ROUTINE %s', p.oid::regprocedure) FROM pg_proc p, known
 WHERE p.pronamespace = 'medallion'::regnamespace AND p.prokind IN ('f', 'p', 'a', 'w')
   AND (admin AND p.proname NOT IN ('grant_role', 'revoke_role', 'role_grants')
		OR p.proname = ANY ('{layer_schema,table_bytes,disk_space,duration_anomalies,health,expression_columns,cron_field,cron_last,model_graph,html,html_span,html_count,html_status,html_table,report_runs,report_lineage,report_style,report_html,column_sources,query_with,history_as_of,relation_as_of,as_of_query,as_of,rows_as_of,run_time,as_of_run,diff,user_columns,row_hash,query_inputs,as_owner,rows_as_owner,trace_query,trace_rows,trace}')
		OR operator AND p.proname = ANY ('{run_pipeline,run_pipeline_proc,dry_run,forget_journals,plan,files,found_files,undo_run,rebuild,verify,replay_quarantine,reopen_quarantine,pause,resume}'))
UNION ALL
SELECT format('SELECT ON %s', c.oid::regclass) FROM pg_class c, known
 WHERE c.relkind IN ('r', 'v') AND (c.relnamespace = 'etl_logs'::regnamespace OR c.relnamespace = 'medallion'::regnamespace
	AND (admin OR c.relname <> ALL ('{features,steps,rejects,corrections,profiles,measurements,erasures,erased_keys}')))
UNION ALL
SELECT format('SELECT (%s) ON %s', string_agg(quote_ident(a.attname), ', ' ORDER BY a.attnum), a.attrelid::regclass) FROM pg_attribute a
 WHERE a.attrelid IN ('medallion.features'::regclass, 'medallion.steps'::regclass) AND a.attnum > 0 AND NOT a.attisdropped AND a.attname NOT IN ('options', 'sql')
 GROUP BY a.attrelid
$$;
COMMENT ON FUNCTION medallion.role_grants(text) IS
'The privileges that grant_role() gives for a kind (admin, operator, reader), one a row, as a GRANT statement names them.';

CREATE FUNCTION medallion.change_role_grants(kind text, role regrole, owners regrole[], granted boolean)
RETURNS bigint LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	privilege text;
	changed bigint := 0;
BEGIN
	IF kind IS NULL OR kind NOT IN ('admin', 'operator', 'reader') THEN
		RAISE EXCEPTION 'unrecognized kind of grants "%"', kind USING ERRCODE = 'invalid_parameter_value', HINT = 'Kinds are admin, operator and reader.';
	END IF;
	IF role IS NULL THEN
		RAISE EXCEPTION 'role must not be NULL' USING ERRCODE = 'null_value_not_allowed';
	END IF;
	IF NOT (SELECT pg_has_role(e.extowner, 'USAGE') FROM pg_extension e WHERE e.extname = 'medallion') THEN
		RAISE EXCEPTION 'must be owner of extension medallion' USING ERRCODE = 'insufficient_privilege';
	END IF;
	FOR privilege IN SELECT * FROM medallion.role_grants(kind) LOOP
		EXECUTE format('%s %s %s %s', CASE WHEN granted THEN 'GRANT' ELSE 'REVOKE' END, privilege, CASE WHEN granted THEN 'TO' ELSE 'FROM' END, role);
		changed := changed + 1;
	END LOOP;
	IF kind = 'operator' AND granted THEN
		INSERT INTO medallion.operators (owner, operator) SELECT o, role FROM medallion.layer_owners(owners) o WHERE o <> role ON CONFLICT DO NOTHING;
	ELSIF kind = 'operator' THEN
		DELETE FROM medallion.operators p WHERE p.operator = role AND (owners IS NULL OR p.owner = ANY (owners));
	END IF;
	RETURN changed;
END
$$;
COMMENT ON FUNCTION medallion.change_role_grants(text, regrole, regrole[], boolean) IS 'Internal: what grant_role() and revoke_role() do.';

CREATE FUNCTION medallion.grant_role(kind text, role regrole, owners regrole[] DEFAULT NULL)
RETURNS bigint LANGUAGE sql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
SELECT medallion.change_role_grants(kind, role, owners, true)
$$;
COMMENT ON FUNCTION medallion.grant_role(text, regrole, regrole[]) IS
'Gives a role the privileges of one kind of user. reader: to look at runs, logs, quality, lineage, the report, and to trace() what it may read; no data (see grant_layer()), no options of features, no rejected values. operator: that, and to plan, run, undo, rebuild, pause and verify what owners own (default: who owns features and models by now), each feature with its owner''s rights as ever; not to define or read it, nor to maintain() it, which takes data away. admin: every function, all tables of the extension, CREATE on the database; what others own stays theirs, files need medallion.allowed_paths or pg_read_server_files. Returns the number of privileges; call it again after an update. Raises for unknown kinds, and unless called by who owns the extension.';

CREATE FUNCTION medallion.revoke_role(kind text, role regrole, owners regrole[] DEFAULT NULL)
RETURNS bigint LANGUAGE sql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
SELECT medallion.change_role_grants(kind, role, owners, false)
$$;
COMMENT ON FUNCTION medallion.revoke_role(text, regrole, regrole[]) IS 'Takes back what grant_role() gave. Arguments, result and errors are the same.';
