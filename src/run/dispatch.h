/*
 * dispatch.h
 *	  Who does the units of a run: for worker.c and journal.c; see run.h for
 *	  the rest.
 */
#ifndef MEDALLION_DISPATCH_H
#define MEDALLION_DISPATCH_H

/* In a worker: does the unit of an order. */
extern void RunUnitInWorker(const void *order);

/* The caller's transaction is rolled back: ends its workers, gives back its locks. */
extern void StopWork(void);

#endif							/* MEDALLION_DISPATCH_H */
