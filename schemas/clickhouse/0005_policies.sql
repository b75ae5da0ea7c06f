-- Every policy that ever decided. Inserting one again keeps the first time. Rules go back and forth: those that run are the
-- ones with the latest start, not the ones seen first of late.
CREATE TABLE IF NOT EXISTS policies
(
    hash String,
    text SimpleAggregateFunction(any, String) CODEC(ZSTD(3)),
    first_seen SimpleAggregateFunction(min, DateTime64(3, 'UTC')),
    last_seen SimpleAggregateFunction(max, DateTime64(3, 'UTC')) COMMENT 'the latest start with it',
    settings SimpleAggregateFunction(anyLast, String) COMMENT 'of that start, as JSON: what else tells how events are folded' CODEC(ZSTD(3))
)
ENGINE = AggregatingMergeTree
ORDER BY hash;
