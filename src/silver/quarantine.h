/*
 * quarantine.h
 *	  Bronze rows that are no events: kept out by rule, corrected, judged again.
 */
#ifndef MEDALLION_QUARANTINE_H
#define MEDALLION_QUARANTINE_H

#include "postgres.h"
#include "silver/silver.h"
#include "silver/typed.h"

/* The corrections of a feature's rows, into its shape. */
extern void LoadCorrections(SilverShape *shape);

/* Forgets what was quarantined of rows that are judged anew: of versions that
 * ended, of files that are due again, of all where everything is folded anew. */
extern void ClearQuarantine(const Feature *feature, bool all);

/* Notes the staged rows that are no events, with the reason. */
extern void QuarantineRows(const SilverShape *shape, const char *stage, int64 run_id, SilverOutcome *outcome);

#endif							/* MEDALLION_QUARANTINE_H */
