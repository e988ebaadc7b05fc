//! The host side of `dadbs_1`: what a contract's imports do.
//!
//! 1. At entry the gas that the instance has used is charged to the meter; at exit the instance gets
//!    what is left. A call with too little gas for its base price does nothing.
//! 2. Bytes that cross are charged by the table, in both directions, before they are copied where their
//!    number is known.
//! 3. A pointer and length outside the memory end the call with `WasmMemory`; nothing is read or
//!    written.
//! 4. Rejections of codespace `sql` become statuses and empty the result slot; their text goes to the
//!    log, and behind the message of an `abort` that follows, never to the contract. `abort_sql` ends the
//!    call with such a rejection itself, so that clients see its code. Every other rejection ends the
//!    call.
//! 5. A function that writes ends a call with read access as `WasmReadOnly`.
//! 6. The logical stack that is left is told to the host before each function, so that a call inside
//!    this one shares it.
//! 7. The result slot holds what the last call left there; reading does not empty it.

use crate::engine::Request;
use dadbs_abi::{HOST_FUNCTIONS, HostFunction, MODULE};
use dadbs_types::gas::price;
use dadbs_types::value::{decode_row, decode_rows, encode_row, encode_row_into, encode_rows};
use dadbs_types::{Code, Coin, Error, Fatal, GasMeter, Rejection, Result, Value, limits};
use wasmtime::{Caller, Engine, Global, Linker, Memory, Val};

/// What a statement answered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answer {
    /// Rows returned by a query, rows changed by a statement.
    pub number: u32,
    /// What goes to the result slot; empty, or as [`Answer::encode`] writes it.
    pub result: Vec<u8>,
}

impl Answer {
    /// The encoding of a result: one row of column names, then the rows, one behind the other.
    pub fn encode(columns: &[&str], rows: &[Vec<Value>]) -> Vec<u8> {
        let names: Vec<Value> = columns.iter().map(|name| Value::from(*name)).collect();
        let mut out = encode_row(&names);
        for row in rows {
            encode_row_into(row, &mut out);
        }
        out
    }
}

/// What the VM asks of the chain for one contract call. Gas of the crossing itself is already charged;
/// an implementation charges its own work.
pub trait Host {
    /// The facts of the call: height, block time in ms, chain id, tx hash, caller address, contract name,
    /// contract address.
    fn context(&mut self, gas: &mut GasMeter) -> Result<Vec<Value>>;

    /// What a statement reads and writes: (verb, table) pairs.
    fn sql_inspect(&mut self, sql: &str, gas: &mut GasMeter) -> Result<Vec<(String, String)>>;

    /// Runs a SELECT with parameters.
    fn sql_query(&mut self, sql: &str, parameters: &[Value], gas: &mut GasMeter) -> Result<Answer>;

    /// Runs a statement once for each row of parameters, once without any if there are none; all or
    /// nothing.
    fn sql_exec(&mut self, sql: &str, rows: &[Vec<Value>], gas: &mut GasMeter) -> Result<Answer>;

    /// Adds an event of a type with keys and values.
    fn emit(
        &mut self,
        kind: &str,
        attributes: &[(String, String)],
        gas: &mut GasMeter,
    ) -> Result<()>;

    /// Takes a line for the node's log.
    fn log(&mut self, line: &str);

    /// What is left of the logical stack, for calls inside this one.
    fn stack(&mut self, _left: Stack) {}

    /// The facts of the call that [`Host::context`] lacks: origin, row access, coins.
    fn invocation(&mut self, _: &mut GasMeter) -> Result<Vec<Value>> {
        Err(not_here("invocation"))
    }

    /// Runs `call_<entry>` of another contract and gives its output.
    fn call(
        &mut self,
        _name: &str,
        _entry: &str,
        _arguments: &[u8],
        _coins: &[Coin],
        _: &mut GasMeter,
    ) -> Result<Vec<u8>> {
        Err(not_here("call"))
    }

    /// Runs `view_<entry>` of another contract and gives its output.
    fn view(
        &mut self,
        _name: &str,
        _entry: &str,
        _arguments: &[u8],
        _: &mut GasMeter,
    ) -> Result<Vec<u8>> {
        Err(not_here("view"))
    }

