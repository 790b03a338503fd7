/*
 * worker.c
 *	  Background workers that act for the caller.
 *
 *	  caller: segment (who, settings, payload, queues) -> worker: the same role,
 *	  database and settings -> its task -> messages and error through a queue
 *
 * A worker for units takes one after the other through a second queue: to
 * start a process and fill its caches takes longer than to find that a
 * feature has nothing new.
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
#define KEY_QUEUE 4				/* what it says; absent: nobody listens */
#define KEY_ORDERS 5			/* what it is to do next; absent: the payload, once */
#define QUEUE_SIZE 65536
#define ORDERS_SIZE 4096
#define ORDER_DONE 'Z'			/* the message that says so */

/* Who the worker is, and what it is to do. */
typedef struct WorkerOrder
{
	WorkerTask	task;
	Oid			database;
	Oid			login_user;
	Oid			user;
	int			security_context;
	bool		pinned;			/* the segment waits for the worker */
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
	shm_mq_handle *orders;
	BackgroundWorkerHandle *handle;
	bool		ready;			/* its last order is done */
	ErrorData  *error;			/* that it reported, or NULL */
	MemoryContext context;
};

static dlist_head workers = DLIST_STATIC_INIT(workers);

extern PGDLLEXPORT void MedallionWorkerMain(Datum argument);

/* --- the caller's side --- */

/* A segment with room for everything, filled in as far as it is known; NULL
 * if there is none to be had.  It outlives our transactions. */
