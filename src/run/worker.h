/*
 * worker.h
 *	  Background workers that act for the caller: as the same role, with the
 *	  same settings, in the same database.
 */
#ifndef MEDALLION_WORKER_H
#define MEDALLION_WORKER_H

#include "postgres.h"
#include "storage/dsm.h"
#include "utils/elog.h"

/* What a worker is to do with its payload. */
typedef enum WorkerTask
{
	TASK_UNITS,					/* units of a run, as they are given: no payload */
	TASK_JOURNAL,				/* write a journal: json */
	TASK_ALERT					/* raise an alert: json */
} WorkerTask;

typedef struct Worker Worker;

typedef enum WorkerState
{
	WORKER_BUSY,				/* or not heard of yet */
	WORKER_READY,				/* its order is done */
	WORKER_GONE					/* without having done it */
} WorkerState;

/* Starts a worker that waits for orders; NULL if there is no free slot.  It
 * ends with EndWorkers(), or if our transaction is rolled back. */
extern Worker *StartWorker(void);

/* Gives it something to do: the bytes of a unit's order, of a kilobyte at most. */
extern void GiveOrder(Worker *worker, const void *order, Size size);

/* Passes on what the worker has said since.  One that is gone is forgotten;
 * *error is what it reported, NULL if it only vanished. */
extern WorkerState PollWorker(Worker *worker, ErrorData **error);

/* Lets the workers go, or makes them go, and waits until they are gone. */
extern void EndWorkers(void);
extern void StopWorkers(void);

/* Sends a worker off with a message; false if there is no free slot. */
extern bool SendWorker(WorkerTask task, const char *message);

/* The same in two steps, the second of which raises nothing: a packet is made
 * while all is well, and sent in the midst of a rollback. */
typedef struct Packet Packet;

extern Packet *MakePacket(WorkerTask task, Size size);
extern bool SendPacket(Packet *packet, const char *message);
extern void DropPacket(Packet *packet);

#endif							/* MEDALLION_WORKER_H */
