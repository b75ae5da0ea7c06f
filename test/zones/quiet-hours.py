"""Writes quiet-hours.json: around every change of clocks of 2024 to 2027 in these zones, the local days and the quiet hours of
some intervals, minute by minute from Python's zoneinfo. All times are minutes since 1970-01-01 UTC.

python3 test/zones/quiet-hours.py
"""

import json
import pathlib
from datetime import datetime, timedelta, timezone
from zoneinfo import ZoneInfo

ZONES = [
    "Europe/Berlin",
    "Europe/London",
    "America/New_York",
    "America/St_Johns",
    "America/Santiago",
    "America/Havana",
    "Africa/Cairo",
    "Africa/Casablanca",
    "Asia/Beirut",
    "Australia/Lord_Howe",
    "Pacific/Chatham",
    "Asia/Kathmandu",
]
# Local times of day, from and to: over midnight, over the hours in which clocks change, on odd minutes, an hour around noon.
INTERVALS = [["21:00", "08:00"], ["22:30", "02:30"], ["00:00", "03:00"], ["02:15", "02:45"], ["23:59", "00:01"], ["12:00", "13:00"]]
REACH = 48 * 60
START = datetime(2024, 1, 1, tzinfo=timezone.utc)
END = datetime(2028, 1, 1, tzinfo=timezone.utc)
MINUTE = timedelta(minutes=1)


def minutes(text):
    return int(text[:2]) * 60 + int(text[3:])


def changes(zone):
    """The minutes before which clocks are changed."""
    at, found = START, []
    while at < END:
        after = at + timedelta(hours=1)
        if at.astimezone(zone).utcoffset() != after.astimezone(zone).utcoffset():
            step = at
            while step.astimezone(zone).utcoffset() == (step + MINUTE).astimezone(zone).utcoffset():
                step += MINUTE
            found.append(int((step + MINUTE).timestamp()) // 60)
        at = after
    # A zone without any has a day in each year.
    return found or [int(datetime(year, 6, 1, tzinfo=timezone.utc).timestamp()) // 60 for year in range(2024, 2028)]


def spans(values):
    """The runs of equal values, as [first minute, value] where it changes."""
    runs = []
    for minute, value in values:
        if not runs or runs[-1][1] != value:
            runs.append([minute, value])
    return runs


cases = []
for name in ZONES:
    zone = ZoneInfo(name)
    for change in changes(zone):
        local = [
            (minute, datetime.fromtimestamp(minute * 60, timezone.utc).astimezone(zone))
            for minute in range(change - REACH, change + REACH)
        ]
        days = spans((minute, at.date().isoformat()) for minute, at in local)
        weeks = spans((minute, "%d-%d" % at.isocalendar()[:2]) for minute, at in local)
        quiet = []
        for begin, end in INTERVALS:
            low, high = minutes(begin), minutes(end)

            def is_quiet(at):
                clock = at.hour * 60 + at.minute
                return low <= clock < high if low < high else clock >= low or clock < high

            runs = spans((minute, is_quiet(at)) for minute, at in local)
            quiet.append({"first": runs[0][1], "turns": [minute for minute, _ in runs[1:]]})
        cases.append(
            {
                "zone": name,
                "from": change - REACH,
                "to": change + REACH,
                "days": [minute for minute, _ in days[1:]],
                "weeks": [minute for minute, _ in weeks[1:]],
                "quiet": quiet,
            }
        )

file = pathlib.Path(__file__).with_name("quiet-hours.json")
lines = ",\n".join(json.dumps(case) for case in cases)
file.write_text('{"intervals": %s,\n"cases": [\n%s\n]}\n' % (json.dumps(INTERVALS), lines))
print(f"wrote {len(cases)} cases of {len(ZONES)} zones")
