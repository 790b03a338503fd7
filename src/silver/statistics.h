/*
 * statistics.h
 *	  When the planner's statistics of a silver table are made anew.
 */
#ifndef MEDALLION_STATISTICS_H
#define MEDALLION_STATISTICS_H

#include "postgres.h"
#include "silver/merge.h"

/*
 * Renews the table's statistics, unless so little changed since they were made
 * that they still tell: reading the sample anew costs more than a small merge.
 */
extern void RenewStatistics(const Merge *merge);

#endif							/* MEDALLION_STATISTICS_H */
