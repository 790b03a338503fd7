/*
 * Gold: dimensions and facts.  What these functions do is write a query and
 * hand it to create_model(); it is in the schema of the models, to be read,
 * copied and changed.
 *
 * The surrogate key of a dimension's row is computed from its business key
 * and the time its version begins: it is the same after every rebuild, and no
 * sequence says in which order rows came.
 */

CREATE FUNCTION medallion.surrogate_key(hash uuid) RETURNS bigint
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN ('x' || left(replace(hash::text, '-', ''), 16))::bit(64)::bigint & 9007199254740991;
COMMENT ON FUNCTION medallion.surrogate_key(uuid) IS
'the lower 53 bits of the first 64 bits of a hash: a key that is exact in programs whose numbers are doubles. The primary key of the dimension refuses two rows with one key: with 10,000 rows expect that in one dimension of 180 million, with 10 million rows in one of 180: take key_type uuid for so many';

CREATE FUNCTION medallion.user_columns(relation regclass) RETURNS text[]
LANGUAGE sql STABLE STRICT PARALLEL SAFE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
	SELECT coalesce(array_agg(attname::text ORDER BY attnum), '{}') FROM pg_attribute
	 WHERE attrelid = relation AND attnum > 0 AND NOT attisdropped AND attname !~ '^(_|dq_)';
END;
COMMENT ON FUNCTION medallion.user_columns(regclass) IS
'columns of a silver table that come from its source: those without a leading _ or dq_, in order';

CREATE FUNCTION medallion.silver_table(feature text) RETURNS regclass
LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
	silver	text := coalesce(nullif(current_setting('medallion.silver_schema', true), ''), 'silver');
	found	regclass := to_regclass(format('%I.%I', silver, feature));
BEGIN
	IF found IS NULL OR to_regclass(format('%I.%I', silver, feature || '_current')) IS NULL THEN
		RAISE undefined_table USING
			MESSAGE = format('silver has no table "%s" yet', feature),
			HINT = 'Create the feature, and run the pipeline for layers bronze and silver first: SELECT * FROM medallion.run_pipeline(layers => ''{bronze,silver}'').';
	END IF;
	RETURN found;
END
$function$;
COMMENT ON FUNCTION medallion.silver_table(text) IS
'the silver table of a feature; raises undefined_table where no run has made it yet';

/* A view, for who may ask what silver said need not see a feature's options. */
CREATE VIEW medallion.histories AS
SELECT f.feature_id, f.name, coalesce(h->>'valid_from', '_scd2_valid_from') AS valid_from, coalesce(h->>'valid_to', '_scd2_valid_to') AS valid_to,
	   coalesce(h->>'is_current', '_scd2_is_current') AS is_current, coalesce(h->>'version', '_scd2_version') AS version,
	   f.options->>'valid_to' AS open_end, f.options->>'history' IS DISTINCT FROM 'scd1' AS kept
  FROM medallion.features f, coalesce(f.options->'history_columns', '{}') h;
COMMENT ON VIEW medallion.histories IS 'how the columns of history are called in each feature''s silver table, and what stands in valid_to of a current version; kept: earlier versions are';

CREATE FUNCTION medallion.history_column(feature text, role text) RETURNS name
LANGUAGE sql STABLE STRICT PARALLEL SAFE SET search_path = pg_catalog, pg_temp
RETURN coalesce((SELECT options -> 'history_columns' ->> history_column.role FROM medallion.features WHERE features.name = feature), '_scd2_' || role);
COMMENT ON FUNCTION medallion.history_column(text, text) IS
'the name that a feature''s silver table has for valid_from, valid_to, is_current or version';

CREATE FUNCTION medallion.dimension_query(feature text, options jsonb DEFAULT '{}') RETURNS text
LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
	silver	regclass := medallion.silver_table(feature);
	keys	text[] := ARRAY(SELECT jsonb_array_elements_text(options -> 'keys'));
	key		text := coalesce(options ->> 'key', regexp_replace(feature, '^dim_', '') || '_key');
	uuids	bool := coalesce(options ->> 'key_type', 'bigint') = 'uuid';
	history	bool := coalesce((options ->> 'history')::bool, true);
	unknown	text := coalesce(options ->> 'unknown', 'Unknown');
	derived	jsonb := coalesce(options -> 'derive', '{}');
	wanted	text[] := ARRAY(SELECT jsonb_array_elements_text(options -> 'columns'));
	wrong	text;
	fields	text;
	member	text;
	seed	text;
