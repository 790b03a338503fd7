/* What holds for everything above. */

/* Configuration, ledger and logs are the user's data: dumped, and the sequences too, or ids would
 * start again after a restore.  What is unlogged can be made again. */
DO $$
DECLARE
	relation regclass;
BEGIN
	FOR relation IN SELECT c.oid FROM pg_catalog.pg_class c
					 WHERE c.relnamespace IN ('medallion'::regnamespace, 'etl_logs'::regnamespace)
					   AND c.relkind IN ('r', 'S') AND c.relpersistence = 'p' ORDER BY c.oid LOOP
		PERFORM pg_catalog.pg_extension_config_dump(relation, '');
	END LOOP;
END
$$;

/* PUBLIC has nothing: who may run or look is granted by name.  Of an update, only what is new: what an
 * extension's script revokes from is noted as the extension's own privileges, users' grants among them, and
 * pg_dump would leave these out. */
DO $$
DECLARE
	routine regprocedure;
BEGIN
	FOR routine IN SELECT p.oid FROM pg_catalog.pg_proc p WHERE p.pronamespace = 'medallion'::regnamespace AND p.proacl IS NULL ORDER BY p.oid LOOP
		EXECUTE pg_catalog.format('REVOKE ALL ON ROUTINE %s FROM PUBLIC', routine);
	END LOOP;
END
$$;
