-- Random extracts taken into a table: the history is what plain SQL makes of them, whichever way each key went.
\set name scd2_merge_random
\ir setup.psql

SELECT plan(5);

SELECT setseed(0.25);
CREATE TABLE said AS
	SELECT step, id, (random() * 2)::int AS value, CASE WHEN random() < 0.8 THEN 'x' || (random() * 1)::int END AS note
	  FROM generate_series(1, 40) step, generate_series(1, 50) id WHERE random() < 0.7;
CREATE TABLE source (id int, value int, note text);

CREATE FUNCTION time_of(step int) RETURNS timestamptz LANGUAGE sql AS $$ SELECT timestamptz '2025-01-01 UTC' + step * interval '1 day' $$;

-- each extract by itself
CREATE PROCEDURE take_all(target regclass, options jsonb) LANGUAGE plpgsql AS $$
BEGIN
	FOR n IN 1..40 LOOP
		TRUNCATE source;
		INSERT INTO source SELECT id, value, note FROM said WHERE step = n ORDER BY random();
		PERFORM medallion.scd2_merge(target, 'source', '{id}', options || jsonb_build_object('at', time_of(n)));
	END LOOP;
END $$;

-- stretches of equal rows; a gap ends one, if extracts that lack a key close it
CREATE FUNCTION expected(closing boolean) RETURNS TABLE (id int, value int, note text, valid_from timestamptz, valid_to timestamptz)
LANGUAGE sql AS $$
	WITH states AS (
		SELECT k.id, step, s.id IS NOT NULL AS said, s.value, s.note
		  FROM (SELECT DISTINCT id FROM said) k CROSS JOIN generate_series(1, 40) step LEFT JOIN said s USING (id, step)
		 WHERE closing OR s.id IS NOT NULL),
	changes AS (
		SELECT *, (said, value, note) IS DISTINCT FROM lag((said, value, note)) OVER (PARTITION BY id ORDER BY step) AS changed FROM states),
	spans AS (SELECT *, lead(step) OVER (PARTITION BY id ORDER BY step) AS until FROM changes WHERE changed)
	SELECT id, value, note, time_of(step), time_of(until) FROM spans WHERE said
$$;

CREATE TABLE with_hashes (id int, value int, note text, valid_from timestamptz NOT NULL, valid_to timestamptz, is_current boolean, version int,
	_business_key_hash uuid NOT NULL, _value_hash uuid NOT NULL);
CREATE TABLE bare (id int, value int, note text, valid_from timestamptz NOT NULL, valid_to timestamptz);
CREATE TABLE opened (LIKE with_hashes);

CALL take_all('with_hashes', '{"deletes": "snapshot"}');
CALL take_all('bare', '{"deletes": "snapshot"}');
CALL take_all('opened', '{}');

SELECT set_eq('SELECT id, value, note, valid_from, valid_to FROM with_hashes', 'SELECT * FROM expected(true)', 'extracts close what they lack');
SELECT set_eq('SELECT id, value, note, valid_from, valid_to FROM bare', 'SELECT * FROM expected(true)', 'in a target without hashes too');
SELECT set_eq('SELECT id, value, note, valid_from, valid_to FROM opened', 'SELECT * FROM expected(false)', 'and do not where they are no snapshots');
SELECT is_empty('SELECT FROM (SELECT *, row_number() OVER (PARTITION BY id ORDER BY valid_from) AS place FROM with_hashes) w
	WHERE version <> place OR is_current <> (valid_to IS NULL) OR _business_key_hash <> medallion.row_hash(id)
		OR _value_hash <> medallion.pairs_hash(w, ''{value,note}'')', 'versions are numbered, flagged and hashed');
SELECT is((SELECT count(*) FROM with_hashes WHERE medallion.pairs_hash('{value,note}'::text[], value, note) <> _value_hash), 0::bigint,
	'the hash of values is that of a record');
SELECT * FROM finish();
