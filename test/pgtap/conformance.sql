/*
 * What a history of changes must be, case by case.
 *
 * Each case is a feature of its own: options, files in the order in which they
 * arrive (a header is put before their lines), and the rows of silver as they
 * should be, by hand.  The cases are those of AUTO CDC in Apache Spark, of dbt's
 * snapshots where they go beyond these, and of what their users ran into.  Each is
 * played as it stands, then rebuilt; where the sequence alone decides, the
 * same files are loaded in the opposite order as well, and all at once.
 */
\set name conformance
\ir setup.psql

CREATE TEMP TABLE cases (
	number int GENERATED ALWAYS AS IDENTITY,
	name text,
	options jsonb,			-- beside the types below
	header text,
	files text[],			-- lines of each, with ; between, behind a header of its own and > if it has one
	expected text[],		-- k|values|from|to|version
	any_order boolean DEFAULT true
);

/* columns: k key, a and b values, t sequence, op I U D */
\set cdc '{"sequence_by": "t", "apply_as_deletes": "d.op = ''D''", "no_track": ["op"]}'
INSERT INTO cases (name, options, header, files, expected, any_order) VALUES
('in order: each change is a version', :'cdc', 'k,a,t,op', '{"1,x,1,I","1,y,2,U","1,z,3,U"}',
 '{1|x|1|2|1,1|y|2|3|2,1|z|3||3}', true),
('out of order in one batch', :'cdc', 'k,a,t,op', '{"1,z,3,U;1,x,1,I;1,y,2,U"}',
 '{1|x|1|2|1,1|y|2|3|2,1|z|3||3}', true),
('late between two versions', :'cdc', 'k,a,t,op', '{"1,x,1,I","1,z,5,U","1,y,3,U"}',
 '{1|x|1|3|1,1|y|3|5|2,1|z|5||3}', true),
('late before the first version', :'cdc', 'k,a,t,op', '{"1,x,5,I","1,w,2,I"}',
 '{1|w|2|5|1,1|x|5||2}', true),
('late, equal to the version it falls into: nothing', :'cdc', 'k,a,t,op', '{"1,x,1,I","1,y,9,U","1,x,4,U"}',
 '{1|x|1|9|1,1|y|9||2}', true),
('late, equal to the version behind it: that begins earlier', :'cdc', 'k,a,t,op', '{"1,x,1,I","1,y,9,U","1,y,4,U"}',
 '{1|x|1|4|1,1|y|4||2}', true),
('a no-op event is no version', :'cdc', 'k,a,t,op', '{"1,x,1,I","1,x,5,U"}',
 '{1|x|1||1}', true),
('a no-op event is remembered: a late one splits the version', :'cdc', 'k,a,t,op', '{"1,x,1,I","1,x,5,U","1,y,3,U"}',
 '{1|x|1|3|1,1|y|3|5|2,1|x|5||3}', true),
('a delete closes', :'cdc', 'k,a,t,op', '{"1,x,1,I","1,,4,D"}',
 '{1|x|1|4|1}', true),
('delete and insert again', :'cdc', 'k,a,t,op', '{"1,x,1,I","1,,4,D","1,x,6,I"}',
 '{1|x|1|4|1,1|x|6||2}', true),
('a second delete is nothing', :'cdc', 'k,a,t,op', '{"1,x,1,I","1,,4,D","1,,7,D","1,y,9,I"}',
 '{1|x|1|4|1,1|y|9||2}', true),
('a late delete between two versions', :'cdc', 'k,a,t,op', '{"1,x,1,I","1,y,6,U","1,,3,D"}',
 '{1|x|1|3|1,1|y|6||2}', true),
('a late delete before everything', :'cdc', 'k,a,t,op', '{"1,x,5,I","1,,3,D"}',
 '{1|x|5||1}', true),
('a delete of an unknown key leaves a tombstone', :'cdc', 'k,a,t,op', '{"1,,5,D","1,x,3,I"}',
 '{1|x|3|5|1}', true),