    /// Sends coins of the contract.
    fn transfer(&mut self, _to: &str, _coins: &[Coin], _: &mut GasMeter) -> Result<()> {
        Err(not_here("transfer"))
    }

    /// What an address holds of a denomination.
    fn balance(&mut self, _address: &str, _denom: &str, _: &mut GasMeter) -> Result<i64> {
        Err(not_here("balance"))
    }

    /// Switches row access for the statements that follow.
    fn row_access(&mut self, _on: bool) -> Result<()> {
        Err(not_here("row_access"))
    }

    /// Asks for a scheduled call; gives its number.
    fn schedule(&mut self, _schedule: &Schedule<'_>, _: &mut GasMeter) -> Result<i64> {
        Err(not_here("schedule"))
    }

    /// Ends a schedule.
    fn cancel(&mut self, _number: i64, _: &mut GasMeter) -> Result<()> {
        Err(not_here("cancel"))
    }
}

/// For hosts without other contracts around them.
fn not_here(function: &str) -> Error {
    Error::rejected(Code::WasmHost, format!("`{function}` is not offered by this host"))
}

/// What a contract asks for with `schedule`; nothing is checked yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Schedule<'a> {
    /// The entry point without its prefix.
    pub entry: &'a str,
    /// One encoded row.
    pub arguments: &'a [u8],
    /// `height` or `time`.
    pub clock: &'a str,
    /// The first height, or block time in milliseconds since 1970.
    pub due: i64,
    /// Blocks or milliseconds between two calls; 0 for one call.
    pub every: i64,
    /// The gas of one call.
    pub gas: i64,
}

/// Logical stack that calls inside each other share, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stack(pub(crate) u32);

impl Stack {
    /// All of it.
    pub const FULL: Stack = Stack(limits::WASM_STACK_BYTES_MAX);
}

/// Whether a call may write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Everything.
    Write,
    /// Only what the table of host functions says reads.
    Read,
}

/// Exports of the instance that host calls use.
#[derive(Clone, Copy)]
pub(crate) struct Handles {
    pub(crate) memory: Memory,
    pub(crate) gas: Global,
    pub(crate) stack: Global,
}

/// The state of one call.
pub(crate) struct CallState {
    /// See the SAFETY comment of `engine::call`, which makes it.
    pub(crate) host: &'static mut dyn Host,
    pub(crate) gas: GasMeter,
    /// What the instance's gas was when meter and instance last agreed.
    pub(crate) agreed: u64,
    pub(crate) access: Access,
    pub(crate) input: Vec<u8>,
    pub(crate) output: Vec<u8>,
    pub(crate) result: Vec<u8>,
    /// Why a host call ended the call.
    pub(crate) failure: Option<Error>,
    /// The last rejection that became a status (rule 4).
    pub(crate) last_sql: Option<Rejection>,
    pub(crate) handles: Option<Handles>,
    pub(crate) growth: Growth,
    /// The logical stack that the instance starts with.
    pub(crate) stack: Stack,
}

/// The limiter of the instance's memory.
#[derive(Default)]
pub(crate) struct Growth {
    /// True while growth beyond the memory's own maximum is being refused.
    pub(crate) refused: bool,
}

impl CallState {
    pub(crate) fn new(
        host: &'static mut dyn Host,
        gas: GasMeter,
        request: &Request<'_>,
    ) -> CallState {
        CallState {
            host,
            gas,
            agreed: 0,
            access: request.access,
            input: request.input.to_vec(),
            output: Vec::new(),
            result: Vec::new(),
            failure: None,
            last_sql: None,
            handles: None,
            growth: Growth::default(),
            stack: request.stack,
        }
    }

    /// Charges what the instance used (rule 1); negative means more than there was.
    pub(crate) fn take_gas(&mut self, left: i64) -> Result<()> {
        let used = u64::try_from(left).map_or(u64::MAX, |left| self.agreed.saturating_sub(left));
        self.gas.charge(used)?;
        self.agreed = self.agreed.saturating_sub(used);
        Ok(())
    }

