/*
 * settings.h
 *	  The settings (GUCs) of the extension, and the session settings that a
 *	  run pins so that they cannot reach its results.
 */
#ifndef MEDALLION_SETTINGS_H
#define MEDALLION_SETTINGS_H

#include "postgres.h"

extern char *medallion_input_root;
extern char *medallion_allowed_paths;
extern char *medallion_bronze_schema;
extern char *medallion_silver_schema;
extern char *medallion_gold_schema;
extern char *medallion_model_schema;
extern char *medallion_environment;
extern bool medallion_enable_schema_evolution;
extern bool medallion_enable_data_quality_checks;
extern bool medallion_enable_scd2;
extern bool medallion_log_values;
extern int	medallion_max_file_size;			/* MB */
extern int	medallion_max_uncompressed_size;	/* MB */
extern int	medallion_max_compression_ratio;
extern int	medallion_max_columns;
extern int	medallion_max_cell_size;			/* kB */
extern int	medallion_max_shared_strings;		/* MB */
extern int	medallion_max_xml_depth;
extern int	medallion_max_workers;				/* -1: as many as cores */
extern int	medallion_key_filter_blocks;	/* 0: none */
extern int	medallion_max_retries;
extern int	medallion_retry_delay;				/* ms */
extern int	medallion_step_timeout;				/* ms; 0: none */
extern int	medallion_run_timeout;				/* ms; 0: none */
extern char *medallion_alert_on;				/* comma-separated kinds */
extern char *medallion_alert_hook;				/* schema.function, or "" */

extern void SettingsInit(void);

/* Pins search_path, TimeZone, DateStyle and their like; returns what
 * UnpinSettings() needs.  An error or the transaction's end unpins too. */
extern int	PinSettings(void);
extern void PinSetting(const char *name, const char *value);	/* one more */
extern void UnpinSettings(int nest_level);

/*
 * What the input functions of date and time types look at, for conversions
 * row by row: there the machinery of settings would cost more than the
 * conversion.  Nothing unpins by itself: use PG_FINALLY.
 */
typedef struct InputSettings
{
	int			date_order;
	int			date_style;
	int			interval_style;
	struct pg_tz *zone;
} InputSettings;

/* Pins them: UTC, and this order (DMY, MDY, YMD) for dates of three numbers. */
extern void PinInput(InputSettings *saved, const char *date_order);
extern void UnpinInput(const InputSettings *saved);

#endif							/* MEDALLION_SETTINGS_H */
