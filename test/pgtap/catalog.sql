/*
 * What holds for every object of the extension: who may run it, what names in
 * it mean, that it is described, and that its data is dumped.
 */
\set name catalog
\ir setup.psql
SELECT plan(10);

CREATE TEMP VIEW ours AS
SELECT d.classid, d.objid FROM pg_depend d JOIN pg_extension e ON e.oid = d.refobjid AND d.refclassid = 'pg_extension'::regclass
 WHERE d.deptype = 'e' AND e.extname = 'medallion';
CREATE TEMP VIEW routines AS
SELECT p.*, p.oid::regprocedure::text AS called, l.lanname FROM pg_proc p JOIN pg_language l ON l.oid = p.prolang
  JOIN ours o ON o.classid = 'pg_proc'::regclass AND o.objid = p.oid;
CREATE TEMP VIEW relations AS
SELECT c.*, c.oid::regclass::text AS called FROM pg_class c JOIN ours o ON o.classid = 'pg_class'::regclass AND o.objid = c.oid WHERE c.relkind IN ('r', 'v', 'S', 'p', 'm');
CREATE FUNCTION pg_temp.open_to_public(acl aclitem[]) RETURNS boolean LANGUAGE sql AS $$
	SELECT EXISTS (SELECT FROM aclexplode(acl) a WHERE a.grantee = 0)
$$;

SELECT cmp_ok((SELECT count(*) FROM routines), '>', 100::bigint, 'the views of this test find the extension''s routines');
SELECT cmp_ok((SELECT count(*) FROM relations WHERE relkind = 'r'), '>', 20::bigint, '... and tables');

-- rights
SELECT is((SELECT string_agg(called, ', ') FROM routines WHERE pg_temp.open_to_public(coalesce(proacl, acldefault('f', proowner)))), NULL, 'PUBLIC may run no routine');
SELECT is((SELECT string_agg(called, ', ') FROM relations WHERE pg_temp.open_to_public(relacl)), NULL, 'PUBLIC may read or write no relation');
SELECT is((SELECT string_agg(nspname, ', ') FROM pg_namespace WHERE nspname IN ('medallion', 'etl_logs') AND pg_temp.open_to_public(nspacl)), NULL, 'PUBLIC may use no schema');
SELECT is((SELECT string_agg(called, ', ') FROM routines WHERE prosecdef), NULL, 'no routine has the rights of its owner');

-- what a caller's search_path says means nothing
SELECT is((SELECT string_agg(called, ', ') FROM routines WHERE lanname IN ('sql', 'plpgsql') AND prosqlbody IS NULL
			AND NOT coalesce('search_path=pg_catalog, pg_temp' = ANY (proconfig), false)), NULL, 'search_path is pinned wherever a body is text');

-- described
SELECT is((SELECT string_agg(called, ', ') FROM routines WHERE coalesce(obj_description(oid, 'pg_proc'), '') = ''), NULL, 'every routine has a comment');
SELECT is((SELECT string_agg(called, ', ') FROM relations WHERE relkind IN ('r', 'v', 'p', 'm') AND coalesce(obj_description(oid, 'pg_class'), '') = ''), NULL, 'every table and view, too');

-- dumped
SELECT is((SELECT string_agg(called, ', ') FROM relations WHERE relkind IN ('r', 'S', 'p') AND relpersistence = 'p' AND oid <> ALL ((SELECT extconfig FROM pg_extension WHERE extname = 'medallion')::oid[])), NULL,
	'the rows of every table are dumped, and the state of every sequence');
SELECT * FROM finish();
