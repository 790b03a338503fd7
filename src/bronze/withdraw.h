/*
 * withdraw.h
 *	  The ledger as if a run had never found anything.
 */
#ifndef MEDALLION_WITHDRAW_H
#define MEDALLION_WITHDRAW_H

#include "bronze/bronze.h"

/* How many file versions came to count, and ceased to. */
typedef struct Withdrawal
{
	int			withdrawn;		/* what the run had found */
	int			revived;		/* what counts again in its place */
} Withdrawal;

/*
 * Withdraws what a run found for a feature, and brings the rest of the ledger
 * to what it would be without.  Silver takes that in by its next run.  again:
 * the source may bring the same once more.  Raises where rows that would count
 * again were pruned from bronze.
 */
extern void WithdrawRun(const Feature *feature, int64 run_id, bool again, Withdrawal *outcome);

#endif							/* MEDALLION_WITHDRAW_H */
