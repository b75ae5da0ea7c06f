-- A customer who was erased and came back: what the tables still have of the time before is not theirs any more.
ALTER TABLE profiles ADD COLUMN IF NOT EXISTS
    erased_before UInt64 COMMENT 'the customer was erased at the position before this one: no earlier event may count; 0 where never' AFTER state;

-- So that what was decided before an erasure can be told from what was decided after it.
ALTER TABLE decisions ADD COLUMN IF NOT EXISTS
    position UInt64 COMMENT 'the event''s; of a timer, the first one that the events of its slice do not include' AFTER offset;

ALTER TABLE actions ADD COLUMN IF NOT EXISTS
    position UInt64 COMMENT 'as its decision''s' AFTER offset;
