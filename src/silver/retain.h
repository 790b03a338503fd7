/*
 * retain.h
 *	  Rows that are past their time: no events.
 */
#ifndef MEDALLION_RETAIN_H
#define MEDALLION_RETAIN_H

#include "postgres.h"
#include "silver/silver.h"
#include "silver/typed.h"

/* Why a row that came too late is in quarantine. */
#define LATE_REASON "before the retention horizon"

/* Puts the horizon of a feature with option "retain" into its shape. */
extern void LoadHorizon(SilverShape *shape);

/* Notes the rows of new files that are past their time, and forgets those noted
 * before that are so no more.  Rows that aged in silver are not noted. */
extern void QuarantineLate(const SilverShape *shape, int64 run_id, SilverOutcome *outcome);

#endif							/* MEDALLION_RETAIN_H */
