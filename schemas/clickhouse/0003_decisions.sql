-- Every evaluation of the policy: what was considered, why each candidate fell or stood, and what was chosen.
-- An event has one decision and each timer one of its own, hence `trigger` in the key. Merged seldom, as `events` is.
CREATE TABLE IF NOT EXISTS decisions
(
    topic LowCardinality(String),
    partition UInt16,
    offset UInt64 COMMENT 'the event''s; of a timer, the first offset that its slice does not include' CODEC(Delta, ZSTD(1)),
    position UInt64 COMMENT 'the event''s; of a timer, the first one that the events of its slice do not include' CODEC(Delta, ZSTD(1)),
    customer String,
    trigger LowCardinality(String) COMMENT 'empty for an event, else the timer that fired',
    time DateTime64(3, 'UTC') COMMENT 'as of when windows, caps and quiet hours were read' CODEC(Delta, ZSTD(1)),
    now DateTime64(3, 'UTC') COMMENT 'the clock of the slice' CODEC(Delta, ZSTD(1)),
    policy LowCardinality(String) COMMENT 'content hash, see policies',
    candidates Array(LowCardinality(String)) COMMENT 'action names; the three columns below are of the same order',
    reasons Array(LowCardinality(String)) COMMENT 'chosen, or why not',
    scores Array(Float64) COMMENT 'NaN where it was not eligible',
    probabilities Array(Float64) COMMENT 'with which it would be chosen',
    chosen Array(LowCardinality(String)),
    inserted_at DateTime64(3, 'UTC') DEFAULT now64(3) CODEC(Delta, ZSTD(1))
)
ENGINE = ReplacingMergeTree
PARTITION BY toYYYYMM(time)
ORDER BY (customer, time, topic, partition, offset, trigger)
SETTINGS merge_selector_base = 10, min_parts_to_merge_at_once = 8;
