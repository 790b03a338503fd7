/*
 * settings.c
 *	  The settings (GUCs) of the extension.
 */
#include "base/compat.h"

#include "base/settings.h"

#include <limits.h>

#include "miscadmin.h"
#include "pgtime.h"
#include "utils/guc.h"

char	   *medallion_input_root;
char	   *medallion_allowed_paths;
char	   *medallion_bronze_schema;
char	   *medallion_silver_schema;
char	   *medallion_gold_schema;
char	   *medallion_model_schema;
char	   *medallion_environment;
bool		medallion_enable_schema_evolution;
bool		medallion_enable_data_quality_checks;
bool		medallion_enable_scd2;
int			medallion_max_file_size;
int			medallion_max_uncompressed_size;
int			medallion_max_compression_ratio;
int			medallion_max_columns;
int			medallion_max_cell_size;
int			medallion_key_filter_blocks;
int			medallion_max_shared_strings;
int			medallion_max_xml_depth;
bool		medallion_log_values;
int			medallion_max_workers;
int			medallion_max_retries;
int			medallion_retry_delay;
int			medallion_step_timeout;
int			medallion_run_timeout;
char	   *medallion_alert_on;
char	   *medallion_alert_hook;

/* name, variable, default, who may set it, what it is */
static const struct
{
	const char *name;
	char	  **variable;
	const char *boot;
	GucContext	context;
	const char *description;
}			text_settings[] =
{
	{"medallion.input_root", &medallion_input_root, "", PGC_USERSET,
	"Folder that relative source patterns start from."},
	{"medallion.allowed_paths", &medallion_allowed_paths, "", PGC_SUSET,
	"Colon-separated folders that every role may read files below."},
	{"medallion.bronze_schema", &medallion_bronze_schema, "bronze", PGC_USERSET,
	"Schema of the bronze tables."},
	{"medallion.silver_schema", &medallion_silver_schema, "silver", PGC_USERSET,
	"Schema of the silver tables."},
	{"medallion.gold_schema", &medallion_gold_schema, "gold", PGC_USERSET,
	"Schema of the gold tables."},
	{"medallion.model_schema", &medallion_model_schema, "models", PGC_USERSET,
	"Schema of the views that hold the models' queries."},
	{"medallion.alert_on", &medallion_alert_on, "failure,recovery,quality,freshness,drift,missed", PGC_USERSET,
	"What raises an alert: failure, recovery, quality, freshness, drift, missed, success."},
	{"medallion.alert_hook", &medallion_alert_hook, "", PGC_SUSET,
	"Function (jsonb) called with each alert, with the rights of its owner."},
};

/* What silver and bronze say depends on these: they hold for the server, not for a session. */
static const struct
{
	const char *name;
	bool	   *variable;
	const char *description;
}			switches[] =
{
	{"medallion.enable_schema_evolution", &medallion_enable_schema_evolution,
	"Adds new source columns to bronze; off, a file with unknown columns fails."},
	{"medallion.enable_data_quality_checks", &medallion_enable_data_quality_checks,
	"Runs the checks of each feature."},
	{"medallion.enable_scd2", &medallion_enable_scd2,
	"Keeps the history of features that have business keys."},
};

static const struct
{
	const char *name;
	int		   *variable;
	int			boot;
	int			max;
	int			flags;
	const char *description;
}			limits[] =
{
	{"medallion.max_file_size", &medallion_max_file_size,
		4096, INT_MAX, GUC_UNIT_MB, "Largest file that is read."},
	{"medallion.max_uncompressed_size", &medallion_max_uncompressed_size,
		8192, INT_MAX, GUC_UNIT_MB, "Largest size of one entry of a compressed workbook, unpacked."},
	{"medallion.max_compression_ratio", &medallion_max_compression_ratio,
		200, INT_MAX, 0, "Largest compression ratio of one entry of a workbook beyond its first 100 kB, and of what a file asks to repeat beyond 64 MB."},
	{"medallion.max_columns", &medallion_max_columns,
		1500, 1500, 0, "Largest number of columns of a source."},
	{"medallion.max_cell_size", &medallion_max_cell_size,
		1024, 1024 * 1024, GUC_UNIT_KB, "Largest value of one cell."},
	{"medallion.max_shared_strings", &medallion_max_shared_strings,
		256, INT_MAX, GUC_UNIT_MB, "Largest string table of a workbook, unpacked."},
	{"medallion.max_xml_depth", &medallion_max_xml_depth,
		256, 100000, 0, "Most elements of a workbook's XML inside each other."},
};

