-- Timers: what did not happen brings about an action as well.
ALTER TABLE profiles
    ADD COLUMN IF NOT EXISTS next_due DateTime64(3, 'UTC') COMMENT 'when the first of its timers is due; 1970 where none runs' AFTER traits;

ALTER TABLE decisions
    COMMENT COLUMN offset 'the event''s; of a timer, the first offset that its slice does not include';

ALTER TABLE actions
    ADD COLUMN IF NOT EXISTS trigger LowCardinality(String) COMMENT 'empty for an event, else the timer that fired' AFTER policy,
    COMMENT COLUMN topic 'of the event that caused it, as partition and offset; of a timer, where its partition was',
    COMMENT COLUMN event_id 'empty for an action of a timer, as the type';