('a tombstone does not hold back what is later', :'cdc', 'k,a,t,op', '{"1,,5,D","1,x,7,I"}',
 '{1|x|7||1}', true),
('a late event between delete and insert', :'cdc', 'k,a,t,op', '{"1,x,1,I","1,,4,D","1,z,8,I","1,y,6,I"}',
 '{1|x|1|4|1,1|y|6|8|2,1|z|8||3}', true),
('a late event just after a no-op delete', :'cdc', 'k,a,t,op', '{"1,x,1,I","1,,4,D","1,,8,D","1,y,6,I"}',
 '{1|x|1|4|1,1|y|6|8|2}', true),
('a tie: the delete wins', :'cdc', 'k,a,t,op', '{"1,x,1,I","1,y,4,U;1,,4,D"}',
 '{1|x|1|4|1}', true),
('a tie: the delete wins over a later file', :'cdc', 'k,a,t,op', '{"1,x,1,I","1,,4,D","1,y,4,U"}',
 '{1|x|1|4|1}', true),
('a tie: the greater row wins, flagged', :'cdc', 'k,a,t,op', '{"1,x,4,I;1,y,4,U"}',
 '{1|y|4||1|conflict}', true),
('a tie: the greater path wins, flagged', :'cdc', 'k,a,t,op', '{"1,y,4,I","1,x,4,U"}',
 '{1|x|4||1|conflict}', true),
('a tie of equals is no conflict', :'cdc', 'k,a,t,op', '{"1,x,4,I","1,x,4,U"}',
 '{1|x|4||1}', true),
('a flagged version keeps its flag when it closes', :'cdc', 'k,a,t,op', '{"1,x,4,I;1,y,4,U","1,z,6,U"}',
 '{1|y|4|6|1|conflict,1|z|6||2}', true),
('redelivery of everything changes nothing', :'cdc', 'k,a,t,op', '{"1,x,1,I;1,y,3,U;1,,5,D","1,x,1,I;1,y,3,U;1,,5,D;2,q,1,I"}',
 '{1|x|1|3|1,1|y|3|5|2,2|q|1||1}', true),
('redelivery of an old version is no return to it', :'cdc', 'k,a,t,op', '{"1,x,1,I","1,y,3,U","1,x,1,I;2,q,9,I"}',
 '{1|x|1|3|1,1|y|3||2,2|q|9||1}', true),
('several changes in a batch behind a version', :'cdc', 'k,a,t,op', '{"1,w,1,I","1,x,2,U;1,,3,D;1,y,4,I;1,z,5,U"}',
 '{1|w|1|2|1,1|x|2|3|2,1|y|4|5|3,1|z|5||4}', true),
('keys do not mix', :'cdc', 'k,a,t,op', '{"1,x,1,I;2,x,2,I","2,y,3,U;1,y,9,U","1,z,5,U"}',
 '{1|x|1|5|1,1|z|5|9|2,1|y|9||3,2|x|2|3|1,2|y|3||2}', true),
('NULL to value and back are changes', :'cdc', 'k,a,t,op', '{"1,,1,I","1,x,2,U","1,,3,U"}',
 '{1||1|2|1,1|x|2|3|2,1||3||3}', true),
('NULL in the sequence: quarantined', :'cdc', 'k,a,t,op', '{"1,x,1,I;1,y,,U;,z,3,I"}',
 '{1|x|1||1}', true),
('several columns compare one after the other', '{"sequence_by": ["t", "u"]}', 'k,a,t,u', '{"1,x,1,1","1,z,2,2;1,y,2,1"}',
 '{1|x|1|2|1,1|z|2||2}', true),
('several columns: of one first value the last state counts', '{"sequence_by": ["t", "u"]}', 'k,a,t,u', '{"1,z,2,9","1,y,2,3","1,x,1,1"}',
 '{1|x|1|2|1,1|z|2||2}', true),
