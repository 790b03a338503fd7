/*
 * worker.c
 *	  Background workers that act for the caller.
 *
 *	  caller: segment (who, settings, payload, queue) -> worker: the same role,
 *	  database and settings -> its task -> messages and error through the queue
 *
 * A worker connects as the user that the caller's session was authenticated
 * as and becomes the caller's current role, as a parallel worker does: it may
 * do what the caller may do and nothing else.  Messages travel in the wire
 * protocol's form, so that an error keeps its SQLSTATE, detail and context.
 */
#include "base/compat.h"

#include "run/worker.h"

#include "access/xact.h"
#include "base/transaction.h"
#include "lib/ilist.h"
#include "libpq/pqformat.h"
#include "libpq/pqmq.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/bgworker.h"
#include "run/alert.h"
#include "run/dispatch.h"
#include "run/journal.h"
#include "storage/ipc.h"
#include "storage/proc.h"
#include "storage/shm_mq.h"
#include "storage/shm_toc.h"
#include "tcop/tcopprot.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/resowner.h"

#define WORKER_MAGIC 0x6d65646c
#define KEY_ORDER 1
#define KEY_PAYLOAD 2
#define KEY_SETTINGS 3			/* absent: none to restore */
#define KEY_QUEUE 4				/* absent: nobody listens */
#define QUEUE_SIZE 65536

/* Who the worker is, and what it is to do. */
typedef struct WorkerOrder
{
	WorkerTask	task;
	Oid			database;
	Oid			login_user;
	Oid			user;
	int			security_context;
	bool		pinned;			/* the segment waits for the worker */
	volatile bool done;			/* set by the worker as its last act */
} WorkerOrder;

struct Packet
{
	dsm_segment *segment;
	WorkerOrder *order;
	char	   *payload;
	Size		size;
};

struct Worker
{
	dlist_node	node;
	dsm_segment *segment;
	WorkerOrder *order;
	shm_mq_handle *queue;
	BackgroundWorkerHandle *handle;
	ErrorData  *error;			/* that it reported, or NULL */
	MemoryContext context;
};

static dlist_head workers = DLIST_STATIC_INIT(workers);

extern PGDLLEXPORT void MedallionWorkerMain(Datum argument);

/* --- the caller's side --- */

/* A segment with room for everything, filled in as far as it is known; NULL
 * if there is none to be had.  It outlives our transactions. */
static dsm_segment *
MakeSegment(WorkerTask task, Size payload_size, Size settings_size, Size queue_size,
			WorkerOrder **order, shm_toc **contents)
{
	shm_toc_estimator estimate;
	dsm_segment *segment;
	Size		size;

	shm_toc_initialize_estimator(&estimate);
	shm_toc_estimate_chunk(&estimate, sizeof(WorkerOrder));
	shm_toc_estimate_chunk(&estimate, payload_size);
	shm_toc_estimate_chunk(&estimate, settings_size);
	shm_toc_estimate_chunk(&estimate, queue_size);
	shm_toc_estimate_keys(&estimate, 4);
	size = shm_toc_estimate(&estimate);
	segment = dsm_create(size, DSM_CREATE_NULL_IF_MAXSEGMENTS);
	if (segment == NULL)
		return NULL;
	dsm_pin_mapping(segment);
	*contents = shm_toc_create(WORKER_MAGIC, dsm_segment_address(segment), size);
	*order = shm_toc_allocate(*contents, sizeof(WorkerOrder));
	memset(*order, 0, sizeof(WorkerOrder));
	(*order)->task = task;
	(*order)->database = MyDatabaseId;
	(*order)->login_user = GetAuthenticatedUserId();
	GetUserIdAndSecContext(&(*order)->user, &(*order)->security_context);
	shm_toc_insert(*contents, KEY_ORDER, *order);
	return segment;
}

static bool
RegisterWorker(dsm_segment *segment, bool notify, BackgroundWorkerHandle **handle)
{
	BackgroundWorker worker = {0};

	snprintf(worker.bgw_name, sizeof(worker.bgw_name), "medallion worker for process %d", MyProcPid);
	strlcpy(worker.bgw_type, "medallion worker", sizeof(worker.bgw_type));
	worker.bgw_flags = BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION;
	worker.bgw_start_time = BgWorkerStart_ConsistentState;
	worker.bgw_restart_time = BGW_NEVER_RESTART;
	strlcpy(worker.bgw_library_name, "medallion", sizeof(worker.bgw_library_name));
	strlcpy(worker.bgw_function_name, "MedallionWorkerMain", sizeof(worker.bgw_function_name));
	worker.bgw_main_arg = UInt32GetDatum(dsm_segment_handle(segment));
	worker.bgw_notify_pid = notify ? MyProcPid : 0;
	return RegisterDynamicBackgroundWorker(&worker, handle);
}

