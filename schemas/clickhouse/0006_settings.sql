-- All that ever told how events are folded beside the rules of `policies`: the journal names it by its hash, and a replay of
-- what was committed under it needs the text.
CREATE TABLE IF NOT EXISTS settings
(
    hash String COMMENT 'content hash of the text',
    text SimpleAggregateFunction(any, String) COMMENT 'JSON, with files by their content' CODEC(ZSTD(3)),
    first_seen SimpleAggregateFunction(min, DateTime64(3, 'UTC')),
    last_seen SimpleAggregateFunction(max, DateTime64(3, 'UTC')) COMMENT 'the latest start with them'
)
ENGINE = AggregatingMergeTree
ORDER BY hash;
