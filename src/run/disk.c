/*
 * disk.c
 *	  How much room there is where the data is.
 */
#include "base/compat.h"

#include <sys/statvfs.h>

#include "catalog/pg_tablespace.h"
#include "funcapi.h"
#include "miscadmin.h"

PG_FUNCTION_INFO_V1(medallion_disk_space);

/* The folder of a tablespace. */
static const char *
TablespacePath(Oid tablespace)
{
	if (tablespace == DEFAULTTABLESPACE_OID || tablespace == GLOBALTABLESPACE_OID)
		return DataDir;
	return psprintf("%s/pg_tblspc/%u", DataDir, tablespace);
}

/* medallion.disk_space(tablespace oid): bytes of its file system, and those that the server may still fill */
Datum
medallion_disk_space(PG_FUNCTION_ARGS)
{
	const char *path = TablespacePath(PG_GETARG_OID(0));
	struct statvfs space;
	TupleDesc	desc;
	Datum		values[2];
	bool		nulls[2] = {false, false};

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	if (statvfs(path, &space) != 0)
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("could not look at the file system of \"%s\": %m", path)));
	values[0] = Int64GetDatum((int64) space.f_blocks * (int64) space.f_frsize);
	values[1] = Int64GetDatum((int64) space.f_bavail * (int64) space.f_frsize);
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc), values, nulls)));
}
