-- Each table, view and column says what it is, to whoever looks at them without the documentation.
ALTER TABLE events
    MODIFY COMMENT 'every enriched event, also late ones and duplicates; read with FINAL',
    COMMENT COLUMN topic 'the input topic',
    COMMENT COLUMN partition 'of the topic',
    COMMENT COLUMN offset 'in the partition of the topic',
    COMMENT COLUMN customer 'the key of the profile',
    COMMENT COLUMN type 'of the event, such as page_view',
    COMMENT COLUMN url 'of the page, with its query string',
    COMMENT COLUMN device 'class, read from the user agent: desktop, mobile, tablet, tv …; empty where unknown',
    COMMENT COLUMN browser 'name, read from the user agent',
    COMMENT COLUMN browser_version 'major version',
    COMMENT COLUMN os 'operating system, read from the user agent',
    COMMENT COLUMN os_version 'of the operating system',
    COMMENT COLUMN bot 'the user agent is that of a program',
    COMMENT COLUMN referrer_class 'direct, internal, search, social, mail …',
    COMMENT COLUMN country 'of the IP address: ISO 3166-1 alpha-2; empty where unknown',
    COMMENT COLUMN session_start 'event time of the session''s first event',
    COMMENT COLUMN inserted_at 'when this row was inserted last',
    COMMENT COLUMN anonymous_id 'of the device or browser, as the producer says',
    COMMENT COLUMN received_at 'when a collector got the event, as it says; 1970 where it does not',
    COMMENT COLUMN title 'of the page',
    COMMENT COLUMN referrer 'URL of the page before',
    COMMENT COLUMN ip 'the network of the address: /24 of IPv4, /48 of IPv6',
    COMMENT COLUMN locale 'as the producer says, such as de-CH',
    COMMENT COLUMN timezone 'of the client, as the producer says',
    COMMENT COLUMN channel 'where the event was made, as the producer says: web, mobile …',
    COMMENT COLUMN currency 'of the amounts, as the producer says: ISO 4217',
    COMMENT COLUMN device_vendor 'read from the user agent',
    COMMENT COLUMN device_model 'read from the user agent',
    COMMENT COLUMN campaign_source 'utm_source',
    COMMENT COLUMN campaign_medium 'utm_medium',
    COMMENT COLUMN campaign_name 'utm_campaign',
    COMMENT COLUMN campaign_term 'utm_term',
    COMMENT COLUMN campaign_content 'utm_content',
    COMMENT COLUMN campaign_click_id 'the click id in the URL, such as that of gclid',
    COMMENT COLUMN campaign_network 'the advertising network whose click id it is',
    COMMENT COLUMN referrer_source 'the name of the search engine, network … that the referrer is',
    COMMENT COLUMN referrer_host 'host name of the referrer',
    COMMENT COLUMN referrer_term 'what was searched for, where the referrer tells',
    COMMENT COLUMN region 'of the IP address',
    COMMENT COLUMN city 'of the IP address',
    COMMENT COLUMN latitude 'of the IP address, degrees; NULL where unknown',
    COMMENT COLUMN longitude 'of the IP address, degrees; NULL where unknown',
    COMMENT COLUMN geo_timezone 'of the IP address',
    COMMENT COLUMN asn 'number of the network''s operator; 0 where unknown',
    COMMENT COLUMN organization 'the network''s operator';
ALTER TABLE profiles
    MODIFY COMMENT 'a customer''s state, and with an empty customer a partition''s checkpoint: the highest version holds; people read the views',
    COMMENT COLUMN partition 'of the input topics',
    COMMENT COLUMN customer 'empty in the row that is the partition''s checkpoint',
    COMMENT COLUMN session_index 'the n-th session, from 1',
    COMMENT COLUMN session_start 'event time of the session''s first event',
    COMMENT COLUMN session_last 'event time of the session''s latest event',
    COMMENT COLUMN session_events 'events in the session',
    COMMENT COLUMN session_entry_page 'URL of the session''s first page',
    COMMENT COLUMN updated_at 'when this row was inserted';
