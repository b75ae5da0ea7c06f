-- Rules go back and forth: those that run are the ones with the latest start, not the ones seen first of late.
ALTER TABLE policies ADD COLUMN IF NOT EXISTS
    last_seen SimpleAggregateFunction(max, DateTime64(3, 'UTC')) COMMENT 'the latest start with it; 1970 where it was before this column' AFTER first_seen;

ALTER TABLE policies ADD COLUMN IF NOT EXISTS
    settings SimpleAggregateFunction(anyLast, String) COMMENT 'of that start, as JSON: what else tells how events are folded' CODEC(ZSTD(3)) AFTER last_seen;
