//! Entry points: what the generated exports call. Contracts use [`Refusal`] and [`Rest`] only.

use crate::host;
use crate::value::{AsValue, Rows, Table, ValueRef};
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use dadbs_types::Value;
use dadbs_types::value::Reader;

/// Why a call is refused; its text reaches the caller. One that comes from a failed statement also
/// carries the statement's code and text to the caller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    message: String,
    is_sql: bool,
}

impl Refusal {
    /// A refusal with its message: what was wrong, and what to do next.
    pub fn new(message: impl Into<String>) -> Refusal {
        Refusal { message: message.into(), is_sql: false }
    }

    /// The message.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// The same refusal with `place` in front of its message: where it happened.
    #[must_use]
    pub fn at(self, place: &str) -> Refusal {
        Refusal { message: format!("{place}: {}", self.message), ..self }
    }

    /// Ends the call with this refusal.
    pub(crate) fn end(&self) -> ! {
        if self.is_sql { host::abort_sql(&self.message) } else { host::abort(&self.message) }
    }
}

impl From<&str> for Refusal {
    fn from(message: &str) -> Refusal {
        Refusal::new(message)
    }
}

impl From<String> for Refusal {
    fn from(message: String) -> Refusal {
        Refusal::new(message)
    }
}

impl From<crate::sql::SqlError> for Refusal {
    fn from(error: crate::sql::SqlError) -> Refusal {
        Refusal { message: error.meaning().into(), is_sql: true }
    }
}

/// All arguments from here on.
pub type Rest<'a> = Vec<ValueRef<'a>>;

/// The arguments of a call, taken from left to right.
pub struct Arguments<'a> {
    reader: Reader<'a>,
    count: u16,
    taken: u16,
    signature: &'static str,
}

impl<'a> Arguments<'a> {
    fn new(input: &'a [u8], signature: &'static str) -> Arguments<'a> {
        let mut reader = Reader::new(input);
        match reader.u16() {
            Ok(count) => Arguments { reader, count, taken: 0, signature },
            Err(_) => host::abort("the input is not an encoded row of arguments"),
        }
    }

    /// The next argument.
    pub fn next<T: Argument<'a>>(&mut self, name: &str) -> T {
        T::take(self, name)
    }

    /// The next value; `None` if there is no more.
    fn value(&mut self) -> Option<ValueRef<'a>> {
        if self.taken == self.count {
            return None;
        }
        self.taken += 1;
        match ValueRef::read(&mut self.reader) {
            Ok(value) => Some(value),
            Err(_) => self.refuse(&format!("argument {} is malformed", self.taken)),
        }
    }

    fn refuse(&self, what: &str) -> ! {
        host::abort(&format!("{what}; the arguments are ({})", self.signature))
    }

    fn finish(&self) {
        if self.taken < self.count {
            let (taken, count) = (self.taken, self.count);
            self.refuse(&format!("{count} arguments were given, {taken} are taken"));
        }
    }
}

/// A parameter type of entry points.
pub trait Argument<'a>: Sized {
    /// Takes the argument, or ends the call with a message that names it.
    fn take(arguments: &mut Arguments<'a>, name: &str) -> Self;
}

/// A parameter type that one value carries.
pub trait FromValue<'a>: Sized {
    /// The SQL type in messages.
    const TYPE: &'static str;
    /// The argument, if the value has the right type and range.
    fn from_value(value: ValueRef<'a>) -> Option<Self>;
}

impl<'a, T: FromValue<'a>> Argument<'a> for T {
    fn take(arguments: &mut Arguments<'a>, name: &str) -> T {
        let value = arguments.value();
        let position = arguments.taken;
        match value {
            Some(value) => match T::from_value(value) {
                Some(argument) => argument,
                None => wrong(arguments, position, name, T::TYPE, value.type_name()),
            },
            None => match T::from_value(ValueRef::Null) {
                Some(argument) => argument,
                None => wrong(arguments, position + 1, name, T::TYPE, "missing"),
            },
        }
    }
}

/// One copy of the message for all types.
fn wrong(arguments: &Arguments<'_>, position: u16, name: &str, expected: &str, found: &str) -> ! {
    let what = if found == "missing" {
        format!("argument {position} `{name}` is missing, it must be {expected}")
    } else if found == expected {
        format!("argument {position} `{name}` is out of range")
    } else {
        format!("argument {position} `{name}` must be {expected}, not {found}")
    };
    arguments.refuse(&what)
}

