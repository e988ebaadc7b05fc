#!/usr/bin/env python3
"""Writes functions.txt beside this file: SQL expressions and what Python's own decimal, datetime,
uuid and json modules make of them, as SQLite's quote() prints it."""
import calendar
import datetime as dt
import json
import pathlib
import random
import uuid
from decimal import ROUND_HALF_UP, Decimal, localcontext

R = random.Random(20261122)
lines = []


def text(value):
    return "'" + value.replace("'", "''") + "'"


def put(expression, value):
    if value is None:
        quoted = "NULL"
    elif isinstance(value, bool):
        quoted = str(int(value))
    elif isinstance(value, int):
        quoted = str(value)
    elif isinstance(value, bytes):
        quoted = "X'" + value.hex().upper() + "'"
    else:
        quoted = text(value)
    assert "\n" not in expression and "\t" not in expression
    lines.append(f"{expression}\t{quoted}")


def plain(number):
    """Without exponent; zero without a sign."""
    shown = f"{number:f}"
    return shown[1:] if shown.startswith("-") and not number else shown


def digits(number):
    return len(str(abs(int(number.scaleb(-number.as_tuple().exponent)))))


def fits(number):
    scale = -number.as_tuple().exponent
    return scale <= 38 and abs(int(number.scaleb(scale))) < 10**38


def decimals():
    def one(longest=38):
        count = R.choice([1, 2, 5, 9, 17, 19, 28, longest])
        scale = R.randint(0, count)
        whole = "".join(R.choice("0123456789") for _ in range(count))
        sign = R.choice(["", "", "-", "+"])
        before, behind = whole[: count - scale], whole[count - scale :]
        return sign + before + ("." + behind if behind or R.random() < 0.1 else "")

    for _ in range(120):
        a, b = one(), one()
        x, y = Decimal(a), Decimal(b)
        put(f"decimal({text(a)})", plain(x))
        for name, result in [("add", x + y), ("sub", x - y), ("mul", x * y)]:
            if fits(result):
                put(f"decimal_{name}({text(a)}, {text(b)})", plain(result))
            else:
                put(f"!decimal_{name}({text(a)}, {text(b)})", "38 digits")
        put(f"decimal_cmp({text(a)}, {text(b)})", (x > y) - (x < y))
        put(f"decimal_key({text(a)}) < decimal_key({text(b)})", x < y)
        scale = R.randint(0, 38)
        quantum = Decimal(1).scaleb(-scale)
        rounded = x.quantize(quantum, ROUND_HALF_UP)
        bang = "" if fits(rounded) else "!"
        put(f"{bang}decimal_round({text(a)}, {scale})", "38 digits" if bang else plain(rounded))
        if not y:
            put(f"!decimal_div({text(a)}, {text(b)}, {scale})", "division by zero")
            continue
        # Exactly: the quotient of whole numbers and its rest, half away from zero.
        up = int(x.scaleb(38)) * 10**scale
        below = int(y.scaleb(38))
        whole, rest = divmod(abs(up), abs(below))
        whole += 2 * rest >= abs(below)
        quotient = Decimal(whole if (up < 0) == (below < 0) else -whole).scaleb(-scale)
        bang = "" if fits(quotient) else "!"
        put(f"{bang}decimal_div({text(a)}, {text(b)}, {scale})", "38 digits" if bang else plain(quotient))
    for _ in range(40):
        terms = [one(20) for _ in range(R.randint(1, 12))]
        rows = " UNION ALL ".join(f"SELECT {text(term)} AS v" for term in terms + ["0"])
        total = sum(map(Decimal, terms))
        bang = "" if fits(total) else "!"
        put(f"{bang}(SELECT decimal_sum(v) FROM ({rows}))", "38 digits" if bang else plain(total))
    # A generator of its own: what stands in the file stays.
    random_state = R.getstate()
    for _ in range(80):
        terms = [one(R.choice([3, 20, 38])) for _ in range(R.randint(1, 12))]
        scale = R.randint(0, 38)
        rows = " UNION ALL ".join(f"SELECT {text(term)} AS v" for term in terms) + " UNION ALL SELECT NULL"
        total = sum(map(Decimal, terms))
        up, below = int(abs(total).scaleb(38)) * 10**scale, len(terms) * 10**38
        whole, rest = divmod(up, below)
        whole += 2 * rest >= below
        average = Decimal(-whole if total < 0 else whole).scaleb(-scale)
        bang = "" if fits(average) else "!"
        put(f"{bang}(SELECT decimal_avg(v, {scale}) FROM ({rows}))", "38 digits" if bang else plain(average))
    R.setstate(random_state)
    for half in ["0.5", "1.5", "2.5", "-0.5", "-2.5", "0.49999999999999999999999999999999999999"]:
        put(f"decimal_round('{half}', 0)", plain(Decimal(half).quantize(Decimal(1), ROUND_HALF_UP)))


