-- What examples/totals.sh compares with examples/independent.py: name, value.
SELECT symbol || ' ' || interval || ' candles' AS name, count(*)::numeric AS value FROM silver.klines_current GROUP BY symbol, interval
UNION ALL SELECT symbol || ' ' || interval || ' volume', sum(volume) FROM silver.klines_current GROUP BY symbol, interval
UNION ALL SELECT symbol || ' ' || interval || ' quote volume', sum(quote_asset_volume) FROM silver.klines_current GROUP BY symbol, interval
UNION ALL SELECT symbol || ' ' || interval || ' trades', sum(number_of_trades) FROM silver.klines_current GROUP BY symbol, interval
UNION ALL SELECT symbol || ' days', count(*) FROM gold.candles_daily GROUP BY symbol
UNION ALL SELECT symbol || ' sum of daily closes', sum(close) FROM gold.candles_daily GROUP BY symbol
UNION ALL SELECT symbol || ' sum of daily highs', sum(high) FROM gold.candles_daily GROUP BY symbol
UNION ALL SELECT symbol || ' hours', count(*) FROM gold.candles_hourly GROUP BY symbol
UNION ALL SELECT symbol || ' sum of hourly lows', sum(low) FROM gold.candles_hourly GROUP BY symbol
UNION ALL SELECT symbol || ' sum of hourly opens', sum(open) FROM gold.candles_hourly GROUP BY symbol
UNION ALL SELECT symbol || ' weeks', count(*) FROM gold.candles_weekly GROUP BY symbol
UNION ALL SELECT symbol || ' sum of weekly opens', sum(open) FROM gold.candles_weekly GROUP BY symbol
UNION ALL SELECT 'missing candles', coalesce(sum(missing_candles), 0) FROM gold.kline_gaps
UNION ALL SELECT 'rows in the live view', count(*) FROM bronze.klines_live