BEGIN
	PERFORM medallion.check_options('dimension option', options,
		'{keys,key,key_type,history,columns,derive,unknown,filter,description}');
	IF keys = '{}' THEN
		keys := (SELECT business_keys FROM medallion.features WHERE features.name = feature);
	END IF;
	IF coalesce(cardinality(keys), 0) = 0 THEN
		RAISE invalid_parameter_value USING
			MESSAGE = format('a dimension over feature "%s" needs business keys', feature),
			HINT = 'Give the feature business keys, or name columns in option "keys".';
	END IF;
	SELECT c INTO wrong FROM unnest(keys || wanted) AS c WHERE c <> ALL (medallion.user_columns(silver)) LIMIT 1;
	IF FOUND THEN
		RAISE undefined_column USING MESSAGE = format('feature "%s" has no column "%s" in silver', feature, wrong);
	END IF;
	history := history AND EXISTS (SELECT FROM pg_attribute WHERE attrelid = silver AND attname = medallion.history_column(feature, 'version'));
	IF wanted = '{}' THEN
		wanted := ARRAY(SELECT c FROM unnest(medallion.user_columns(silver)) WITH ORDINALITY AS u (c, n) WHERE c <> ALL (keys) AND NOT derived ? c
			AND c NOT IN (SELECT medallion.history_column(feature, role) FROM unnest('{valid_from,valid_to,is_current,version}'::text[]) AS h (role)) ORDER BY n);
	END IF;
	wanted := keys || ARRAY(SELECT c FROM unnest(wanted) WITH ORDINALITY AS w (c, n) WHERE c <> ALL (keys) ORDER BY n);

	seed := format('medallion.row_hash(%s%s)', (SELECT string_agg(format('s.%I', c), ', ' ORDER BY n) FROM unnest(keys) WITH ORDINALITY AS k (c, n)),
				   CASE WHEN history THEN format(', s.%I', medallion.history_column(feature, 'valid_from')) END);
	fields := (SELECT string_agg(format('s.%I', c), E',\n\t' ORDER BY n) FROM unnest(wanted) WITH ORDINALITY AS w (c, n));
	/* the unknown member: text says so, but no business key is it */
	member := (SELECT string_agg(CASE WHEN c <> ALL (keys) AND a.atttypid = 'text'::regtype THEN quote_literal(unknown) ELSE 'NULL' END, ', ' ORDER BY n)
				 FROM unnest(wanted) WITH ORDINALITY AS w (c, n) JOIN pg_attribute a ON a.attrelid = silver AND a.attname = c);

	RETURN format(E'SELECT %1$s AS %2$I,\n\t%3$s%4$s%5$s\nFROM %6$s AS s%7$s\nUNION ALL\nSELECT %8$s, %9$s%10$s%11$s',
		CASE WHEN uuids THEN seed ELSE format('medallion.surrogate_key(%s)', seed) END, key, fields,
		(SELECT string_agg(format(E',\n\t(%s) AS %I', value, d.key), '' ORDER BY d.key COLLATE "C") FROM jsonb_each_text(derived) AS d),
		CASE WHEN history THEN (SELECT string_agg(format(E',\n\ts.%I AS %I', medallion.history_column(feature, role), role), '' ORDER BY n)
			FROM unnest('{valid_from,valid_to,is_current,version}'::text[]) WITH ORDINALITY AS h (role, n)) END,
		CASE WHEN history THEN silver::text ELSE silver::text || '_current' END,
		coalesce(E'\nWHERE ' || (options ->> 'filter'), ''),
		CASE WHEN uuids THEN quote_literal('00000000-0000-0000-0000-000000000000') ELSE '0' END, member,
		repeat(', NULL', (SELECT count(*) FROM jsonb_object_keys(derived))::int),
		CASE WHEN history THEN ', NULL, NULL, true, 0' END);