('dates give valid_from their type', '{"sequence_by": "t", "columns": {"t": {"type": "date"}}}', 'k,a,t', '{"1,x,2024-01-31","1,y,2024-02-29"}',
 '{1|x|2024-01-31|2024-02-29|1,1|y|2024-02-29||2}', true),
('untracked columns open no versions, and are not lost', '{"sequence_by": "t", "no_track": ["b"]}', 'k,a,b,t',
 '{"1,x,p,1","1,x,q,3","1,y,r,5","1,y,s,7"}', '{1|x|q|1|5|1,1|y|s|5||2}', true),
('a late untracked value stays behind a later one', '{"sequence_by": "t", "no_track": ["b"]}', 'k,a,b,t',
 '{"1,x,p,1","1,x,r,5","1,x,q,3"}', '{1|x|r|1||1}', true),
('a late untracked value goes to its own version', '{"sequence_by": "t", "no_track": ["b"]}', 'k,a,b,t',
 '{"1,x,p,1","1,y,r,5","1,x,q,3"}', '{1|x|q|1|5|1,1|y|r|5||2}', true),
('NULL updates keep what was', '{"sequence_by": "t", "ignore_null_updates": true}', 'k,a,b,t',
 '{"1,x,p,1","1,,q,2","1,y,,3"}', '{1|x|p|1|2|1,1|x|q|2|3|2,1|y|q|3||3}', true),
('NULL updates: a late value fills those behind it', '{"sequence_by": "t", "ignore_null_updates": true}', 'k,a,b,t',
 '{"1,x,p,1","1,y,,5","1,,q,3"}', '{1|x|p|1|3|1,1|x|q|3|5|2,1|y|q|5||3}', true),
('NULL updates: nothing reaches over a delete', '{"sequence_by": "t", "ignore_null_updates": true, "apply_as_deletes": "d.op = ''D''", "no_track": ["op"]}', 'k,a,b,t,op',
 '{"1,x,p,1,I","1,,,2,D","1,y,,3,I"}', '{1|x|p|1|2|1,1|y||3||2}', true),
('NULL updates: several in a batch, the first fills the second', '{"sequence_by": "t", "ignore_null_updates": true}', 'k,a,b,t',
 '{"1,x,,1;1,,p,2;1,,,3"}', '{1|x||1|2|1,1|x|p|2||2}', true),
('scd1: only the last state', '{"sequence_by": "t", "apply_as_deletes": "d.op = ''D''", "no_track": ["op"], "history": "scd1"}', 'k,a,t,op',
 '{"1,x,1,I;2,x,1,I;3,x,1,I","1,y,5,U;2,,4,D","1,z,3,U;2,q,2,U;3,x,7,U"}', '{1|y|5||1,3|x|1||1}', true),
('scd1: a key comes back', '{"sequence_by": "t", "apply_as_deletes": "d.op = ''D''", "no_track": ["op"], "history": "scd1"}', 'k,a,t,op',
 '{"1,x,1,I","1,,3,D","1,y,5,I"}', '{1|y|5||1}', true),
('scd1: a late event before the delete does not', '{"sequence_by": "t", "apply_as_deletes": "d.op = ''D''", "no_track": ["op"], "history": "scd1"}', 'k,a,t,op',
 '{"1,,5,D","1,x,3,I","2,a,9,I"}', '{2|a|9||1}', true),
('snapshots by date: absent keys close', '{"sequence_by": "t", "deletes": "snapshot"}', 'k,a,t',
 '{"1,x,1;2,x,1;3,x,1","1,x,2;2,y,2","1,x,3;3,x,3"}', '{1|x|1||1,2|x|1|2|1,2|y|2|3|2,3|x|1|2|1,3|x|3||2}', true),
('snapshots with times of change: a row unchanged is not absent', '{"sequence_by": "t", "deletes": "snapshot"}', 'k,a,t',
 '{"1,x,1;2,x,2;3,x,1","1,x,1;2,y,5","1,x,1;2,y,5;3,x,1;4,n,9"}', '{1|x|1||1,2|x|2|5|1,2|y|5||2,3|x|1|5|1,3|x|9||2,4|n|9||1}', true),
