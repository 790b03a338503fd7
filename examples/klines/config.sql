-- One feature for all candles: with a header and without, epochs in milliseconds and in microseconds; symbol and
-- interval are in the file's name, and belong to the key: two symbols share all their open times.

SELECT medallion.create_feature('klines', '{binance_klines/*.csv,binance_seed003_raw/*.csv}', '{symbol,interval,open_time}', '{
  "header": "none",
  "names": ["open_time", "open", "high", "low", "close", "volume", "close_time", "quote_asset_volume", "number_of_trades",
            "taker_buy_base_asset_volume", "taker_buy_quote_asset_volume", "ignore"],
  "path_pattern": "(?<symbol>[A-Z0-9]+)-(?<interval>[0-9]+[a-zA-Z]+)-",
  "null_tokens": ["open_time", "close_time", "open", "high", "low", "close", "volume", "quote_volume", "count",
                  "taker_buy_volume", "taker_buy_quote_volume", "ignore"],
  "filter": "d.open_time IS NOT NULL",
  "columns": {
    "symbol": {"type": "text"},
    "interval": {"type": "text"},
    "open_time": {"type": "timestamp", "expression": "CASE WHEN c.open_time ~ ''^[0-9]{16}$'' THEN timestamp ''1970-01-01'' + c.open_time::bigint * interval ''1 microsecond'' WHEN c.open_time ~ ''^[0-9]{13}$'' THEN timestamp ''1970-01-01'' + c.open_time::bigint * interval ''1 millisecond'' END"},
    "close_time": {"type": "timestamp", "expression": "CASE WHEN c.close_time ~ ''^[0-9]{16}$'' THEN timestamp ''1970-01-01'' + c.close_time::bigint * interval ''1 microsecond'' WHEN c.close_time ~ ''^[0-9]{13}$'' THEN timestamp ''1970-01-01'' + c.close_time::bigint * interval ''1 millisecond'' END"},
    "open": {"type": "numeric(20,8)"}, "high": {"type": "numeric(20,8)"}, "low": {"type": "numeric(20,8)"}, "close": {"type": "numeric(20,8)"},
    "volume": {"type": "numeric(28,8)"}, "quote_asset_volume": {"type": "numeric(28,8)"}, "number_of_trades": {"type": "bigint"},
    "taker_buy_base_asset_volume": {"type": "numeric(28,8)"}, "taker_buy_quote_asset_volume": {"type": "numeric(28,8)"}, "ignore": {"type": "text"}
  },
  "checks": [
    {"kind": "not_null", "columns": ["open", "high", "low", "close", "volume"]},
    {"name": "high_and_low", "kind": "expression", "params": {"expression": "d.low <= least(d.open, d.close) AND d.high >= greatest(d.open, d.close)"}},
    {"name": "times", "kind": "expression", "params": {"expression": "d.close_time > d.open_time"}}
  ]
}');