def months_later(time, months):
    month = time.year * 12 + time.month - 1 + months
    year, month = divmod(month, 12)
    if not 1 <= year <= 9999:
        return None
    day = min(time.day, calendar.monthrange(year, month + 1)[1])
    return time.replace(year=year, month=month + 1, day=day)


MONTHS = {"year": 12, "quarter": 3, "month": 1}
SECONDS = {"week": 604800, "day": 86400, "hour": 3600, "minute": 60, "second": 1}


def later(time, unit, count):
    if unit in MONTHS:
        return months_later(time, MONTHS[unit] * count)
    try:
        return time + dt.timedelta(seconds=SECONDS[unit] * count)
    except OverflowError:
        return None


def begins(time, unit):
    day = time.replace(hour=0, minute=0, second=0)
    return {
        "year": lambda: day.replace(month=1, day=1),
        "quarter": lambda: day.replace(month=(time.month - 1) // 3 * 3 + 1, day=1),
        "month": lambda: day.replace(day=1),
        "week": lambda: day - dt.timedelta(days=time.weekday()),
        "day": lambda: day,
        "hour": lambda: time.replace(minute=0, second=0),
        "minute": lambda: time.replace(second=0),
        "second": lambda: time,
    }[unit]()


def between(start, end, unit):
    if end < start:
        return -between(end, start, unit)
    if unit in SECONDS:
        return int((end - start).total_seconds()) // SECONDS[unit]
    low, high = 0, 200_000
    while low < high:
        middle = (low + high + 1) // 2
        reached = later(start, unit, middle)
        low, high = (middle, high) if reached and reached <= end else (low, middle - 1)
    return low


def dates():
    first, last = dt.datetime(2, 1, 1), dt.datetime(9998, 12, 31)
    span = int((last - first).total_seconds())
    edges = ["2024-02-29 23:59:59", "2023-12-31 23:59:59", "1900-02-28 12:00:00", "2000-02-29 00:00:00",
             "2024-01-31 08:30:00", "2100-02-28 00:00:01", "1970-01-01 00:00:00", "2024-12-30 10:00:00"]
    times = [dt.datetime.fromisoformat(edge) for edge in edges]
    times += [first + dt.timedelta(seconds=R.randrange(span)) for _ in range(40)]
    shown = lambda time: f"{time.year:04}-{time:%m-%d %H:%M:%S}"
    day = lambda time: f"{time.year:04}-{time:%m-%d}"
    for time in times:
        other = R.choice(times)
        for unit in [*MONTHS, *SECONDS]:
            t = text(shown(time))
            put(f"date_trunc('{unit}', {t})", shown(begins(time, unit)))
            count = R.choice([0, 1, -1, 5, 12, -13, R.randint(-2000, 2000)])
            result = later(time, unit, count)
            if result is not None:
                put(f"date_add('{unit}', {count}, {t})", shown(result))
            put(f"date_diff('{unit}', {t}, {text(shown(other))})", between(time, other, unit))
            if unit in MONTHS or unit in ("week", "day"):
                midnight = time.replace(hour=0, minute=0, second=0)
                result = later(midnight, unit, count)
                if result is not None:
                    put(f"date_add('{unit}', {count}, {text(day(time))})", day(result))
                put(f"date_trunc('{unit}', {text(day(time))})", day(begins(midnight, unit)))
        # SQLite's own functions.
        iso = time.isocalendar()
        put(f"strftime('%j %w %G-%V', {t})", f"{time:%j} {(time.weekday() + 1) % 7} {iso[0]:04}-{iso[1]:02}")
        put(f"unixepoch({t})", int((time - dt.datetime(1970, 1, 1)).total_seconds()))
        put(f"datetime(unixepoch({t}), 'unixepoch')", shown(time))
        days = R.randint(-400, 400)
        put(f"date({t}, '{days:+} days')", day(time + dt.timedelta(days=days)))
        put(f"date({t}, 'start of year')", day(begins(time, "year")))
        put(f"datetime({t}, 'utc')", shown(time))
        put(f"datetime({t}, 'localtime')", shown(time))
    for wrong in ["", "2023-02-29", "2024-13-01", "24-01-01", "2024-1-1", "2024-01-01 24:00:00",
                  "2024-01-01 10:00:60", "2024-01-01 10", "2024-01-01 10:00:00.", "2024-01-01 10:00+99:00",
                  "yesterday", "10000-01-01", "2024-01-01 10:00:00 x"]:
        put(f"date_trunc('day', {text(wrong)})", None)
    zoned = dt.datetime.fromisoformat("2024-03-10T01:30:15+02:00").astimezone(dt.timezone.utc)
    put("date_trunc('second', '2024-03-10T01:30:15.999+02:00')", shown(zoned))
    put("date_trunc('second', '2024-03-10 01:30Z')", "2024-03-10 01:30:00")
    put("date_add('year', 1, '9999-06-01')", None)
    put("date_add('second', 9223372036854775807, '2024-01-01')", None)


def uuids():
    for _ in range(30):
        one = uuid.UUID(int=R.getrandbits(128))
        for form in [str(one), one.hex, str(one).upper(), "{" + str(one) + "}", one.urn]:
            put(f"uuid_str({text(form)})", str(one))
            put(f"uuid_blob({text(form)})", one.bytes)
        put(f"uuid_str(X'{one.hex}')", str(one))
    for wrong in ["''", "'x'", "X'00'", "7", f"'{'0' * 33}'", f"'{'g' * 32}'"]:
        put(f"uuid_str({wrong})", None)


def document(depth):
    kind = R.choice("nbist" + ("ao" * 3 if depth else ""))
    if kind == "n":
        return None
    if kind == "b":
        return R.random() < 0.5
    if kind == "i":
        return R.randint(-(2**63), 2**63 - 1)
    if kind in "st":
        return "".join(R.choice("abz \"\\/é☃😀\u0001") for _ in range(R.randint(0, 6)))
    if kind == "a":
        return [document(depth - 1) for _ in range(R.randint(0, 4))]
    return {R.choice("abcde") + str(n): document(depth - 1) for n in range(R.randint(0, 4))}


def names(value):
    for python, name in [(bool, "true" if value else "false"), (int, "integer"), (str, "text"), (list, "array"), (dict, "object")]:
        if isinstance(value, python):
            return name
    return "null"


def sql(value):
    if isinstance(value, (list, dict)):
        return json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    return value


def walk(value, path):
    yield path, value
    parts = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else []
    for key, part in parts:
        yield from walk(part, f"{path}.{key}" if isinstance(value, dict) else f"{path}[{key}]")


def jsons():
    for _ in range(40):
        value = document(3)
        written = json.dumps(value, ensure_ascii=R.random() < 0.5)
        literal = text(written)
        put(f"json_valid({literal})", True)
        for path, part in walk(value, "$"):
            put(f"json_type({literal}, '{path}')", names(part))
            if "\\u00" in sql_text(part) or "\\u" in written:
                continue  # The text of escapes is kept as it was written.
            put(f"json_extract({literal}, '{path}')", sql(part))
            put(f"{literal} ->> '{path}'", sql(part))
            length = len(part) if isinstance(part, list) else 0
            put(f"json_array_length({literal}, '{path}')", length)
        put(f"(SELECT count(*) FROM json_tree({literal}))", len(list(walk(value, "$"))))
        size = len(value) if isinstance(value, (list, dict)) else 1
        put(f"(SELECT count(*) FROM json_each({literal}))", size)
        put(f"json_extract({literal}, '$.none[3].at')", None)
        for _ in range(3):
            at = R.randrange(len(written) + 1)
            changed = written[:at] + R.choice(["", "x", ",", "]", '"', "1"]) + written[at + 1 :]
            try:
                json.loads(changed)
                valid = True
            except ValueError:
                valid = False
            put(f"json_valid({text(changed)})", valid)


def sql_text(value):
    return json.dumps(value)


with localcontext() as context:
    context.prec = 200
    decimals()
dates()
uuids()
jsons()
pathlib.Path(__file__).with_name("functions.txt").write_text("\n".join(lines) + "\n")