END
$function$;
COMMENT ON FUNCTION medallion.dimension_query(text, jsonb) IS
'the query of create_dimension(), to be read, copied and changed';

CREATE FUNCTION medallion.create_dimension(name text, feature text, options jsonb DEFAULT '{}') RETURNS text
LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
	gold	text := coalesce(nullif(current_setting('medallion.gold_schema', true), ''), 'gold');
	full_options jsonb := jsonb_build_object('key', regexp_replace(name, '^dim_', '') || '_key') || options;
	key		text := full_options ->> 'key';
	query	text := medallion.dimension_query(feature, full_options);
	history	bool := query ~ ' AS valid_from,\n\t[^\n]* AS valid_to,\n';
	current_columns text;
BEGIN
	PERFORM medallion.create_model(name, query, jsonb_build_object(
		'description', coalesce(options ->> 'description', format('Dimension of feature %s, and its unknown member, whose key is 0.', feature)),
		'primary_key', jsonb_build_array(key),
		'column_comments', jsonb_build_object(key, 'surrogate key, the same after every rebuild; 0: unknown')
			|| CASE WHEN history THEN '{"valid_from": "when this version begins", "valid_to": "when it ends, exclusive; NULL: in force",
				"is_current": "is this version in force?", "version": "1, 2, 3 in time order; 0: the unknown member"}' ELSE '{}' END::jsonb));
	IF history THEN
		SELECT string_agg(format('d.%I', attname), ', ' ORDER BY attnum) INTO current_columns FROM pg_attribute
		 WHERE attrelid = format('%I.%I', gold, name)::regclass AND attnum > 0 AND NOT attisdropped AND attname !~ '^_|^(valid_to|is_current)$';
		PERFORM medallion.create_model(name || '_current', format('SELECT %s FROM %I.%I AS d WHERE d.is_current', current_columns, gold, name),
			jsonb_build_object('materialized', 'view', 'description', format('%s as it is now.', name)));
	END IF;
	RETURN name;
END
$function$;
COMMENT ON FUNCTION medallion.create_dimension(text, text, jsonb) IS
'makes the model of a dimension over a feature that silver has: a row per version, with a surrogate key, valid_from, valid_to, is_current and version, an unknown member with key 0, and the view <name>_current. Returns the name. options: key (surrogate key column, <name without dim_>_key), key_type (bigint, uuid), keys (business keys, those of the feature), columns (all), derive (name: SQL over columns of silver as s.<name>, in schema pg_catalog unless qualified), history (false: only what is current), filter (SQL condition), unknown (text of the unknown member), description';

CREATE FUNCTION medallion.point_in_time(at text, at_type regtype, to_type regtype) RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
	/* times without zone are in UTC, whatever the session says */
	SELECT CASE WHEN to_type = 'timestamptz'::regtype AND at_type IN ('date'::regtype, 'timestamp'::regtype) THEN format('%s::timestamp AT TIME ZONE ''UTC''', at)
				WHEN at_type = 'timestamptz'::regtype AND to_type IN ('date'::regtype, 'timestamp'::regtype) THEN format('(%s AT TIME ZONE ''UTC'')::%s', at, to_type)
				ELSE at END;
END;
COMMENT ON FUNCTION medallion.point_in_time(text, regtype, regtype) IS
'an expression for a time, as SQL of a type that can be compared with another''s; times without zone are in UTC';

CREATE FUNCTION medallion.fact_query(source text, options jsonb DEFAULT '{}') RETURNS text
LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
	gold	text := coalesce(nullif(current_setting('medallion.gold_schema', true), ''), 'gold');
	from_	text;
	types	jsonb;			/* of the source's columns */
	fields	text[] := '{}';
	joins	text := '';
	link	jsonb;			/* one dimension */
	dim		regclass;
	dims	jsonb;			/* types of its columns */
	alias	text;
	pairs	text;
	key		text;
	at_		text;
	item	record;
	nothing	text;
BEGIN
	PERFORM medallion.check_options('fact option', options,
		'{dimensions,dates,date_dimension,measures,degenerate,primary_key,not_null,column_comments,filter,description}');
	IF source ~* '^\s*(select|with)\M' THEN
		from_ := format(E'(\n%s\n)', source);
	ELSE
		from_ := medallion.silver_table(source)::text || '_current';
	END IF;
	EXECUTE format('CREATE TEMP VIEW _medallion_fact AS SELECT * FROM %s AS f', from_);
	SELECT jsonb_object_agg(attname, atttypid::regtype::text) INTO types FROM pg_attribute
	 WHERE attrelid = 'pg_temp._medallion_fact'::regclass AND attnum > 0;
	DROP VIEW pg_temp._medallion_fact;

	fields := ARRAY(SELECT format('f.%I', c) FROM jsonb_array_elements_text(options -> 'degenerate') WITH ORDINALITY AS g (c, n) ORDER BY n);

	FOR item IN SELECT d.key AS name, d.value AS column FROM jsonb_each_text(options -> 'dates') AS d ORDER BY d.key COLLATE "C" LOOP
		alias := 'd' || (length(joins) - length(replace(joins, 'LEFT JOIN', '')));
		joins := joins || format(E'\nLEFT JOIN %I.%I AS %I ON %3$I.date = %4$s', gold, coalesce(options ->> 'date_dimension', 'dim_date'), alias,
			CASE types ->> item.column WHEN 'timestamp with time zone' THEN format('(f.%I AT TIME ZONE ''UTC'')::date', item.column) ELSE format('f.%I::date', item.column) END);
		fields := fields || format('coalesce(%I.date_key, 0) AS %I', alias, item.name);
	END LOOP;

	FOR link IN SELECT value FROM jsonb_array_elements(options -> 'dimensions') LOOP
		PERFORM medallion.check_options('option of a fact''s dimension', link, '{model,on,at,key,before_first}');
		IF coalesce(link ->> 'before_first', 'earliest') NOT IN ('earliest', 'unknown') THEN
			RAISE invalid_parameter_value USING MESSAGE = format('option "before_first" of a fact''s dimension must be earliest or unknown, not "%s"', link ->> 'before_first');
		END IF;
		dim := format('%I.%I', gold, link ->> 'model')::regclass;
		SELECT jsonb_object_agg(attname, atttypid::regtype::text) INTO dims FROM pg_attribute WHERE attrelid = dim AND attnum > 0 AND NOT attisdropped;
		SELECT attname INTO STRICT key FROM pg_attribute WHERE attrelid = dim AND attnum = 1;
		nothing := CASE dims ->> key WHEN 'uuid' THEN '''00000000-0000-0000-0000-000000000000''' ELSE '0' END;
		alias := 'd' || (length(joins) - length(replace(joins, 'LEFT JOIN', '')));
		/* on: {column of the dimension: column of the source}, or one name for both */
		pairs := CASE WHEN jsonb_typeof(link -> 'on') = 'object'
			THEN (SELECT string_agg(format('%I.%I = f.%I', alias, o.key, o.value), ' AND ' ORDER BY o.key COLLATE "C") FROM jsonb_each_text(link -> 'on') AS o)
			ELSE format('%I.%2$I = f.%2$I', alias, link ->> 'on') END;
		IF dims ? 'version' AND link ? 'at' THEN
			IF NOT types ? (link ->> 'at') THEN
				RAISE undefined_column USING MESSAGE = format('the source of the fact has no column "%s"', link ->> 'at');
			END IF;
			at_ := medallion.point_in_time(format('f.%I', link ->> 'at'), (types ->> (link ->> 'at'))::regtype, (dims ->> 'valid_from')::regtype);
			pairs := pairs || format(E'\n\tAND (%1$I.valid_from <= %2$s%3$s) AND (%2$s < %1$I.valid_to OR %1$I.valid_to IS NULL)', alias, at_,
				CASE coalesce(link ->> 'before_first', 'earliest') WHEN 'earliest' THEN format(' OR %I.version = 1 AND %s IS NOT NULL', alias, at_) ELSE '' END);
		ELSIF dims ? 'version' THEN
			pairs := pairs || format(' AND %I.is_current', alias);
		END IF;
		joins := joins || format(E'\nLEFT JOIN %s AS %I ON %s', dim, alias, pairs);
		fields := fields || format('coalesce(%I.%I, %s) AS %I', alias, key, nothing, coalesce(link ->> 'key', key));
	END LOOP;

	fields := fields || ARRAY(SELECT format('%s AS %I', m.value, m.key) FROM jsonb_each_text(options -> 'measures') AS m ORDER BY m.key COLLATE "C");
	RETURN format(E'SELECT %s\nFROM %s AS f%s%s', array_to_string(fields, E',\n\t'), from_, joins,
				  coalesce(E'\nWHERE ' || (options ->> 'filter'), ''));
END
$function$;
COMMENT ON FUNCTION medallion.fact_query(text, jsonb) IS
'the query of create_fact(), to be read, copied and changed; the dimensions have to be models already';

CREATE FUNCTION medallion.create_fact(name text, source text, options jsonb DEFAULT '{}') RETURNS text
LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
	gold	text := coalesce(nullif(current_setting('medallion.gold_schema', true), ''), 'gold');
	keys	jsonb := '[]';
	primary_key jsonb := options -> 'primary_key';
BEGIN
	IF primary_key IS NULL THEN
		primary_key := (SELECT to_jsonb(business_keys) FROM medallion.features f WHERE f.name = create_fact.source AND business_keys <> '{}');
		options := jsonb_set(options, '{degenerate}', (SELECT coalesce(jsonb_agg(c ORDER BY n), '[]') FROM (
			SELECT c, min(n) AS n FROM (SELECT * FROM jsonb_array_elements_text(primary_key) WITH ORDINALITY AS k (c, n)
				UNION ALL SELECT c, n + 100 FROM jsonb_array_elements_text(options -> 'degenerate') WITH ORDINALITY AS g (c, n)) AS both_ GROUP BY c) AS one));
	END IF;
	keys := (SELECT coalesce(jsonb_agg(k), '[]') FROM (
		SELECT jsonb_build_object('columns', jsonb_build_array(d), 'references', coalesce(options ->> 'date_dimension', 'dim_date'), 'referenced', jsonb_build_array('date_key'), 'enforced', false) AS k
		  FROM jsonb_object_keys(options -> 'dates') AS d
		UNION ALL
		SELECT jsonb_build_object('columns', jsonb_build_array(coalesce(l ->> 'key', a.attname)), 'references', l ->> 'model', 'referenced', jsonb_build_array(a.attname), 'enforced', false)
		  FROM jsonb_array_elements(options -> 'dimensions') AS l
		  JOIN pg_attribute a ON a.attrelid = format('%I.%I', gold, l ->> 'model')::regclass AND a.attnum = 1) AS all_keys);
	PERFORM medallion.create_model(name, medallion.fact_query(source, options), jsonb_strip_nulls(jsonb_build_object(
		'description', coalesce(options ->> 'description', 'Fact; its keys are 0 where the dimension has no such member.'),
		'primary_key', primary_key, 'foreign_keys', keys,
		'not_null', (SELECT jsonb_agg(c) FROM (SELECT k #>> '{columns,0}' AS c FROM jsonb_array_elements(keys) AS k
			UNION SELECT jsonb_array_elements_text(options -> 'not_null')) AS n),
		'column_comments', (SELECT jsonb_object_agg(k #>> '{columns,0}', format('%s of %s.%s', k #>> '{referenced,0}', gold, k ->> 'references')) FROM jsonb_array_elements(keys) AS k)
			|| coalesce(options -> 'column_comments', '{}'))));
	RETURN name;
END
$function$;
COMMENT ON FUNCTION medallion.create_fact(text, text, jsonb) IS
'makes the model of a fact over a feature (its current rows) or a SELECT, and returns its name. options: degenerate (columns taken as they are; the primary key is among them), dates ({name of the key: date or time column}; date_dimension: dim_date), dimensions (array of {model, on: column or {column of the dimension: column of the source}, at: event time, before_first: earliest or unknown, key: name of the key}), measures ({name: SQL over f.<column>}), primary_key (array; the business keys of the feature), not_null, column_comments, filter (SQL condition), description. With at, the row gets the version for which valid_from <= event < valid_to, and, before the first version, the earliest one or the unknown member; without at, the current one. What is not found has key 0; a row of the dimension that comes later is found by the next refresh. Times without zone are in UTC';
