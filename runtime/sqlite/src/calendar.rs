//! Calendar arithmetic: `date_trunc`, `date_add` and `date_diff`.
//!
//! 1. A time is a text as SQLite's date functions write it: `YYYY-MM-DD`, or that with `HH:MM`, `HH:MM:SS`
//!    or `HH:MM:SS.SSS` behind a blank or a `T`, then `Z` or an offset such as `+02:00`. It is UTC;
//!    fractions of a second are dropped. The years are 0000 to 9999. `now` is none: the functions
//!    stand in indexes and CHECKs, so they depend on nothing but their arguments.
//! 2. A result has the form of the argument: a date stays a date if the unit is a day or longer.
//! 3. The 31st plus a month is the last day of a shorter month.
//! 4. A difference counts the whole units after which `date_add` does not pass the second time; it
//!    changes its sign when the times are exchanged.
//! 5. What is no time, or leaves the years, is NULL, as in SQLite's date functions.

use std::fmt;

use time::{Date, Month};

const DAY: i64 = 86_400;

/// A length on the calendar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unit {
    Months(i64),
    Seconds(i64),
}

/// A unit and where it begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Name {
    Year,
    Quarter,
    Month,
    Week,
    Day,
    Hour,
    Minute,
    Second,
}

/// The names of the units.
pub(crate) const UNITS: &str = "year, quarter, month, week, day, hour, minute, second";

fn name(unit: &str) -> Option<Name> {
    Some(match unit {
        "year" => Name::Year,
        "quarter" => Name::Quarter,
        "month" => Name::Month,
        "week" => Name::Week,
        "day" => Name::Day,
        "hour" => Name::Hour,
        "minute" => Name::Minute,
        "second" => Name::Second,
        _ => return None,
    })
}

impl Name {
    fn unit(self) -> Unit {
        match self {
            Name::Year => Unit::Months(12),
            Name::Quarter => Unit::Months(3),
            Name::Month => Unit::Months(1),
            Name::Week => Unit::Seconds(7 * DAY),
            Name::Day => Unit::Seconds(DAY),
            Name::Hour => Unit::Seconds(3_600),
            Name::Minute => Unit::Seconds(60),
            Name::Second => Unit::Seconds(1),
        }
    }
}

impl Unit {
    /// The unit of a name; `None` if there is none.
    pub(crate) fn of(unit: &str) -> Option<Unit> {
        name(unit).map(Name::unit)
    }

    fn is_whole_days(self) -> bool {
        match self {
            Unit::Months(_) => true,
            Unit::Seconds(seconds) => seconds % DAY == 0,
        }
    }
}

/// A second of the calendar, in UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Time {
    day: Date,
    second: i64,
    /// Rule 2.
    is_date: bool,
}

impl Time {
    fn new(day: Date, second: i64, is_date: bool) -> Option<Time> {
        (0..=9_999).contains(&day.year()).then_some(Time { day, second, is_date })
    }

    /// Reads a text (rule 1).
    pub(crate) fn parse(text: &str) -> Option<Time> {
        let (date, clock) = match text.split_once([' ', 'T']) {
            Some((date, clock)) => (date, Some(clock)),
            None => (text, None),
        };
        let [year, month, day] = fields(date, '-', [4, 2, 2])?;
        let month = Month::try_from(u8::try_from(month).ok()?).ok()?;
        let day =
            Date::from_calendar_date(i32::try_from(year).ok()?, month, u8::try_from(day).ok()?)
                .ok()?;
        let Some(clock) = clock else { return Time::new(day, 0, true) };
        let (clock, offset) = split_offset(clock)?;
        let (clock, fraction) = clock.split_once('.').map_or((clock, None), |(c, f)| (c, Some(f)));
        if fraction.is_some_and(|f| f.is_empty() || !f.bytes().all(|byte| byte.is_ascii_digit())) {
            return None;
        }
        let [hour, minute, second] = match clock.len() {
            5 if fraction.is_none() => {
                let [hour, minute] = fields(clock, ':', [2, 2])?;
                [hour, minute, 0]
            }
            _ => fields(clock, ':', [2, 2, 2])?,
        };
        if hour > 23 || minute > 59 || second > 59 {
            return None;
        }
        let time = Time::new(day, hour * 3_600 + minute * 60 + second, false)?;
        time.add_seconds(-offset)
    }

