-- Every enriched event, also late ones and duplicates, so that the offsets of a partition are complete.
-- A replay inserts the same rows again: the sorting key holds (topic, partition, offset), so FINAL keeps one of each.
-- What most events lack lies in the map `context`, and reads as a column of its own all the same.
-- Settings (docs/decisions/013): an INSERT, at most 32 MB, makes one file (a compact part), since files for each of some
-- seventy streams cost more than the rows; what is merged past that has them, so that each column is merged by itself
-- (vertically), at a third of the cost of whole rows. Merges take at least 8 parts and aim at 10, where 5 is usual, so
-- that a row is merged less often; a query reads a few more parts.
CREATE TABLE IF NOT EXISTS events
(
    topic LowCardinality(String),
    partition UInt16,
    offset UInt64 CODEC(Delta, ZSTD(1)),
    position UInt64 COMMENT 'the order in which a partition''s events of all topics came' CODEC(Delta, ZSTD(1)),
    id String COMMENT 'unique by customer, also across topics, within the de-duplication window',
    customer String COMMENT 'the key of the profile',
    type LowCardinality(String),
    time DateTime64(3, 'UTC') COMMENT 'event time, corrected for client clock skew' CODEC(Delta, ZSTD(1)),
    session_id String COMMENT 'the producer''s own; ours is session_index',
    url String CODEC(ZSTD(1)),
    value Nullable(Float64) COMMENT 'NULL where the event has none',
    numbers Map(LowCardinality(String), Float64) COMMENT 'the properties that are numbers',
    strings Map(LowCardinality(String), String) COMMENT 'the properties that are strings',
    booleans Map(LowCardinality(String), Bool) COMMENT 'the properties that are booleans',
    nested Map(LowCardinality(String), String) COMMENT 'the properties that are lists or maps, as JSON',
    traits Map(LowCardinality(String), String) COMMENT 'traits that the event states; what is no string, as JSON',
    device LowCardinality(String),
    browser LowCardinality(String),
    browser_version LowCardinality(String),
    os LowCardinality(String),
    os_version LowCardinality(String),
    bot Bool,
    referrer_class LowCardinality(String),
    country LowCardinality(String),
    context Map(LowCardinality(String), String) COMMENT 'the columns below; an ip is the network: /24 of IPv4, /48 of IPv6',
    session_index UInt32 COMMENT 'the customer''s n-th session, from 1',
    session_start DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    late Bool COMMENT 'too late for at least one feature whose condition it met',
    duplicate Bool COMMENT 'an event of this id came before: it changed no feature',
    inserted_at DateTime64(3, 'UTC') DEFAULT now64(3) CODEC(Delta, ZSTD(1)),
    anonymous_id String ALIAS context['anonymous_id'],
    received_at DateTime64(3, 'UTC') ALIAS fromUnixTimestamp64Milli(toInt64OrZero(context['received_at']), 'UTC'),
    title String ALIAS context['title'],
    referrer String ALIAS context['referrer'],
    ip String ALIAS context['ip'],
    locale String ALIAS context['locale'],
    timezone String ALIAS context['timezone'],
    channel String ALIAS context['channel'],
    currency String ALIAS context['currency'],
    device_vendor String ALIAS context['device_vendor'],
    device_model String ALIAS context['device_model'],
    campaign_source String ALIAS context['campaign_source'],
    campaign_medium String ALIAS context['campaign_medium'],
    campaign_name String ALIAS context['campaign_name'],
    campaign_term String ALIAS context['campaign_term'],
    campaign_content String ALIAS context['campaign_content'],
    campaign_click_id String ALIAS context['campaign_click_id'],
    campaign_network String ALIAS context['campaign_network'],
    referrer_source String ALIAS context['referrer_source'],
    referrer_host String ALIAS context['referrer_host'],
    referrer_term String ALIAS context['referrer_term'],
    region String ALIAS context['region'],
    city String ALIAS context['city'],
    latitude Nullable(Float64) ALIAS toFloat64OrNull(context['latitude']),
    longitude Nullable(Float64) ALIAS toFloat64OrNull(context['longitude']),
    geo_timezone String ALIAS context['geo_timezone'],
    asn UInt32 ALIAS toUInt32OrZero(context['asn']),
    organization String ALIAS context['organization']
)
ENGINE = ReplacingMergeTree
PARTITION BY toYYYYMM(time)
ORDER BY (customer, time, topic, partition, offset)
SETTINGS min_bytes_for_wide_part = 41943040, vertical_merge_algorithm_min_rows_to_activate = 1,
    merge_selector_base = 10, min_parts_to_merge_at_once = 8;