impl<'a> Argument<'a> for Rest<'a> {
    fn take(arguments: &mut Arguments<'a>, _name: &str) -> Rest<'a> {
        core::iter::from_fn(|| arguments.value()).collect()
    }
}

macro_rules! from_value {
    ($($type:ty, $sql:literal, |$v:ident| $from:expr;)*) => {
        $(impl<'a> FromValue<'a> for $type {
            const TYPE: &'static str = $sql;
            fn from_value($v: ValueRef<'a>) -> Option<$type> { $from }
        })*
    };
}

from_value! {
    &'a str, "TEXT", |v| v.text();
    String, "TEXT", |v| v.text().map(Into::into);
    &'a [u8], "BLOB", |v| v.blob();
    Vec<u8>, "BLOB", |v| v.blob().map(Into::into);
    i64, "INTEGER", |v| v.integer();
    u32, "INTEGER", |v| u32::try_from(v.integer()?).ok();
    f64, "REAL", |v| v.real();
    bool, "INTEGER", |v| match v { ValueRef::Integer(0) => Some(false), ValueRef::Integer(1) => Some(true), _ => None };
    ValueRef<'a>, "ANY", |v| Some(v);
    Value, "ANY", |v| Some(v.to_value());
}

impl<'a, T: FromValue<'a>> FromValue<'a> for Option<T> {
    const TYPE: &'static str = T::TYPE;
    fn from_value(value: ValueRef<'a>) -> Option<Option<T>> {
        if value == ValueRef::Null { Some(None) } else { T::from_value(value).map(Some) }
    }
}

/// What an entry point returns.
pub trait Output {
    /// Writes the output, or ends the call.
    fn write(self);
}

impl Output for () {
    fn write(self) {}
}

impl Output for Table {
    fn write(self) {
        let mut rows = Rows::new();
        rows.append(&self);
        rows.write();
    }
}

impl Output for Rows {
    fn write(self) {
        host::output(self.encoded());
    }
}

impl<T: Output, E: Into<Refusal>> Output for Result<T, E> {
    fn write(self) {
        match self {
            Ok(output) => output.write(),
            Err(refusal) => refusal.into().end(),
        }
    }
}

/// One row of values.
fn write_row(row: &[ValueRef<'_>]) {
    let mut rows = Rows::new();
    rows.push(row);
    rows.write();
}

macro_rules! output_value {
    ($($type:ty),*) => { $(impl Output for $type { fn write(self) { write_row(&[self.as_value()]) } })* };
}
output_value!(i64, i32, u32, bool, f64, &str, String, Value);

macro_rules! output_tuple {
    ($($name:ident $index:tt),*) => {
        impl<$($name: AsValue),*> Output for ($($name,)*) {
            fn write(self) { write_row(&[$(self.$index.as_value()),*]) }
        }
    };
}
output_tuple!(A 0);
output_tuple!(A 0, B 1);
output_tuple!(A 0, B 1, C 2);
output_tuple!(A 0, B 1, C 2, D 3);

/// Runs an entry point: the body of every generated export.
#[doc(hidden)]
pub fn run<T: Output>(signature: &'static str, body: impl FnOnce(&mut Arguments<'static>) -> T) {
    tell_panics();
    // The call ends with the instance, so the input lives as long as anything.
    let mut arguments = Arguments::new(host::input().leak(), signature);
    body(&mut arguments).write();
}

/// Refuses arguments beyond the last parameter.
#[doc(hidden)]
pub fn finish(arguments: &Arguments<'_>) {
    arguments.finish();
}

#[cfg(all(target_arch = "wasm32", not(feature = "std")))]
#[panic_handler]
fn panic(info: &core::panic::PanicInfo<'_>) -> ! {
    host::abort(&format!("{info}"))
}

/// With `std` a panic is told by a hook, which every entry point sets first.
#[inline]
pub(crate) fn tell_panics() {
    #[cfg(all(target_arch = "wasm32", feature = "std"))]
    std::panic::set_hook(alloc::boxed::Box::new(|info| host::abort(&format!("{info}"))));
}
