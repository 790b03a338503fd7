/*
 * relation.h
 *	  A relation with a watermark column -> rows of a bronze table.
 */
#ifndef MEDALLION_RELATION_H
#define MEDALLION_RELATION_H

#include "bronze/bronze.h"

/* Pulls what is new from the feature's relation, as a file version of its own. */
extern void LoadRelation(const Feature *feature, const FileTask *task, TimestampTz seen_at, int64 run_id,
						 FileOutcome *outcome);

#endif							/* MEDALLION_RELATION_H */
