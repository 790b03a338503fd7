-- Candles of longer periods from shorter ones, returns, moving averages, gaps. Times are UTC.

-- what the seed's bronze table was: one row per key, the newest live one
CREATE OR REPLACE VIEW bronze.klines_live AS
SELECT DISTINCT ON (b.symbol, b.interval, b.open_time) b.*
FROM bronze.klines b
JOIN medallion.file_versions v ON v.file_id = b._file_id AND v.superseded_run_id IS NULL
WHERE b.open_time ~ '^[0-9]+$'
ORDER BY b.symbol, b.interval, b.open_time, v.first_seen DESC, v.path COLLATE "C" DESC, b._sheet COLLATE "C" DESC, b._row DESC;

SELECT medallion.create_model('candles_hourly', $$
SELECT symbol, date_trunc('hour', open_time) AS hour,
	(array_agg(open ORDER BY open_time))[1] AS open, max(high) AS high, min(low) AS low, (array_agg(close ORDER BY open_time DESC))[1] AS close,
	sum(volume) AS volume, sum(quote_asset_volume) AS quote_volume, sum(number_of_trades) AS trades, count(*) AS candles
FROM silver.klines_current
WHERE interval = '1m'
GROUP BY symbol, date_trunc('hour', open_time)
$$, '{"unique_key": ["symbol", "hour"], "description": "Candles of an hour, from those of a minute; candles: how many there were, 60 if none is missing."}');

-- The exchange's own candles of a day where it gave them, else from those of a minute.
SELECT medallion.create_model('candles_daily', $$
SELECT symbol, date_trunc('day', open_time)::date AS day, interval AS source_interval,
	(array_agg(open ORDER BY open_time))[1] AS open, max(high) AS high, min(low) AS low, (array_agg(close ORDER BY open_time DESC))[1] AS close,
	sum(volume) AS volume, sum(quote_asset_volume) AS quote_volume, sum(number_of_trades) AS trades, count(*) AS candles
FROM silver.klines_current k
WHERE interval = '1d' OR interval = '1m' AND NOT EXISTS (
	SELECT FROM silver.klines_current d
	WHERE d.symbol = k.symbol AND d.interval = '1d' AND d.open_time = date_trunc('day', k.open_time))
GROUP BY symbol, date_trunc('day', open_time), interval
$$, '{"unique_key": ["symbol", "day"], "description": "Candles of a day, UTC."}');

SELECT medallion.create_model('candles_weekly', $$
SELECT symbol, extract(isoyear FROM day)::int AS iso_year, extract(week FROM day)::int AS iso_week, min(date_trunc('week', day::timestamp)::date) AS week_start,
	(array_agg(open ORDER BY day))[1] AS open, max(high) AS high, min(low) AS low, (array_agg(close ORDER BY day DESC))[1] AS close,
	sum(volume) AS volume, sum(quote_volume) AS quote_volume, sum(trades) AS trades, count(*) AS days
FROM gold.candles_daily
GROUP BY symbol, extract(isoyear FROM day), extract(week FROM day)
$$, '{"unique_key": ["symbol", "iso_year", "iso_week"], "description": "Candles of an ISO week."}');

SELECT medallion.create_model('daily_returns', $$
SELECT symbol, day, close,
	CASE WHEN lag(day) OVER w = day - 1 THEN round(close / nullif(lag(close) OVER w, 0) - 1, 8) END AS return,
	CASE WHEN lag(day) OVER w = day - 1 THEN round(ln(close / nullif(lag(close) OVER w, 0)), 8) END AS log_return,
	round(avg(close) OVER (PARTITION BY symbol ORDER BY day RANGE BETWEEN interval '6 days' PRECEDING AND CURRENT ROW), 8) AS average_7_days,
	round(avg(close) OVER (PARTITION BY symbol ORDER BY day RANGE BETWEEN interval '29 days' PRECEDING AND CURRENT ROW), 8) AS average_30_days
FROM gold.candles_daily
WINDOW w AS (PARTITION BY symbol ORDER BY day)
$$, '{"unique_key": ["symbol", "day"], "description": "Returns from one day to the next (NULL after a gap) and moving averages over days of the calendar, not over rows."}');

SELECT medallion.create_model('kline_gaps', $$
SELECT symbol, interval, previous + step AS gap_from, open_time - step AS gap_to,
	(extract(epoch FROM open_time - previous) / extract(epoch FROM step))::bigint - 1 AS missing_candles
FROM (
	SELECT symbol, interval, open_time, lag(open_time) OVER (PARTITION BY symbol, interval ORDER BY open_time) AS previous,
		CASE right(interval, 1) WHEN 'm' THEN interval '1 minute' WHEN 'h' THEN interval '1 hour' WHEN 'd' THEN interval '1 day' WHEN 'w' THEN interval '7 days' END
			* left(interval, -1)::int AS step
	FROM silver.klines_current
) AS k
WHERE open_time - previous > step
$$, '{"unique_key": ["symbol", "interval", "gap_from"], "description": "Stretches of time without candles, both ends inclusive."}');
