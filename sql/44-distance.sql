/* How far a distribution is from what it was. */

CREATE TABLE medallion.distributions (
	table_name		text NOT NULL,
	metric			text NOT NULL,	-- the check's name
	column_name		text NOT NULL,
	place			text NOT NULL CONSTRAINT distributions_place_check CHECK (place IN ('first', 'last')),
	distribution	jsonb NOT NULL,
	run_id			bigint,
	measured_at		timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
	CONSTRAINT distributions_pkey PRIMARY KEY (table_name, metric, column_name, place)
);
COMMENT ON TABLE medallion.distributions IS
'what the first and the last judged run found of columns that checks of kind drift compare: {"values": [[value, rows], ...], "others": rows}. Numbers by up to 1000 values, each with the rows up to it from the one before; else the 1000 most frequent values, NULL among them, and all others as one';

CREATE FUNCTION medallion.distribution_distance(metric text, reference jsonb, current jsonb)
RETURNS double precision LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	before double precision := (SELECT sum((e->>1)::float8) FROM jsonb_array_elements(reference->'values') e) + coalesce((reference->>'others')::float8, 0);
	after double precision := (SELECT sum((e->>1)::float8) FROM jsonb_array_elements(current->'values') e) + coalesce((current->>'others')::float8, 0);
	numbers boolean := metric IN ('ks', 'psi');
	shares record;
BEGIN
	IF metric NOT IN ('ks', 'psi', 'l_infinity', 'chi_square', 'categorical_psi') THEN
		RAISE EXCEPTION 'unknown distance "%"', metric USING ERRCODE = 'invalid_parameter_value',
			HINT = 'Distances are ks, psi, l_infinity, chi_square and categorical_psi.';
	END IF;
	IF coalesce(before, 0) = 0 OR coalesce(after, 0) = 0 THEN
		RETURN NULL;
	END IF;
	IF numbers THEN
		WITH points AS (
			SELECT v, sum(a) AS a, sum(b) AS b FROM (
				SELECT (e->>0)::float8 AS v, (e->>1)::float8 AS a, 0::float8 AS b FROM jsonb_array_elements(reference->'values') e
				UNION ALL
				SELECT (e->>0)::float8, 0, (e->>1)::float8 FROM jsonb_array_elements(current->'values') e) u
			 GROUP BY v),
		summed AS (SELECT v, a, b, sum(a) OVER upto / before AS cdf_a, sum(b) OVER upto / after AS cdf_b FROM points WINDOW upto AS (ORDER BY v)),
		-- a decile of the reference ends at the first value up to which there are that many
		edges AS (SELECT DISTINCT min(v) AS edge FROM summed, generate_series(1, 9) i WHERE a > 0 AND cdf_a >= i / 10.0 - 1e-12 GROUP BY i),
		bins AS (SELECT (SELECT count(*) FROM edges WHERE edge < v) AS bin, sum(a) / before AS a, sum(b) / after AS b FROM summed GROUP BY 1)
		SELECT (SELECT max(abs(cdf_a - cdf_b)) FROM summed) AS apart,
			   (SELECT sum((greatest(b, 0.0001) - greatest(a, 0.0001)) * ln(greatest(b, 0.0001) / greatest(a, 0.0001))) FROM bins) AS psi,
			   NULL::float8 AS chi_square
		  INTO shares;
	ELSE
		-- each category is [value], all others are []
		WITH categories AS (
			SELECT c, sum(a) AS a, sum(b) AS b FROM (
				SELECT jsonb_build_array(e->0) AS c, (e->>1)::float8 AS a, 0::float8 AS b FROM jsonb_array_elements(reference->'values') e
				UNION ALL SELECT jsonb_build_array(e->0), 0, (e->>1)::float8 FROM jsonb_array_elements(current->'values') e
				UNION ALL SELECT '[]', coalesce((reference->>'others')::float8, 0), coalesce((current->>'others')::float8, 0)) u
			 GROUP BY c HAVING sum(a) + sum(b) > 0)
		SELECT max(abs(a / before - b / after)) AS apart,
			   sum((greatest(b / after, 0.0001) - greatest(a / before, 0.0001)) * ln(greatest(b / after, 0.0001) / greatest(a / before, 0.0001))) AS psi,
			   sum((a - (a + b) * before / (before + after)) ^ 2 / ((a + b) * before / (before + after))
				 + (b - (a + b) * after / (before + after)) ^ 2 / ((a + b) * after / (before + after))) AS chi_square
		  INTO shares FROM categories;
	END IF;
	RETURN CASE WHEN metric IN ('ks', 'l_infinity') THEN shares.apart WHEN metric = 'chi_square' THEN shares.chi_square ELSE shares.psi END;
END
$$;
COMMENT ON FUNCTION medallion.distribution_distance(text, jsonb, jsonb) IS
'How far two distributions, as in medallion.distributions, are apart. metric: ks, the two-sample Kolmogorov-Smirnov statistic, the greatest difference of the shares of numbers up to any value; psi, the Population Stability Index by the deciles of the reference: sum of (q - p) ln(q / p), shares below 0.0001 counting as that; l_infinity, the greatest difference of the shares of a value; chi_square, the statistic of the two-sample test of homogeneity, with one degree of freedom less than there are values; categorical_psi, as psi, by value. 0 for equal distributions; NULL where one has no rows. Raises for another metric.';

CREATE FUNCTION medallion.judge_distance(of_table text, of_check text, of_column text, now_found jsonb, rules jsonb, in_run bigint,
	OUT distance double precision, OUT fault text)
RETURNS record LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	reference jsonb := (SELECT d.distribution FROM medallion.distributions d
						 WHERE (d.table_name, d.metric, d.column_name, d.place) = (of_table, of_check, of_column, coalesce(rules->>'against', 'last')));
	n double precision := (SELECT sum((e->>1)::float8) FROM jsonb_array_elements(reference->'values') e) + coalesce((reference->>'others')::float8, 0);
	m double precision := (SELECT sum((e->>1)::float8) FROM jsonb_array_elements(now_found->'values') e) + coalesce((now_found->>'others')::float8, 0);
BEGIN
	IF coalesce(m, 0) = 0 THEN
		fault := 'there is no value';
		RETURN;
	END IF;
	INSERT INTO medallion.distributions (table_name, metric, column_name, place, distribution, run_id)
	SELECT of_table, of_check, of_column, p, now_found, in_run FROM unnest('{first,last}'::text[]) p
	    ON CONFLICT (table_name, metric, column_name, place) DO UPDATE
	   SET distribution = excluded.distribution, run_id = excluded.run_id, measured_at = excluded.measured_at
	 WHERE distributions.place = 'last';
	IF reference IS NULL THEN
		RETURN;
	END IF;
	distance := medallion.distribution_distance(rules->>'metric', reference, now_found);
	-- Deequ's correction for few rows, of a difference that chance alone makes
	IF (rules->>'robust')::boolean AND rules->>'metric' IN ('ks', 'l_infinity') THEN
		distance := greatest(0, distance - 1.8 * sqrt((n + m) / (n * m)));
	END IF;
	fault := medallion.judge_measurement(of_table, of_check, of_column, distance, rules, in_run);
END
$$;
COMMENT ON FUNCTION medallion.judge_distance(text, text, text, jsonb, jsonb, bigint) IS
'Internal: how far a distribution is from the one before (or the first, where rules say so), and why that is not acceptable, or NULL. Keeps the distribution; the first passes.';
