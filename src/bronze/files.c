/*
 * files.c
 *	  medallion.found_files(): what a run would find under a feature's patterns.
 */
#include "base/compat.h"

#include "base/feature.h"
#include "base/settings.h"
#include "bronze/discover.h"
#include "funcapi.h"
#include "utils/builtins.h"

PG_FUNCTION_INFO_V1(medallion_found_files);

Datum
medallion_found_files(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	int			nest_level = PinSettings();
	Feature    *feature = LoadFeature(text_to_cstring(PG_GETARG_TEXT_PP(0)));
	ListCell   *lc;

	CheckMayRun(feature->owner, "feature", feature->name);
	InitMaterializedSRF(fcinfo, 0);
	foreach(lc, DiscoverFiles(feature->source, feature->owner, NULL))
	{
		FoundFile  *file = lfirst(lc);
		Datum		values[4];
		bool		nulls[4] = {0};

		values[0] = CStringGetTextDatum(file->path);
		values[1] = Int64GetDatum(file->size);
		values[2] = Int64GetDatum(file->mtime_ns);
		values[3] = Int64GetDatum(file->ctime_ns);
		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
	}
	UnpinSettings(nest_level);
	return (Datum) 0;
}