ALTER TABLE decisions
    MODIFY COMMENT 'every evaluation of the policy, with a reason for each action that was considered; read with FINAL',
    COMMENT COLUMN chosen 'the actions that were taken, the best first; empty where none was',
    COMMENT COLUMN topic 'of the event; of a timer, where its partition was',
    COMMENT COLUMN partition 'of the topic',
    COMMENT COLUMN customer 'the key of the profile',
    COMMENT COLUMN inserted_at 'when this row was inserted last';
ALTER TABLE actions
    MODIFY COMMENT 'every action that was published; read with FINAL',
    COMMENT COLUMN id 'a hash of the input that caused it: the same after every replay',
    COMMENT COLUMN partition 'of the topic',
    COMMENT COLUMN offset 'the event''s; of a timer, the first offset that its slice does not include',
    COMMENT COLUMN event_type 'of the event that caused it; empty for an action of a timer',
    COMMENT COLUMN action 'its name in the rules',
    COMMENT COLUMN customer 'the key of the profile',
    COMMENT COLUMN channel 'as the rules say; empty where they do not',
    COMMENT COLUMN inserted_at 'when this row was inserted last';
ALTER TABLE policies
    MODIFY COMMENT 'every policy (features, actions, arbitration) that ever decided; read with FINAL',
    COMMENT COLUMN hash 'content hash of the text',
    COMMENT COLUMN text 'JSON',
    COMMENT COLUMN first_seen 'the earliest start with it';
ALTER TABLE settings
    MODIFY COMMENT 'all that ever told how events are folded, beside the rules; read with FINAL',
    COMMENT COLUMN first_seen 'the earliest start with them';
ALTER TABLE migrations
    MODIFY COMMENT 'which files of schemas/clickhouse were applied',
    COMMENT COLUMN number 'of the file',
    COMMENT COLUMN name 'of the file',
    COMMENT COLUMN checksum 'SHA-256 of the file as it was applied',
    COMMENT COLUMN applied_at 'when it was applied';

CREATE OR REPLACE VIEW customers
(
    partition UInt16 COMMENT 'of the input topics',
    customer String COMMENT 'the key of the profile',
    version UInt64 COMMENT 'the first position that this row does not include',
    stream_time DateTime64(3, 'UTC') COMMENT 'the largest event time seen: as of when the features hold, windows included',
    session_index UInt32 COMMENT 'the n-th session, from 1',
    session_start DateTime64(3, 'UTC') COMMENT 'event time of the session''s first event',
    session_last DateTime64(3, 'UTC') COMMENT 'event time of the session''s latest event',
    session_events UInt32 COMMENT 'events in the session',
    session_entry_page String COMMENT 'URL of the session''s first page',
    numbers Map(LowCardinality(String), Float64) COMMENT 'features that are numbers',
    strings Map(LowCardinality(String), String) COMMENT 'features that are strings',
    lists Map(LowCardinality(String), Array(String)) COMMENT 'features that are lists',
    maps Map(LowCardinality(String), Map(String, Float64)) COMMENT 'features with a `by`: a number for each key',
    not_ready Array(LowCardinality(String)) COMMENT 'features that are yet to be computed from the events: they have no value',
    traits Map(LowCardinality(String), String) COMMENT 'traits; what is no string, as JSON',
    updated_at DateTime64(3, 'UTC') COMMENT 'when this row was inserted'
) AS SELECT
    partition, customer, version, stream_time, session_index, session_start, session_last, session_events, session_entry_page,
    numbers, strings, lists, maps, not_ready, traits, updated_at
FROM profiles FINAL
WHERE customer != '' AND NOT deleted
COMMENT 'the latest row of each customer';

CREATE OR REPLACE VIEW customer_features
(
    partition UInt16 COMMENT 'of the input topics',
    customer String COMMENT 'the key of the profile',
    stream_time DateTime64(3, 'UTC') COMMENT 'the customer''s largest event time: as of when the value holds, windows included',
    feature String COMMENT 'its name in the rules',
    kind String COMMENT 'which of the values holds: number, string (text), list, map (number, of the key in text), not_ready (none)',
    number Nullable(Float64) COMMENT 'NULL where there is none',
    text String COMMENT 'of a map, the key',
    list Array(String) COMMENT 'empty where the feature is none'
) AS SELECT
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
) AS entry
COMMENT 'the latest value of each customer''s features: one row a feature, and of a map one row a key';