    /// What the instance gets.
    pub(crate) fn give_gas(&mut self) -> i64 {
        let left = i64::try_from(self.gas.remaining()).unwrap_or(i64::MAX);
        self.agreed = left.unsigned_abs();
        left
    }
}

/// One call of a host function.
pub(crate) struct HostCall<'a> {
    function: &'static HostFunction,
    pub(crate) memory: &'a mut [u8],
    pub(crate) state: &'a mut CallState,
}

/// Runs the body of a host function between the two settlements of gas (rule 1).
fn run<R>(
    mut caller: Caller<'_, CallState>,
    function: &'static HostFunction,
    body: impl FnOnce(&mut HostCall<'_>) -> Result<R>,
) -> wasmtime::Result<R> {
    let Some(handles) = caller.data().handles else {
        return Err(wasmtime::Error::msg("a host call before the instance was ready"));
    };
    let left = handles.gas.get(&mut caller).i64().unwrap_or(-1);
    let stack = handles.stack.get(&mut caller).i32().unwrap_or(0);
    let (memory, state) = handles.memory.data_and_store_mut(&mut caller);
    state.host.stack(Stack(u32::try_from(stack).unwrap_or(0)));
    let outcome = enter(function, memory, state, left, body);
    match outcome {
        Ok(value) => {
            let left = state.give_gas();
            handles.gas.set(&mut caller, Val::I64(left))?;
            Ok(value)
        }
        Err(error) => {
            state.failure = Some(error);
            Err(wasmtime::Error::msg("a host call ended the contract"))
        }
    }
}

fn enter<R>(
    function: &'static HostFunction,
    memory: &mut [u8],
    state: &mut CallState,
    left: i64,
    body: impl FnOnce(&mut HostCall<'_>) -> Result<R>,
) -> Result<R> {
    state.take_gas(left)?;
    state.gas.charge(function.gas_base)?;
    if function.writes && state.access == Access::Read {
        let text = format!("`{}` in a view: views only read", function.name);
        return Err(Error::rejected(Code::WasmReadOnly, text));
    }
    body(&mut HostCall { function, memory, state })
}

impl HostCall<'_> {
    fn charge_bytes(&mut self, bytes: usize) -> Result<()> {
        Ok(self.state.gas.charge_times(self.function.gas_byte, bytes as u64)?)
    }

    pub(crate) fn host(&self, what: impl core::fmt::Display) -> Error {
        Error::rejected(Code::WasmHost, format!("`{}`: {what}", self.function.name))
    }

    fn outside(&self, pointer: u32, len: usize) -> Error {
        let text = format!(
            "`{}`: {len} bytes at {pointer} are not inside the memory of {} bytes",
            self.function.name,
            self.memory.len()
        );
        Error::rejected(Code::WasmMemory, text)
    }

    /// Checks a pair (rule 3) and charges its bytes.
    fn take(&mut self, (pointer, len): (i32, i32)) -> Result<core::ops::Range<usize>> {
        let (pointer, len) = (pointer.cast_unsigned(), len.cast_unsigned() as usize);
        let start = pointer as usize;
        let end = start.checked_add(len).filter(|end| *end <= self.memory.len());
        let end = end.ok_or_else(|| self.outside(pointer, len))?;
        self.charge_bytes(len)?;
        Ok(start..end)
    }

    /// As [`HostCall::take`], for what a host call reads: limited.
    pub(crate) fn read(&mut self, pair: (i32, i32)) -> Result<core::ops::Range<usize>> {
        let range = self.take(pair)?;
        if range.len() > limits::WASM_HOST_BYTES_MAX {
            let max = limits::WASM_HOST_BYTES_MAX;
            return Err(self.host(format!("{} bytes; WASM_HOST_BYTES_MAX is {max}", range.len())));
        }
        Ok(range)
    }

    /// Copies to the contract.
    fn give(&mut self, pointer: i32, from: fn(&CallState) -> &[u8]) -> Result<()> {
        let len = from(self.state).len();
        let len_i32 = self.number(len)?;
        let range = self.take((pointer, len_i32))?;
        self.memory[range].copy_from_slice(from(self.state));
        Ok(())
    }

    fn number(&self, number: impl TryInto<i32>) -> Result<i32> {
        number.try_into().map_err(|_| self.host("more than 2,147,483,647"))
    }

    pub(crate) fn text(&self, range: core::ops::Range<usize>) -> Result<&str> {
        core::str::from_utf8(&self.memory[range]).map_err(|_| self.host("the text is not UTF-8"))
    }

    fn cut(&mut self, pair: (i32, i32)) -> Result<String> {
        let range = self.take(pair)?;
        let end = range.end.min(range.start + limits::WASM_LOG_BYTES_MAX);
        Ok(String::from_utf8_lossy(&self.memory[range.start..end]).into_owned())
    }

    fn output_write(&mut self, pair: (i32, i32)) -> Result<()> {
        let range = self.take(pair)?;
        if range.len() > limits::WASM_OUTPUT_BYTES_MAX {
            let max = limits::WASM_OUTPUT_BYTES_MAX;
            return Err(self.host(format!("{} bytes; WASM_OUTPUT_BYTES_MAX is {max}", range.len())));
        }
        self.state.output.clear();
        self.state.output.extend_from_slice(&self.memory[range]);
        Ok(())
    }

    fn abort(&mut self, pair: (i32, i32)) -> Result<()> {
        let said = self.cut(pair)?;
        let mut text = said.clone();
        if let Some(sql) = &self.state.last_sql {
            text = format!("{text} (the last statement that failed: {})", sql.message);
        }
        Err(Rejection::new(Code::WasmAbort, text).saying(said).into())
    }

    fn abort_sql(&mut self, pair: (i32, i32)) -> Result<()> {
        let text = self.cut(pair)?;
        Err(match &self.state.last_sql {
            Some(sql) => {
                // What a rule said belongs to the text that all nodes agree on.
                let said = match &sql.said {
                    Some(rule) if text.is_empty() => rule.clone(),
                    Some(rule) => format!("{text}: {rule}"),
                    None => text.clone(),
                };
                Rejection::new(sql.code, format!("{text}: {}", sql.message)).saying(said)
            }
            None => Rejection::new(Code::WasmAbort, text.clone()).saying(text),
        }
        .into())
    }

    fn log(&mut self, pair: (i32, i32)) -> Result<()> {
        let line = self.cut(pair)?;
        self.state.host.log(&line);
        Ok(())
    }

    fn context(&mut self) -> Result<()> {
        let row = self.state.host.context(&mut self.state.gas)?;
        self.leave(encode_row(&row))
    }

    /// Puts bytes into the result slot.
    pub(crate) fn leave(&mut self, bytes: Vec<u8>) -> Result<()> {
        self.charge_bytes(bytes.len())?;
        self.state.result = bytes;
        Ok(())
    }

    /// Rule 4.
    fn status(&mut self, outcome: Result<Answer>) -> Result<i32> {
        match outcome {
            Ok(answer) => {
                let number = self.number(answer.number)?;
                self.leave(answer.result)?;
                Ok(number)
            }
            Err(Error::Rejected(rejection)) if rejection.code.codespace() == "sql" => {
                let number = self.number(rejection.code.number())?;
                self.state.result = Vec::new();
                self.state.last_sql = Some(rejection);
                Ok(-number)
            }
            Err(other) => Err(other),
        }
    }

    fn sql_inspect(&mut self, sql: (i32, i32)) -> Result<i32> {
        let sql = self.read(sql)?;
        let sql = self.text(sql)?.to_owned();
        let outcome = self.state.host.sql_inspect(&sql, &mut self.state.gas).map(|accesses| {
            let rows: Vec<[Value; 2]> =
                accesses.into_iter().map(|(verb, table)| [verb.into(), table.into()]).collect();
            let number = u32::try_from(rows.len()).unwrap_or(u32::MAX);
            Answer { number, result: encode_rows(&rows) }
        });
        self.status(outcome)
    }

    fn sql_query(&mut self, sql: (i32, i32), parameters: (i32, i32)) -> Result<i32> {
        let (sql, parameters) = (self.read(sql)?, self.read(parameters)?);
        // No bytes are no parameters.
        let parameters = match &self.memory[parameters] {
            [] => Vec::new(),
            bytes => {
                decode_row(bytes).map_err(|error| self.host(format!("parameters: {error}")))?
            }
        };
        let sql = self.text(sql)?.to_owned();
        let outcome = self.state.host.sql_query(&sql, &parameters, &mut self.state.gas);
        self.status(outcome)
    }

    fn sql_exec(&mut self, sql: (i32, i32), rows: (i32, i32)) -> Result<i32> {
        let (sql, rows) = (self.read(sql)?, self.read(rows)?);
        let rows = match &self.memory[rows.clone()] {
            [] => Vec::new(),
            bytes => {
                // The count stands in front; more rows than that are not decoded.
                let count = bytes.first_chunk().map_or(0, |count| u32::from_le_bytes(*count));
                let max = u32::try_from(limits::SQL_RESULT_ROWS_MAX).unwrap_or(u32::MAX);
                self.state.gas.charge_times(price::WASM_ROW, u64::from(count.min(max)))?;
                decode_rows(&self.memory[rows], limits::SQL_RESULT_ROWS_MAX)
                    .map_err(|error| self.host(format!("rows of parameters: {error}")))?
            }
        };
        let sql = self.text(sql)?.to_owned();
        let outcome = self.state.host.sql_exec(&sql, &rows, &mut self.state.gas);
        self.status(outcome)
    }

    fn emit(&mut self, pair: (i32, i32)) -> Result<()> {
        let range = self.take(pair)?;
        if range.len() > limits::WASM_EVENT_BYTES_MAX {
            let max = limits::WASM_EVENT_BYTES_MAX;
            return Err(self.host(format!("{} bytes; WASM_EVENT_BYTES_MAX is {max}", range.len())));
        }
        let row = decode_row(&self.memory[range]).map_err(|error| self.host(error))?;
        let mut texts = Vec::with_capacity(row.len());
        for value in row {
            let Value::Text(text) = value else {
                return Err(self.host("an event is a row of texts"));
            };
            texts.push(text);
        }
        if texts.len() % 2 != 1 {
            return Err(self.host("an event is a type and then pairs of key and value"));
        }
        let mut texts = texts.into_iter();
        let kind = texts.next().unwrap_or_default();
        let mut attributes = Vec::new();
        while let (Some(key), Some(value)) = (texts.next(), texts.next()) {
            attributes.push((key, value));
        }
        self.state.host.emit(&kind, &attributes, &mut self.state.gas)
    }
}

/// A linker with every host function.
pub(crate) fn linker(engine: &Engine) -> Result<Linker<CallState>, Fatal> {
    let mut linker = Linker::new(engine);
    for function in HOST_FUNCTIONS {
        define(&mut linker, function)
            .map_err(|error| Fatal::new(format!("host function {}: {error:#}", function.name)))?;
    }
    Ok(linker)
}

type Call<'a> = Caller<'a, CallState>;

// A method's path is not general enough in the lifetime of its argument; the closure is.
#[expect(clippy::redundant_closure_for_method_calls)]
fn define(linker: &mut Linker<CallState>, f: &'static HostFunction) -> wasmtime::Result<()> {
    match f.name {
        "input_len" => linker.func_wrap(MODULE, f.name, move |caller: Call<'_>| {
            run(caller, f, |call| call.number(call.state.input.len()))
        }),
        "input_read" => linker.func_wrap(MODULE, f.name, move |caller: Call<'_>, pointer: i32| {
            run(caller, f, |call| call.give(pointer, |state| &state.input))
        }),
        "result_len" => linker.func_wrap(MODULE, f.name, move |caller: Call<'_>| {
            run(caller, f, |call| call.number(call.state.result.len()))
        }),
        "result_read" => linker.func_wrap(MODULE, f.name, move |caller: Call<'_>, pointer: i32| {
            run(caller, f, |call| call.give(pointer, |state| &state.result))
        }),
        "output_write" => {
            linker.func_wrap(MODULE, f.name, move |caller: Call<'_>, p: i32, n: i32| {
                run(caller, f, |call| call.output_write((p, n)))
            })
        }
        "abort" => linker.func_wrap(MODULE, f.name, move |caller: Call<'_>, p: i32, n: i32| {
            run(caller, f, |call| call.abort((p, n)))
        }),
        "abort_sql" => linker.func_wrap(MODULE, f.name, move |caller: Call<'_>, p: i32, n: i32| {
            run(caller, f, |call| call.abort_sql((p, n)))
        }),
        "log" => linker.func_wrap(MODULE, f.name, move |caller: Call<'_>, p: i32, n: i32| {
            run(caller, f, |call| call.log((p, n)))
        }),
        "context" => linker.func_wrap(MODULE, f.name, move |caller: Call<'_>| {
            run(caller, f, |call| call.context())
        }),
        "sql_inspect" => {
            linker.func_wrap(MODULE, f.name, move |caller: Call<'_>, p: i32, n: i32| {
                run(caller, f, |call| call.sql_inspect((p, n)))
            })
        }
        "sql_query" => linker.func_wrap(
            MODULE,
            f.name,
            move |caller: Call<'_>, p: i32, n: i32, q: i32, m: i32| {
                run(caller, f, |call| call.sql_query((p, n), (q, m)))
            },
        ),
        "sql_exec" => linker.func_wrap(
            MODULE,
            f.name,
            move |caller: Call<'_>, p: i32, n: i32, q: i32, m: i32| {
                run(caller, f, |call| call.sql_exec((p, n), (q, m)))
            },
        ),
        "emit" => linker.func_wrap(MODULE, f.name, move |caller: Call<'_>, p: i32, n: i32| {
            run(caller, f, |call| call.emit((p, n)))
        }),
        "invocation" => linker.func_wrap(MODULE, f.name, move |caller: Call<'_>| {
            run(caller, f, |call| call.invocation())
        }),
        "gas_used" => linker.func_wrap(MODULE, f.name, move |caller: Call<'_>| {
            run(caller, f, |call| call.gas_used())
        }),
        "row_access" => linker.func_wrap(MODULE, f.name, move |caller: Call<'_>, on: i32| {
            run(caller, f, |call| call.row_access(on))
        }),
        "cancel" => linker.func_wrap(MODULE, f.name, move |caller: Call<'_>, p: i32, n: i32| {
            run(caller, f, |call| call.cancel((p, n)))
        }),
        _ => return define_between(linker, f),
    }?;
    Ok(())
}

