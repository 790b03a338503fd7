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
	TASK_UNIT,					/* a unit of a run: unit order */
	TASK_JOURNAL,				/* write a journal: json */
	TASK_ALERT					/* raise an alert: json */
} WorkerTask;

typedef struct Worker Worker;

typedef enum WorkerState
{
	WORKER_BUSY, WORKER_SUCCEEDED, WORKER_FAILED
} WorkerState;

/* Starts a worker that we wait for; NULL if there is no free slot.  It is
 * stopped if our transaction is rolled back. */
extern Worker *StartWorker(WorkerTask task, const void *payload, Size size);

/* Passes on what the worker has said since; once it is done, gives its error
 * (NULL if it only vanished) and forgets it. */
extern WorkerState PollWorker(Worker *worker, ErrorData **error);

/* Sends a worker off with a message; false if there is no free slot. */
extern bool SendWorker(WorkerTask task, const char *message);

/* The same in two steps, the second of which raises nothing: a packet is made
 * while all is well, and sent in the midst of a rollback. */
typedef struct Packet Packet;

extern Packet *MakePacket(WorkerTask task, Size size);
extern bool SendPacket(Packet *packet, const char *message);
extern void DropPacket(Packet *packet);

/* Ends the workers we wait for, and waits until they are gone. */
extern void StopWorkers(bool wait);

#endif							/* MEDALLION_WORKER_H */