('snapshots of a scope close no others', '{"sequence_by": "t", "deletes": "snapshot", "delete_scope": ["b"]}', 'k,a,b,t',
 '{"1,x,N,1;2,x,N,1","3,x,S,1;4,x,S,1","1,x,N,2","3,x,S,3"}', '{1|x|N|1||1,2|x|N|1|2|1,3|x|S|1||1,4|x|S|1|3|1}', true),
('snapshots of a condition close no others', '{"sequence_by": "t", "deletes": "snapshot", "delete_scope": "d.b = ''N''"}', 'k,a,b,t',
 '{"1,x,N,1;2,x,N,1;3,x,S,1","1,x,N,2"}', '{1|x|N|1||1,2|x|N|1|2|1,3|x|S|1||1}', true),
('a sentinel instead of NULL', '{"sequence_by": "t", "valid_to": "99"}', 'k,a,t', '{"1,x,1","1,y,3","1,z,2"}',
 '{1|x|1|2|1,1|z|2|3|2,1|y|3|99|3}', true),
('other names', '{"sequence_by": "t", "history_columns": {"valid_from": "from", "valid_to": "to", "is_current": "now", "version": "n o"}}', 'k,a,t', '{"1,x,1","1,y,3","1,z,2"}',
 '{1|x|1|2|1,1|z|2|3|2,1|y|3||3}', true),
/* columns that files do not have: b after a, so that results show it */
('a column that appears makes versions where it says something', '{"sequence_by": "t"}', 'k,a,b,t', '{"k,a,t>1,x,1;2,x,1","1,x,q,2;2,x,,2"}',
 '{1|x||1|2|1,1|x|q|2||2,2|x||1||1}', true),
('a column that vanishes says NULL from then on', '{"sequence_by": "t"}', 'k,a,b,t', '{"1,x,q,1;2,x,,1","k,a,t>1,x,2;2,x,2"}',
 '{1|x|q|1|2|1,1|x||2||2,2|x||1||1}', true),
('a column that vanishes and comes back', '{"sequence_by": "t"}', 'k,a,b,t', '{"1,x,q,1","k,a,t>1,x,2","1,x,q,3"}',
 '{1|x|q|1|2|1,1|x||2|3|2,1|x|q|3||3}', true),
('a late file without the column', '{"sequence_by": "t"}', 'k,a,b,t', '{"1,x,q,1","1,x,q,5","k,a,t>1,x,3"}',
 '{1|x|q|1|3|1,1|x||3|5|2,1|x|q|5||3}', true),
('a column that vanishes, NULL updates: it keeps its value', '{"sequence_by": "t", "ignore_null_updates": true}', 'k,a,b,t', '{"1,x,q,1","k,a,t>1,y,2","1,y,r,3"}',
 '{1|x|q|1|2|1,1|y|q|2|3|2,1|y|r|3||3}', true),
('an untracked column that appears', '{"sequence_by": "t", "no_track": ["b"]}', 'k,a,b,t', '{"k,a,t>1,x,1","1,x,q,2"}',
 '{1|x|q|1||1}', true),
('columns in another order', '{"sequence_by": "t"}', 'k,a,b,t', '{"1,x,q,1","t,b,a,k>2,q,x,1"}',
 '{1|x|q|1||1}', true),
('NULL in the key as a value', '{"sequence_by": "t", "null_key": "as_value"}', 'k,a,t', '{",x,1;1,x,1",",y,3",",z,2"}',
 '{1|x|1||1,|x|1|2|1,|z|2|3|2,|y|3||3}', true);

/* plays a case; files are written in this order, each before a run */
CREATE FUNCTION pg_temp.play(feature text, c cases, reversed boolean, at_once boolean) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	count int := cardinality(c.files);
	place int;
	names jsonb := '{"valid_from": "_scd2_valid_from", "valid_to": "_scd2_valid_to", "version": "_scd2_version"}' || coalesce(c.options->'history_columns', '{}');
	columns text;
	result text;