/* How runs are made: anybody may say so for their own. */
static const struct
{
	const char *name;
	int		   *variable;
	int			boot;
	int			min;
	int			max;
	int			flags;
	const char *description;
}			controls[] =
{
	{"medallion.max_workers", &medallion_max_workers,
		-1, -1, 64, 0, "Background workers of run_pipeline_proc(); -1: as many as cores, at most 8; 0 or 1: none."},
	{"medallion.key_filter_blocks", &medallion_key_filter_blocks,
		128, 0, 131072, GUC_UNIT_BLOCKS, "Size of the pieces of bronze whose keys are kept, for events that come late; 0: keep none."},
	{"medallion.max_retries", &medallion_max_retries,
		3, 0, 100, 0, "How often run_pipeline_proc() tries a step again after a passing error."},
	{"medallion.retry_delay", &medallion_retry_delay,
		60 * 1000, 0, INT_MAX, GUC_UNIT_MS, "Wait before the first retry; each further one takes twice as long."},
	{"medallion.step_timeout", &medallion_step_timeout,
		0, 0, INT_MAX, GUC_UNIT_MS, "Longest time of one step (a file, a feature's silver, a model); 0: any."},
	{"medallion.run_timeout", &medallion_run_timeout,
		0, 0, INT_MAX, GUC_UNIT_MS, "Longest time of a run; 0: any."},
};

/* Which environment a database is, is its administrator's to say, not a session's. */
static bool
CheckEnvironment(char **value, void **extra, GucSource source)
{
	if (source <= PGC_S_DATABASE || source == PGC_S_TEST)
		return true;
	GUC_check_errdetail("It is set by postgresql.conf, ALTER SYSTEM or ALTER DATABASE alone.");
	return false;
}

/* Declares the settings; called once as the library loads. */
void
SettingsInit(void)
{
	for (int i = 0; i < lengthof(text_settings); i++)
		DefineCustomStringVariable(text_settings[i].name, text_settings[i].description, NULL,
								   text_settings[i].variable, text_settings[i].boot,
								   text_settings[i].context, 0, NULL, NULL, NULL);
	for (int i = 0; i < lengthof(switches); i++)
		DefineCustomBoolVariable(switches[i].name, switches[i].description, NULL,
								 switches[i].variable, true, PGC_SIGHUP, 0, NULL, NULL, NULL);
	for (int i = 0; i < lengthof(limits); i++)
		DefineCustomIntVariable(limits[i].name, limits[i].description, NULL,
								limits[i].variable, limits[i].boot, 1, limits[i].max,
								PGC_SUSET, limits[i].flags, NULL, NULL, NULL);
	for (int i = 0; i < lengthof(controls); i++)
		DefineCustomIntVariable(controls[i].name, controls[i].description, NULL,
								controls[i].variable, controls[i].boot, controls[i].min, controls[i].max,
								PGC_USERSET, controls[i].flags, NULL, NULL, NULL);
	DefineCustomBoolVariable("medallion.log_values",
							 "Lets error messages in logs and alerts, and samples of failing rows of models, show values of rows.",
							 NULL, &medallion_log_values, false, PGC_SUSET, 0, NULL, NULL, NULL);
	DefineCustomStringVariable("medallion.environment", "What this database is for: picks among the \"environments\" of each feature's options.",
							   NULL, &medallion_environment, "", PGC_SUSET, 0, CheckEnvironment, NULL, NULL);
	MarkGUCPrefixReserved("medallion");
}

/*
 * What a run pins.  jit is off because the wide expressions of silver take
 * longer to compile than to run.
 */
static const char *const pinned[][2] = {
	{"search_path", "pg_catalog, pg_temp"},
	{"TimeZone", "UTC"},
	{"DateStyle", "ISO, YMD"},
	{"IntervalStyle", "postgres"},
	{"extra_float_digits", "1"},
	{"bytea_output", "hex"},
	{"standard_conforming_strings", "on"},
	{"transform_null_equals", "off"},
	{"jit", "off"},
};

/* Sets one more until UnpinSettings(). */
void
PinSetting(const char *name, const char *value)
{
	(void) set_config_option(name, value, PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
}

/* Pins them; returns what UnpinSettings() needs. */
int
PinSettings(void)
{
	int			nest_level = NewGUCNestLevel();

	for (int i = 0; i < lengthof(pinned); i++)
		PinSetting(pinned[i][0], pinned[i][1]);
	return nest_level;
}

/*
 * Takes everything back to what it was, what a user's function set for the
 * session in between included: a "commit" here would let it reach statements
 * that run as the extension's owner.
 */
void
UnpinSettings(int nest_level)
{
	AtEOXact_GUC(false, nest_level);
}

/* Pins what input functions look at. */
void
PinInput(InputSettings *saved, const char *date_order)
{
	saved->date_order = DateOrder;
	saved->date_style = DateStyle;
	saved->interval_style = IntervalStyle;
	saved->zone = session_timezone;
	DateOrder = date_order[0] == 'D' ? DATEORDER_DMY :
		date_order[0] == 'M' ? DATEORDER_MDY : DATEORDER_YMD;
	DateStyle = USE_ISO_DATES;
	IntervalStyle = INTSTYLE_POSTGRES;
	session_timezone = pg_tzset("UTC");
}

/* Takes them back. */
void
UnpinInput(const InputSettings *saved)
{
	DateOrder = saved->date_order;
	DateStyle = saved->date_style;
	IntervalStyle = saved->interval_style;
	session_timezone = saved->zone;
}