/// The functions with more than one pair that reach beyond the contract.
fn define_between(
    linker: &mut Linker<CallState>,
    f: &'static HostFunction,
) -> wasmtime::Result<()> {
    match f.name {
        "transfer" => linker.func_wrap(
            MODULE,
            f.name,
            move |caller: Call<'_>, p: i32, n: i32, q: i32, m: i32| {
                run(caller, f, |call| call.transfer((p, n), (q, m)))
            },
        ),
        "balance" => linker.func_wrap(
            MODULE,
            f.name,
            move |caller: Call<'_>, p: i32, n: i32, q: i32, m: i32| {
                run(caller, f, |call| call.balance((p, n), (q, m)))
            },
        ),
        "view" => linker.func_wrap(
            MODULE,
            f.name,
            move |caller: Call<'_>, p: i32, n: i32, q: i32, m: i32, r: i32, o: i32| {
                run(caller, f, |call| call.view((p, n), (q, m), (r, o)))
            },
        ),
        "schedule" => linker.func_wrap(
            MODULE,
            f.name,
            move |caller: Call<'_>, p: i32, n: i32, q: i32, m: i32, r: i32, o: i32| {
                run(caller, f, |call| call.schedule((p, n), (q, m), (r, o)))
            },
        ),
        "call" => linker.func_wrap(
            MODULE,
            f.name,
            move |caller: Call<'_>,
                  p: i32,
                  n: i32,
                  q: i32,
                  m: i32,
                  r: i32,
                  o: i32,
                  s: i32,
                  t: i32| {
                run(caller, f, |call| call.call((p, n), (q, m), (r, o), (s, t)))
            },
        ),
        unknown => {
            return Err(wasmtime::Error::msg(format!("{unknown} is in the table but has no code")));
        }
    }?;
    Ok(())
}
