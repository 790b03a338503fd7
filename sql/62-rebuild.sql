/* A layer of one object made again. */

CREATE FUNCTION medallion.rebuild(layer text, object text)
RETURNS bigint LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	run bigint;
BEGIN
	IF layer <> 'silver' THEN
		RAISE EXCEPTION 'cannot rebuild layer "%"', layer USING ERRCODE = 'invalid_parameter_value',
			HINT = 'Silver is made again from bronze; bronze is what the files said, and gold is refreshed by run_pipeline().';
	END IF;
	PERFORM medallion.rebuild(object);
	SELECT r.run_id INTO run FROM medallion.run_pipeline(ARRAY[object], ARRAY[layer], '{"on_error": "raise"}') r;
	RETURN run;
END
$$;
COMMENT ON FUNCTION medallion.rebuild(text, text) IS
'Folds the silver table of a feature anew from bronze, at once; the result is the same but for run ids. layer: silver. Returns the id of the run. Raises where the run fails, and then leaves silver as it was.';