BEGIN
	PERFORM medallion.create_feature(feature, ARRAY[feature || '/*.csv'], '{k}', '{"columns": {"k": {"type": "bigint"}, "a": {"type": "text"}, "b": {"type": "text"}, "t": {"type": "bigint"}, "op": {"type": "text"}}, "header": 1}'::jsonb
		|| c.options || jsonb_build_object('columns', (SELECT jsonb_object_agg(n, jsonb_build_object('type', CASE WHEN n IN ('k', 't', 'u') THEN 'bigint' ELSE 'text' END)) FROM unnest(string_to_array(c.header, ',')) n) || coalesce(c.options->'columns', '{}')));
	FOR i IN 1..count LOOP
		place := CASE WHEN reversed THEN count + 1 - i ELSE i END;
		PERFORM pg_temp.put(format('%s/f%s.csv', feature, place), CASE WHEN c.files[place] ~ '>' THEN '' ELSE c.header || E'\n' END || translate(c.files[place], ';>', E'\n\n') || E'\n');
		IF NOT at_once OR i = count THEN
			TRUNCATE run;
			INSERT INTO run SELECT * FROM medallion.run_pipeline(ARRAY[feature]);
		END IF;
	END LOOP;
	RETURN pg_temp.result(feature, c);
END
$$;

CREATE FUNCTION pg_temp.result(feature text, c cases) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	names jsonb := '{"valid_from": "_scd2_valid_from", "valid_to": "_scd2_valid_to", "version": "_scd2_version"}' || coalesce(c.options->'history_columns', '{}');
	columns text;
	result text;
BEGIN
	IF to_regclass('silver.' || feature) IS NULL THEN
		RETURN 'no table: ' || pg_temp.errors();
	END IF;
	SELECT string_agg(format('coalesce(%I::text, '''')', n), ' || ''|'' || ') INTO columns
	  FROM unnest(string_to_array(c.header, ',')) n WHERE n NOT IN ('t', 'u', 'op');
	EXECUTE format('SELECT string_agg(%s || ''|'' || %I || ''|'' || coalesce(%I::text, '''') || ''|'' || %I || CASE WHEN dq_conflict_flag THEN ''|conflict'' ELSE '''' END, '','' ORDER BY k, %I) FROM silver.%I',
				   columns, names->>'valid_from', names->>'valid_to', names->>'version', names->>'version', feature) INTO result;
	RETURN coalesce(result, '') || CASE WHEN pg_temp.errors() <> 'none' THEN pg_temp.errors() ELSE '' END;
END
$$;

CREATE FUNCTION pg_temp.check_case(c cases) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
	expected text := array_to_string(c.expected, ',');
	feature text := 'case_' || c.number;
BEGIN
	RETURN NEXT is(pg_temp.play(feature, c, false, false), expected, c.name);
	PERFORM medallion.rebuild(feature);
	PERFORM medallion.run_pipeline(ARRAY[feature]);
	RETURN NEXT is(pg_temp.result(feature, c), expected, c.name || ': rebuilt');
	PERFORM medallion.drop_feature(feature, true);
	IF c.any_order THEN
		RETURN NEXT is(pg_temp.play('reversed_' || c.number, c, true, false), expected, c.name || ': files in the opposite order');
		PERFORM medallion.drop_feature('reversed_' || c.number, true);
		RETURN NEXT is(pg_temp.play('at_once_' || c.number, c, false, true), expected, c.name || ': all at once');
		PERFORM medallion.drop_feature('at_once_' || c.number, true);
	END IF;
END
$$;

SELECT plan((SELECT sum(CASE WHEN any_order THEN 4 ELSE 2 END)::int FROM cases));
SELECT format('SELECT pg_temp.check_case(c) FROM cases c WHERE number = %s', number) FROM cases ORDER BY number \gexec
SELECT * FROM finish();
