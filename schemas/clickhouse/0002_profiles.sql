-- One row a customer, of what all topics tell of it, and one with an empty customer: the partition's checkpoint. The
-- highest version wins.
-- Short granules, since a recovery reads single customers and a row weighs a kilobyte or so; synced to disk, since
-- a merge drops the older version that a power loss would need.
CREATE TABLE IF NOT EXISTS profiles
(
    partition UInt16,
    customer String,
    version UInt64 COMMENT 'the first position that this row does not include',
    stream_time DateTime64(3, 'UTC') COMMENT 'the largest event time seen',
    session_index UInt32,
    session_start DateTime64(3, 'UTC'),
    session_last DateTime64(3, 'UTC'),
    session_events UInt32,
    session_entry_page String,
    numbers Map(LowCardinality(String), Float64) COMMENT 'features that are numbers, as of stream_time',
    strings Map(LowCardinality(String), String) COMMENT 'features that are strings',
    lists Map(LowCardinality(String), Array(String)) COMMENT 'features that are lists',
    maps Map(LowCardinality(String), Map(String, Float64)) COMMENT 'features with a `by`: a number for each key',
    traits Map(LowCardinality(String), String) COMMENT 'traits; what is no string, as JSON',
    next_due DateTime64(3, 'UTC') COMMENT 'when the first of its timers is due; 1970 where none runs',
    policy LowCardinality(String) COMMENT 'the rules under which the features were gathered, see policies',
    not_ready Array(LowCardinality(String)) COMMENT 'features that are yet to be computed from the events: they have no value',
    state String COMMENT 'what a recovery needs; its layout is private' CODEC(ZSTD(1)),
    erased_before UInt64 COMMENT 'the customer was erased at the position before this one: no earlier event may count; 0 where never',
    deleted Bool COMMENT 'erased: the state is empty, and older events must not bring it back',
    updated_at DateTime64(3, 'UTC') DEFAULT now64(3)
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (partition, customer)
SETTINGS index_granularity = 256, fsync_after_insert = 1, fsync_part_directory = 1, min_rows_to_fsync_after_merge = 1;

-- For people: the latest row of each customer.
CREATE OR REPLACE VIEW customers AS
SELECT
    partition, customer, version, stream_time, session_index, session_start, session_last, session_events, session_entry_page,
    numbers, strings, lists, maps, not_ready, traits, updated_at
FROM profiles FINAL
WHERE customer != '' AND NOT deleted;

-- For people: one row a customer and feature, and of a map one row a key, which is the text. `kind` says which of the values hold;
-- of a feature that is not ready none does, and the number is NULL.
CREATE OR REPLACE VIEW customer_features AS
SELECT
    partition, customer, stream_time,
    entry.1 AS feature, entry.2 AS kind, entry.3 AS number, entry.4 AS text, entry.5 AS list
FROM customers
ARRAY JOIN arrayConcat(
    arrayMap((name, value) -> (name::String, 'number', value::Nullable(Float64), '', []::Array(String)), mapKeys(numbers), mapValues(numbers)),
    arrayMap((name, value) -> (name::String, 'string', NULL::Nullable(Float64), value, []::Array(String)), mapKeys(strings), mapValues(strings)),
    arrayMap((name, value) -> (name::String, 'list', NULL::Nullable(Float64), '', value), mapKeys(lists), mapValues(lists)),
    arrayFlatten(arrayMap(
        (name, entries) -> arrayMap(
            (key, value) -> (name::String, 'map', value::Nullable(Float64), key, []::Array(String)),
            mapKeys(entries), mapValues(entries)
        ),
        mapKeys(maps), mapValues(maps)
    )),
    arrayMap(name -> (name::String, 'not_ready', NULL::Nullable(Float64), '', []::Array(String)), not_ready)
) AS entry;
