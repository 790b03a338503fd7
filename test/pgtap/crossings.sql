/*
 * Where one feature of the extension meets another: masks and filled values,
 * renamed history columns and time, foreign keys and other people's triggers.
 */
\set name crossings
\ir setup.psql
SELECT plan(5);

-- a value that an update leaves out keeps the verdict on it, masked or not
\o /dev/null
SELECT pg_temp.put('m/1.csv', $$id,at,mail,phone,paid
1,2024-01-01,nope,0301234567,x
2,2024-01-01,b@c.de,12,yes
$$);
SELECT medallion.create_feature('m', '{m/*.csv}', '{id}', '{"sequence_by": "at", "ignore_null_updates": true, "columns": {"paid": {"type": "boolean"},
	"mail": {"type": "text", "mask": "hash"}, "phone": {"type": "text", "mask": "last4"}},
	"checks": [{"kind": "email", "columns": ["mail"]}, {"kind": "length", "columns": ["phone"], "params": {"min": 5}}, {"kind": "cast", "columns": ["paid"]},
			   {"kind": "not_null", "columns": ["mail"]}, {"kind": "pattern", "columns": ["phone"], "params": {"pattern": "^0"}, "on_null": "fail"}]}');
SELECT pg_temp.run('m');
SELECT pg_temp.put('m/2.csv', $$id,at,mail,phone,paid
1,2024-02-01,,12,yes
2,2024-02-01,nope,,
1,2024-03-01,d@e.de,,
3,2024-03-01,,,
$$);
SELECT pg_temp.run('m');
SELECT pg_temp.put('m/0.csv', $$id,at,mail,phone,paid
3,2024-02-15,,7,z
$$);
SELECT pg_temp.run('m');
\o
SELECT is(pg_temp.errors(), 'none', 'masks go with ignore_null_updates, and so do checks of what they hide');
CREATE FUNCTION pg_temp.verdicts() RETURNS text LANGUAGE sql AS $$
	SELECT string_agg(concat_ws(' ', id, _scd2_version, dq_email_flag_mail, dq_null_flag_mail, dq_length_flag_phone, dq_pattern_flag_phone, dq_cast_check_flag_paid), E'\n' ORDER BY id, _scd2_version) FROM silver.m
$$;
/* email, null; length, pattern; cast */
SELECT is(pg_temp.verdicts(), '1 1 t f f f t
1 2 t f t t f
1 3 f f t t f
2 1 f f t t f
2 2 t f t t f
3 1 f t t t t', 'the verdict on a masked value goes with the value');
SELECT pg_temp.verdicts() AS before \gset
\o /dev/null
SELECT medallion.rebuild('silver', 'm');
\o
SELECT is(pg_temp.verdicts(), :'before', '... and is the same after a rebuild');

-- what runs at the end of a transaction runs as who ends it: a refresh must not leave it there
\o /dev/null
CREATE ROLE crossings_eve;
CREATE SCHEMA IF NOT EXISTS gold;
CREATE SCHEMA IF NOT EXISTS models;
GRANT CREATE, USAGE ON SCHEMA public, gold, models TO crossings_eve;
GRANT USAGE ON SCHEMA medallion TO crossings_eve;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA medallion TO crossings_eve;
SET ROLE crossings_eve;
CREATE TABLE public.eve_in (id int);
INSERT INTO public.eve_in VALUES (1), (2);
SELECT medallion.create_model('eve_parent', 'SELECT id FROM public.eve_in', '{"primary_key": ["id"]}');
SELECT medallion.create_model('eve_child', 'SELECT id FROM public.eve_in', '{"primary_key": ["id"], "foreign_keys": [{"columns": ["id"], "references": "eve_parent"}]}');
SELECT medallion.refresh_model('eve_parent');
SELECT medallion.refresh_model('eve_child');
CREATE TABLE public.eve_as (who text);
GRANT INSERT ON public.eve_as TO PUBLIC;
CREATE TABLE public.eve_trap (id int REFERENCES gold.eve_child ON DELETE CASCADE);
INSERT INTO public.eve_trap VALUES (1), (2);
CREATE FUNCTION public.eve_spring() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN INSERT INTO public.eve_as VALUES (current_user); RETURN NULL; END';
CREATE CONSTRAINT TRIGGER spring AFTER DELETE ON public.eve_trap DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION public.eve_spring();
DELETE FROM public.eve_in WHERE id = 2;
RESET ROLE;
DO $$ BEGIN PERFORM medallion.refresh_model('eve_child'); EXCEPTION WHEN OTHERS THEN NULL; END $$;
\o
SELECT is((SELECT count(*) FROM public.eve_as WHERE who <> 'crossings_eve'), 0::bigint, 'a trigger behind a foreign key that cascades does not run as who refreshes');
\o /dev/null
DROP TABLE public.eve_trap;
SELECT medallion.refresh_model('eve_child');
SELECT medallion.refresh_model('eve_parent');
\o
SELECT is((SELECT string_agg(id::text, ',') FROM gold.eve_child), '1', 'without it the refresh works');

\o /dev/null
DROP OWNED BY crossings_eve CASCADE;
DROP ROLE crossings_eve;
\o
SELECT * FROM finish();
