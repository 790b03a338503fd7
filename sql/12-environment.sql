/* Options that differ by what a database is for. */

CREATE FUNCTION medallion.overlay_options(base jsonb, over jsonb)
RETURNS jsonb LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	k text;
	v jsonb;
BEGIN
	IF jsonb_typeof(base) IS DISTINCT FROM 'object' OR jsonb_typeof(over) IS DISTINCT FROM 'object' THEN
		RETURN over;
	END IF;
	FOR k, v IN SELECT * FROM jsonb_each(over) LOOP
		base := CASE WHEN jsonb_typeof(v) = 'null' THEN base - k ELSE base || jsonb_build_object(k, medallion.overlay_options(base->k, v)) END;
	END LOOP;
	RETURN base;
END
$$;
COMMENT ON FUNCTION medallion.overlay_options(jsonb, jsonb) IS
'One json object laid over another: objects member by member, at any depth; null takes a member away; everything else replaces.';

CREATE FUNCTION medallion.environment_options(options jsonb, environment text)
RETURNS jsonb LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN jsonb_typeof(options OPERATOR(pg_catalog.->) 'environments' OPERATOR(pg_catalog.->) environment) OPERATOR(pg_catalog.=) 'object'
	THEN medallion.overlay_options(options, options OPERATOR(pg_catalog.->) 'environments' OPERATOR(pg_catalog.->) environment) ELSE options END;
COMMENT ON FUNCTION medallion.environment_options(jsonb, text) IS
'The options of a feature as they are where medallion.environment says this: what "environments" has under that name is laid over the others.';
