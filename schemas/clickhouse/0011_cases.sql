-- What came of each action: one row a case, written when it begins and again with every change; the latest revision holds.
CREATE TABLE IF NOT EXISTS cases
(
    action_id String COMMENT 'the id of the action',
    partition UInt16 COMMENT 'of the input topics',
    position UInt64 COMMENT 'of what changed it last: an event''s, an outcome''s; of a window that ended, as a timer''s in decisions' CODEC(Delta, ZSTD(1)),
    customer String COMMENT 'the key of the profile',
    action LowCardinality(String) COMMENT 'its name in the rules',
    treatment LowCardinality(String) COMMENT 'the form that it took in its channel; empty where the action has but one',
    channel LowCardinality(String) COMMENT 'as the rules say; empty where they do not',
    `group` LowCardinality(String) COMMENT 'of the action, as decided',
    tags Array(LowCardinality(String)) COMMENT 'of the action, as decided',
    purpose LowCardinality(String) COMMENT 'what consent is asked for; empty where none is needed',
    arm LowCardinality(String) COMMENT 'as its decision''s',
    policy LowCardinality(String) COMMENT 'content hash, see policies',
    time DateTime64(3, 'UTC') COMMENT 'of its decision' CODEC(Delta, ZSTD(1)),
    ends DateTime64(3, 'UTC') COMMENT 'what happens from then on is no goal of it' CODEC(Delta, ZSTD(1)),
    probability Float64 COMMENT 'with which it was to be shown, all gates and chance considered',
    score Float64 COMMENT 'the value that it won with',
    verdict LowCardinality(String) COMMENT 'open; positive: the goal, a conversion, or a click where the action has no goal; negative: a rejection, or the customer was reached and the window is over; not_delivered; unseen: the window is over, and nothing says that the customer was reached',
    delivered Nullable(DateTime64(3, 'UTC')) COMMENT 'the earliest report, as all times below; NULL where there is none',
    impression Nullable(DateTime64(3, 'UTC')) COMMENT 'that it was seen; a click implies it',
    click Nullable(DateTime64(3, 'UTC')) COMMENT 'that it was clicked',
    goal Nullable(DateTime64(3, 'UTC')) COMMENT 'an event met the action''s goal',
    conversion Nullable(DateTime64(3, 'UTC')) COMMENT 'the channel reports a success',
    rejection Nullable(DateTime64(3, 'UTC')) COMMENT 'the customer said no',
    failed Nullable(DateTime64(3, 'UTC')) COMMENT 'it did not reach the customer',
    failure LowCardinality(String) COMMENT 'why: not_delivered, expired, withdrawn, failure; empty where it did not fail',
    value Nullable(Float64) COMMENT 'what the success was worth; NULL where nothing says',
    revision UInt32 COMMENT 'the n-th state of the case',
    inserted_at DateTime64(3, 'UTC') DEFAULT now64(3) COMMENT 'when this row was inserted last' CODEC(Delta, ZSTD(1))
)
ENGINE = ReplacingMergeTree(revision)
PARTITION BY toYYYYMM(time)
ORDER BY (customer, time, action_id)
SETTINGS merge_selector_base = 10, min_parts_to_merge_at_once = 8
COMMENT 'every action that was published, and what came of it; read with FINAL';