/* Puts the session's settings into the segment. */
static void
StoreSettings(shm_toc *contents, Size size)
{
	char	   *settings = shm_toc_allocate(contents, size);

	SerializeGUCState(size, settings);
	shm_toc_insert(contents, KEY_SETTINGS, settings);
}

Worker *
StartWorker(WorkerTask task, const void *payload, Size size)
{
	Worker	   *worker = MemoryContextAllocZero(TopMemoryContext, sizeof(Worker));
	MemoryContext old;
	Size		settings_size = EstimateGUCStateSpace();
	shm_toc    *contents;
	shm_mq	   *queue;
	char	   *copy;

	worker->context = AllocSetContextCreate(TopMemoryContext, "medallion worker", ALLOCSET_SMALL_SIZES);
	old = MemoryContextSwitchTo(worker->context);
	worker->segment = MakeSegment(task, size, settings_size, QUEUE_SIZE, &worker->order, &contents);
	if (worker->segment != NULL)
	{
		copy = shm_toc_allocate(contents, size);
		memcpy(copy, payload, size);
		shm_toc_insert(contents, KEY_PAYLOAD, copy);
		StoreSettings(contents, settings_size);
		queue = shm_mq_create(shm_toc_allocate(contents, QUEUE_SIZE), QUEUE_SIZE);
		shm_toc_insert(contents, KEY_QUEUE, queue);
		shm_mq_set_receiver(queue, MyProc);
		if (RegisterWorker(worker->segment, true, &worker->handle))
		{
			worker->queue = shm_mq_attach(queue, worker->segment, worker->handle);
			dlist_push_tail(&workers, &worker->node);
			MemoryContextSwitchTo(old);
			return worker;
		}
		dsm_detach(worker->segment);
	}
	MemoryContextSwitchTo(old);
	MemoryContextDelete(worker->context);
	pfree(worker);
	return NULL;
}

/* Keeps an error, passes on anything below it. */
static void
TakeMessage(Worker *worker, char *data, Size size)
{
	StringInfoData message;
	ErrorData	error = {0};
	MemoryContext old;

	initStringInfo(&message);
	appendBinaryStringInfo(&message, data, size);
	switch (pq_getmsgbyte(&message))
	{
		case 'E':
			old = MemoryContextSwitchTo(worker->context);
			worker->error = palloc0(sizeof(ErrorData));
			pq_parse_errornotice(&message, worker->error);
			MemoryContextSwitchTo(old);
			break;
		case 'N':
			pq_parse_errornotice(&message, &error);
			ThrowErrorData(&error);
			break;
		default:				/* nothing else is for us */
			break;
	}
	pfree(message.data);
}

static void
DetachWorker(Worker *worker)
{
	if (worker->segment != NULL)
		dsm_detach(worker->segment);
	worker->segment = NULL;
}

static void
ForgetWorker(Worker *worker)
{
	dlist_delete(&worker->node);
	DetachWorker(worker);
	MemoryContextDelete(worker->context);
	pfree(worker);
}

/* What matters of an error, in the current memory context. */
static ErrorData *
CopyReport(const ErrorData *report)
{
	ErrorData  *copy = palloc0(sizeof(ErrorData));

	copy->elevel = report->elevel;
	copy->sqlerrcode = report->sqlerrcode;
	copy->message = report->message ? pstrdup(report->message) : pstrdup("");
	copy->detail = report->detail ? pstrdup(report->detail) : NULL;
	copy->hint = report->hint ? pstrdup(report->hint) : NULL;
	copy->context = report->context ? pstrdup(report->context) : NULL;
	return copy;
}

WorkerState
PollWorker(Worker *worker, ErrorData **error)
{
	WorkerState state;
	Size		size;
	void	   *data;

	*error = NULL;
	for (;;)
	{
		shm_mq_result result = shm_mq_receive(worker->queue, &size, &data, true);

		if (result == SHM_MQ_WOULD_BLOCK)
			return WORKER_BUSY;
		if (result == SHM_MQ_DETACHED)
			break;
		TakeMessage(worker, data, size);
	}
	state = worker->order->done ? WORKER_SUCCEEDED : WORKER_FAILED;
	if (worker->error != NULL)
		*error = CopyReport(worker->error);
	ForgetWorker(worker);
	return state;
}

