-- Every action published. The id is a hash of (topic, partition, offset, action name): a replay makes the same one.
-- Merged seldom, as `events` is.
CREATE TABLE IF NOT EXISTS actions
(
    id String,
    topic LowCardinality(String) COMMENT 'of the event that caused it, as partition and offset; of a timer, where its partition was',
    partition UInt16,
    offset UInt64 CODEC(Delta, ZSTD(1)),
    position UInt64 COMMENT 'as its decision''s' CODEC(Delta, ZSTD(1)),
    event_id String COMMENT 'empty for an action of a timer, as the type',
    event_type LowCardinality(String),
    action LowCardinality(String),
    customer String,
    time DateTime64(3, 'UTC') COMMENT 'of its decision' CODEC(Delta, ZSTD(1)),
    rank UInt16 COMMENT '1 for the best of its decision',
    value Nullable(Float64) COMMENT 'what the action was held to be worth',
    payload Map(LowCardinality(String), String) COMMENT 'numbers and booleans as text',
    channel LowCardinality(String),
    policy LowCardinality(String) COMMENT 'content hash, see policies',
    trigger LowCardinality(String) COMMENT 'empty for an event, else the timer that fired',
    expires_at Nullable(DateTime64(3, 'UTC')) COMMENT 'NULL where it does not expire',
    emitted_at DateTime64(3, 'UTC') COMMENT 'the clock of the slice that published it' CODEC(Delta, ZSTD(1)),
    inserted_at DateTime64(3, 'UTC') DEFAULT now64(3) CODEC(Delta, ZSTD(1))
)
ENGINE = ReplacingMergeTree
PARTITION BY toYYYYMM(time)
ORDER BY (customer, time, id)
SETTINGS merge_selector_base = 10, min_parts_to_merge_at_once = 8;