static dsm_segment *
MakeSegment(WorkerTask task, Size payload_size, Size settings_size, bool queues,
			WorkerOrder **order, shm_toc **contents)
{
	shm_toc_estimator estimate;
	dsm_segment *segment;
	Size		size;

	shm_toc_initialize_estimator(&estimate);
	shm_toc_estimate_chunk(&estimate, sizeof(WorkerOrder));
	shm_toc_estimate_chunk(&estimate, payload_size);
	shm_toc_estimate_chunk(&estimate, settings_size);
	shm_toc_estimate_chunk(&estimate, queues ? QUEUE_SIZE : 0);
	shm_toc_estimate_chunk(&estimate, queues ? ORDERS_SIZE : 0);
	shm_toc_estimate_keys(&estimate, 5);
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

/* Makes the two queues of a worker. */
static void
MakeQueues(shm_toc *contents, shm_mq **queue, shm_mq **orders)
{
	*queue = shm_mq_create(shm_toc_allocate(contents, QUEUE_SIZE), QUEUE_SIZE);
	shm_toc_insert(contents, KEY_QUEUE, *queue);
	shm_mq_set_receiver(*queue, MyProc);
	*orders = shm_mq_create(shm_toc_allocate(contents, ORDERS_SIZE), ORDERS_SIZE);
	shm_toc_insert(contents, KEY_ORDERS, *orders);
	shm_mq_set_sender(*orders, MyProc);
}

Worker *
StartWorker(void)
{
	Worker	   *worker = MemoryContextAllocZero(TopMemoryContext, sizeof(Worker));
	MemoryContext old;
	Size		settings_size = EstimateGUCStateSpace();
	shm_toc    *contents;
	shm_mq	   *queue;
	shm_mq	   *orders;

	worker->context = AllocSetContextCreate(TopMemoryContext, "medallion worker", ALLOCSET_SMALL_SIZES);
	old = MemoryContextSwitchTo(worker->context);
	worker->segment = MakeSegment(TASK_UNITS, 0, settings_size, true, &worker->order, &contents);
	if (worker->segment != NULL)
	{
		StoreSettings(contents, settings_size);
		MakeQueues(contents, &queue, &orders);
		if (RegisterWorker(worker->segment, true, &worker->handle))
		{
			worker->queue = shm_mq_attach(queue, worker->segment, worker->handle);
			worker->orders = shm_mq_attach(orders, worker->segment, worker->handle);
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

/* There is room for it, as the worker took the last one; should it be gone, PollWorker() tells. */
void
GiveOrder(Worker *worker, const void *order, Size size)
{
	MemoryContext old = MemoryContextSwitchTo(worker->context);

	worker->ready = false;
	(void) shm_mq_send(worker->orders, size, order, true, true);
	MemoryContextSwitchTo(old);
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
		case ORDER_DONE:
			worker->ready = true;
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
	Size		size;
	void	   *data;

	*error = NULL;
	while (!worker->ready)
	{
		shm_mq_result result = shm_mq_receive(worker->queue, &size, &data, true);

		if (result == SHM_MQ_WOULD_BLOCK)
			return WORKER_BUSY;
		if (result == SHM_MQ_DETACHED)
		{
			if (worker->error != NULL)
				*error = CopyReport(worker->error);
			ForgetWorker(worker);
			return WORKER_GONE;
		}
		TakeMessage(worker, data, size);
	}
	return WORKER_READY;
}

Packet *
MakePacket(WorkerTask task, Size size)
{
	Packet	   *packet = MemoryContextAllocZero(TopMemoryContext, sizeof(Packet));
	shm_toc    *contents;

	packet->segment = MakeSegment(task, size, 0, false, &packet->order, &contents);
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

/* Whoever waits for an order, or for room in its queue, waits no more once we are detached. */
static void
LeaveWorkers(bool terminate)
{
	dlist_mutable_iter iter;

	dlist_foreach_modify(iter, &workers)
	{
		Worker	   *worker = dlist_container(Worker, node, iter.cur);

		if (terminate)
			TerminateBackgroundWorker(worker->handle);
		DetachWorker(worker);
	}
	dlist_foreach_modify(iter, &workers)
	{
		Worker	   *worker = dlist_container(Worker, node, iter.cur);

		WaitForBackgroundWorkerShutdown(worker->handle);
		ForgetWorker(worker);
	}
}

void
EndWorkers(void)
{
	LeaveWorkers(false);
}

void
StopWorkers(void)
{
	LeaveWorkers(true);
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

/* Units, one after the other, until the caller gives no more. */
static void
RunUnits(dsm_segment *segment, shm_toc *contents, shm_mq_handle *replies)
{
	static const char done = ORDER_DONE;
	shm_mq	   *queue = shm_toc_lookup(contents, KEY_ORDERS, false);
	shm_mq_handle *orders;
	Size		size;
	void	   *data;

	shm_mq_set_receiver(queue, MyProc);
	orders = shm_mq_attach(queue, segment, NULL);
	for (;;)
	{
		pgstat_report_activity(STATE_IDLE, NULL);
		if (shm_mq_receive(orders, &size, &data, false) != SHM_MQ_SUCCESS)
			break;
		pgstat_report_activity(STATE_RUNNING, "medallion worker");
		RunUnitInWorker(data);
		if (shm_mq_send(replies, 1, &done, false, true) != SHM_MQ_SUCCESS)
			break;
	}
}

static void
RunTask(const WorkerOrder *order, dsm_segment *segment, shm_toc *contents, shm_mq_handle *replies)
{
	switch (order->task)
	{
		case TASK_UNITS:
			RunUnits(segment, contents, replies);
			break;
		case TASK_JOURNAL:
			InOneTransaction(WriteJournal, shm_toc_lookup(contents, KEY_PAYLOAD, false));
			break;
		case TASK_ALERT:
			InOneTransaction(RecordAlert, shm_toc_lookup(contents, KEY_PAYLOAD, false));
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
	shm_mq_handle *replies = NULL;

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
		replies = shm_mq_attach(queue, segment, NULL);
		pq_redirect_to_shm_mq(segment, replies);
	}
	BecomeCaller(order, contents);
	pgstat_report_activity(STATE_RUNNING, "medallion worker");
	RunTask(order, segment, contents, replies);
	pgstat_report_activity(STATE_IDLE, NULL);
	proc_exit(0);
}