Packet *
MakePacket(WorkerTask task, Size size)
{
	Packet	   *packet = MemoryContextAllocZero(TopMemoryContext, sizeof(Packet));
	shm_toc    *contents;

	packet->segment = MakeSegment(task, size, 0, 0, &packet->order, &contents);
	if (packet->segment == NULL)
	{
		pfree(packet);
		return NULL;
	}
	packet->payload = shm_toc_allocate(contents, size);
	packet->size = size;
	shm_toc_insert(contents, KEY_PAYLOAD, packet->payload);
	return packet;
}

bool
SendPacket(Packet *packet, const char *message)
{
	bool		sent;

	strlcpy(packet->payload, message, packet->size);
	packet->order->pinned = true;
	dsm_pin_segment(packet->segment);
	sent = RegisterWorker(packet->segment, false, NULL);
	if (!sent)
		dsm_unpin_segment(dsm_segment_handle(packet->segment));
	DropPacket(packet);
	return sent;
}

void
DropPacket(Packet *packet)
{
	dsm_detach(packet->segment);
	pfree(packet);
}

bool
SendWorker(WorkerTask task, const char *message)
{
	Packet	   *packet = MakePacket(task, strlen(message) + 1);

	return packet != NULL && SendPacket(packet, message);
}

void
StopWorkers(bool wait)
{
	dlist_mutable_iter iter;

	dlist_foreach_modify(iter, &workers)
	{
		Worker	   *worker = dlist_container(Worker, node, iter.cur);

		TerminateBackgroundWorker(worker->handle);
		DetachWorker(worker);	/* one that waits for room in its queue waits no more */
	}
	dlist_foreach_modify(iter, &workers)
	{
		Worker	   *worker = dlist_container(Worker, node, iter.cur);

		if (wait)
			WaitForBackgroundWorkerShutdown(worker->handle);
		ForgetWorker(worker);
	}
}

/* --- the worker's side --- */

/* Connects and becomes who the caller is. */
static void
BecomeCaller(const WorkerOrder *order, shm_toc *contents)
{
	char	   *settings = shm_toc_lookup(contents, KEY_SETTINGS, true);

	BackgroundWorkerInitializeConnectionByOid(order->database, order->login_user, 0);
	if (settings != NULL)
	{
		StartTransactionCommand();
		RestoreGUCState(settings);
		CommitTransactionCommand();
	}
	/* what we say goes to another process of this server */
	SetClientEncoding(GetDatabaseEncoding());
	SetUserIdAndSecContext(order->user, order->security_context);
}

/* A task that is one transaction. */
static void
InOneTransaction(void (*task) (const char *), const char *message)
{
	int			settings_level = BeginWork(WORK_IN_WORKER);

	task(message);
	CommitWork(WORK_IN_WORKER, settings_level);
}

static void
RunTask(const WorkerOrder *order, void *payload)
{
	switch (order->task)
	{
		case TASK_UNIT:
			RunUnitInWorker(payload);
			break;
		case TASK_JOURNAL:
			InOneTransaction(WriteJournal, payload);
			break;
		case TASK_ALERT:
			InOneTransaction(RecordAlert, payload);
			break;
	}
}

/* Where a worker begins. */
void
MedallionWorkerMain(Datum argument)
{
	dsm_segment *segment;
	shm_toc    *contents;
	WorkerOrder *order;
	shm_mq	   *queue;

	pqsignal(SIGTERM, die);
	pqsignal(SIGINT, StatementCancelHandler);
	BackgroundWorkerUnblockSignals();
	CurrentResourceOwner = ResourceOwnerCreate(NULL, "medallion worker");
	CurrentMemoryContext = AllocSetContextCreate(TopMemoryContext, "medallion worker",
												 ALLOCSET_DEFAULT_SIZES);
	segment = dsm_attach(DatumGetUInt32(argument));
	if (segment == NULL)		/* the caller is gone */
		proc_exit(0);
	dsm_pin_mapping(segment);
	contents = shm_toc_attach(WORKER_MAGIC, dsm_segment_address(segment));
	order = shm_toc_lookup(contents, KEY_ORDER, false);
	if (order->pinned)
		dsm_unpin_segment(DatumGetUInt32(argument));
	queue = shm_toc_lookup(contents, KEY_QUEUE, true);
	if (queue != NULL)
	{
		shm_mq_set_sender(queue, MyProc);
		pq_redirect_to_shm_mq(segment, shm_mq_attach(queue, segment, NULL));
	}
	BecomeCaller(order, contents);
	pgstat_report_activity(STATE_RUNNING, "medallion worker");
	RunTask(order, shm_toc_lookup(contents, KEY_PAYLOAD, false));
	order->done = true;
	pgstat_report_activity(STATE_IDLE, NULL);
	proc_exit(0);
}
