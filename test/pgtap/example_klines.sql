/* examples/klines: candles, with the seed's bugs absent. */
\set example klines
\set plan 12
\ir example.psql
\o
SELECT is((SELECT array_agg(DISTINCT interval ORDER BY interval) || array_agg(DISTINCT symbol ORDER BY symbol) FROM silver.klines_current), '{1d,1m,AAAUSDT,BBBUSDT,CCCUSDT}', 'symbol and interval come from the files'' names');
SELECT is((SELECT count(*) FROM (SELECT open_time FROM silver.klines_current WHERE interval = '1m' GROUP BY open_time HAVING count(*) = 2) AS t), 1557::bigint, 'two symbols share their open times, and do not merge');
SELECT is((SELECT array_agg(DISTINCT status ORDER BY status) FROM medallion.file_versions WHERE path LIKE '%CCC%'), '{DUPLICATE,LOADED}', 'a copy of a file adds nothing');
SELECT is((SELECT count(*) FROM medallion.quarantine) + (SELECT count(*) FROM medallion.rejects), 0::bigint, 'a header among lines is neither rejected nor quarantined');
SELECT is((SELECT array_agg((symbol, gap_from, missing_candles)::text ORDER BY gap_from) FROM gold.kline_gaps), '{"(AAAUSDT,\"2023-02-01 10:00:00\",2)","(AAAUSDT,\"2023-02-02 01:00:00\",1)"}', 'gaps are found, in UTC');
SELECT is((SELECT (open_time, close_time)::text FROM silver.klines_current WHERE interval = '1d' ORDER BY open_time LIMIT 1), '("2025-07-01 00:00:00","2025-07-01 23:59:59.999999")', 'microseconds are kept');
SELECT * FROM finish();