    fn add_seconds(self, seconds: i64) -> Option<Time> {
        let second = self.second.checked_add(seconds)?;
        let day = i64::from(self.day.to_julian_day()).checked_add(second.div_euclid(DAY))?;
        let day = Date::from_julian_day(i32::try_from(day).ok()?).ok()?;
        Time::new(day, second.rem_euclid(DAY), self.is_date)
    }

    fn add_months(self, months: i64) -> Option<Time> {
        let month = self.months().checked_add(months)?;
        let year = i32::try_from(month.div_euclid(12)).ok()?;
        let month = Month::try_from(u8::try_from(month.rem_euclid(12) + 1).ok()?).ok()?;
        let day = self.day.day().min(month.length(year));
        Time::new(Date::from_calendar_date(year, month, day).ok()?, self.second, self.is_date)
    }

    /// Months since the year 0.
    fn months(self) -> i64 {
        i64::from(self.day.year()) * 12 + i64::from(u8::from(self.day.month())) - 1
    }

    fn seconds(self) -> i64 {
        i64::from(self.day.to_julian_day()) * DAY + self.second
    }

    /// Rules 2 and 3.
    pub(crate) fn add(self, count: i64, unit: Unit) -> Option<Time> {
        let time = Time { is_date: self.is_date && unit.is_whole_days(), ..self };
        match unit {
            Unit::Months(months) => time.add_months(months.checked_mul(count)?),
            Unit::Seconds(seconds) => time.add_seconds(seconds.checked_mul(count)?),
        }
    }

    /// The beginning of the year, quarter, month, week (Monday), day, hour, minute or second.
    pub(crate) fn truncate(self, unit: &str) -> Option<Time> {
        let name = name(unit)?;
        let second = match name.unit() {
            Unit::Seconds(length) if length < DAY => self.second - self.second % length,
            _ => 0,
        };
        let month = match name {
            Name::Year => Some(Month::January),
            Name::Quarter => Month::try_from((u8::from(self.day.month()) - 1) / 3 * 3 + 1).ok(),
            Name::Month => Some(self.day.month()),
            _ => None,
        };
        let day = match (name, month) {
            (_, Some(month)) => Date::from_calendar_date(self.day.year(), month, 1).ok()?,
            (Name::Week, None) => {
                let since_monday = i32::from(self.day.weekday().number_days_from_monday());
                Date::from_julian_day(self.day.to_julian_day() - since_monday).ok()?
            }
            _ => self.day,
        };
        Time::new(day, second, self.is_date && name.unit().is_whole_days())
    }

    /// Rule 4.
    pub(crate) fn until(self, other: Time, unit: Unit) -> i64 {
        if other.seconds() < self.seconds() {
            return -other.until(self, unit);
        }
        match unit {
            Unit::Seconds(length) => (other.seconds() - self.seconds()) / length,
            Unit::Months(length) => {
                let months = other.months() - self.months();
                let passes =
                    |time: Option<Time>| time.is_none_or(|time| time.seconds() > other.seconds());
                let whole = if passes(self.add_months(months)) { months - 1 } else { months };
                whole / length
            }
        }
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = self.day.to_calendar_date();
        write!(f, "{year:04}-{:02}-{day:02}", u8::from(month))?;
        if self.is_date {
            return Ok(());
        }
        let (hour, minute) = (self.second / 3_600, self.second / 60 % 60);
        write!(f, " {hour:02}:{minute:02}:{:02}", self.second % 60)
    }
}

/// Numbers of fixed width with a mark between them.
fn fields<const N: usize>(text: &str, mark: char, widths: [usize; N]) -> Option<[i64; N]> {
    let mut parts = text.split(mark);
    let mut numbers = [0; N];
    for (number, width) in numbers.iter_mut().zip(widths) {
        let part = parts.next()?;
        if part.len() != width || !part.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        *number = part.parse().ok()?;
    }
    parts.next().is_none().then_some(numbers)
}

/// A clock and the seconds that it is ahead of UTC.
fn split_offset(clock: &str) -> Option<(&str, i64)> {
    if let Some(clock) = clock.strip_suffix('Z') {
        return Some((clock, 0));
    }
    let Some(at) = clock.find(['+', '-']) else { return Some((clock, 0)) };
    let [hours, minutes] = fields(&clock[at + 1..], ':', [2, 2])?;
    let sign = if clock[at..].starts_with('-') { -1 } else { 1 };
    (hours <= 14 && minutes <= 59).then_some((&clock[..at], sign * (hours * 3_600 + minutes * 60)))
}
