-- Random extracts, and random batches of events in order, taken into tables: the history is what plain SQL makes
-- of them, whichever way each key went.
\set name scd2_merge_random
\ir setup.psql

SELECT plan(10);

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

/*
 * Events in order: each batch has later times than those before, a key several of them, some of them deletes, also of
 * keys that are closed or unknown; at one time a delete may stand beside a row, and wins.  NULL is a key like others.
 */
CREATE TABLE event AS
	SELECT batch, nullif(id, 30) AS id, batch * 10 + place AS at, op, CASE WHEN op = 'U' THEN (random() * 2)::int END AS value,
		   CASE WHEN op = 'U' AND random() < 0.8 THEN 'x' || (random() * 1)::int END AS note
	  FROM generate_series(1, 25) batch, generate_series(1, 30) id, generate_series(0, 2) place,
		   LATERAL (SELECT CASE WHEN random() + 0 * id < 0.2 THEN 'D' ELSE 'U' END AS op) o
	 WHERE random() < 0.35;
INSERT INTO event SELECT batch, id, at, 'D' FROM event WHERE op = 'U' AND random() < 0.05;
CREATE TABLE events (LIKE event);

-- again: some events of the batch before come once more
CREATE PROCEDURE take_events(target regclass, options jsonb, again boolean) LANGUAGE plpgsql AS $$
BEGIN
	FOR n IN 1..25 LOOP
		TRUNCATE events;
		INSERT INTO events SELECT e.* FROM event e
		 WHERE batch = n OR again AND batch = n - 1 AND random() < 0.3 AND (SELECT count(*) FROM event o WHERE o.at = e.at AND o.id IS NOT DISTINCT FROM e.id) = 1
		 ORDER BY random();
		PERFORM medallion.scd2_merge(target, 'events', '{id}', '{"sequence_by": "at", "apply_as_deletes": "d.op = ''D''", "null_key": "as_value", "columns": ["id", "value", "note"]}' || options);
	END LOOP;
END $$;

-- stretches of rows equal in what is tracked; of the note the last, where that is not
CREATE FUNCTION told(tracked boolean) RETURNS TABLE (id int, value int, note text, valid_from int, valid_to int, version bigint) LANGUAGE sql AS $$
	WITH states AS (
		SELECT DISTINCT ON (id, at) id, at, op = 'U' AS said, value, note FROM event ORDER BY id, at, op),
	changes AS (
		SELECT *, (said, value, CASE WHEN tracked THEN note END) IS DISTINCT FROM lag((said, value, CASE WHEN tracked THEN note END)) OVER w AS changed
		  FROM states WINDOW w AS (PARTITION BY id ORDER BY at)),
	stretches AS (SELECT *, count(*) FILTER (WHERE changed) OVER (PARTITION BY id ORDER BY at) AS stretch FROM changes),
	spans AS (
		SELECT id, stretch, said, value, min(at) AS since, (array_agg(note ORDER BY at DESC))[1] AS note FROM stretches GROUP BY id, stretch, said, value),
	ends AS (SELECT *, lead(since) OVER (PARTITION BY id ORDER BY stretch) AS until FROM spans)
	SELECT id, value, note, since, until, row_number() OVER (PARTITION BY id ORDER BY stretch) FROM ends WHERE said
$$;

CREATE TABLE events_with_hashes (id int, value int, note text, valid_from int NOT NULL, valid_to int, is_current boolean, version int,
	_business_key_hash uuid NOT NULL, _value_hash uuid NOT NULL);
CREATE TABLE events_bare (id int, value int, note text, valid_from int NOT NULL, valid_to int);
CREATE TABLE events_untracked (LIKE events_with_hashes);
CREATE TABLE events_current (LIKE events_with_hashes);

CALL take_events('events_with_hashes', '{}', true);
CALL take_events('events_bare', '{}', true);
CALL take_events('events_untracked', '{"no_track": ["note"]}', false);
CALL take_events('events_current', '{"history": "scd1"}', true);

SELECT set_eq('SELECT id, value, note, valid_from, valid_to, version::bigint FROM events_with_hashes', 'SELECT * FROM told(true)', 'events in order, some of them twice');
SELECT set_eq('SELECT id, value, note, valid_from, valid_to FROM events_bare', 'SELECT id, value, note, valid_from, valid_to FROM told(true)', 'in a target without hashes too');
SELECT set_eq('SELECT id, value, note, valid_from, valid_to, version::bigint FROM events_untracked', 'SELECT * FROM told(false)', 'a column that is not tracked follows the latest event');
SELECT set_eq('SELECT id, value, note, valid_from, valid_to FROM events_current', 'SELECT id, value, note, valid_from, valid_to FROM told(true) WHERE valid_to IS NULL', 'without history what is in force stays');
SELECT ok((SELECT count(*) FILTER (WHERE valid_to IS NULL) > 5 AND count(*) FILTER (WHERE id IS NULL) > 5 AND max(version) > 9 FROM told(true)), 'keys that are open, closed often, and NULL');
SELECT * FROM finish();
