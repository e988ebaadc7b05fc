//! Every host function of the table, called with pointers, lengths and bytes that mean harm.
//!
//! The module is made from the table, so a function that is added is here, too; and a function that was
//! never both accepted and refused fails the test.

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use dadbs_abi::{HOST_FUNCTIONS, HostFunction};
use dadbs_types::value::{encode_row, encode_rows};
use dadbs_types::{Code, Coin, Error, GasMeter, Result, Value, limits};
use dadbs_vm::testing::TestHost;
use dadbs_vm::{Access, Answer, Host, Schedule};
use support::{VM, contract, load, smith};

const GAS: u64 = 50_000_000;
const MEMORY_BYTES: u64 = 65_536;
/// Arguments stand at the beginning of the memory, what they may point at behind them.
const ARGUMENT_BYTES: usize = 32;

/// One entry point for each function: it puts the input into the memory and calls the function with
/// the numbers at its beginning.
fn module() -> Vec<u8> {
    let mut fields = String::new();
    for function in HOST_FUNCTIONS {
        let arguments: String = (0..function.params.len())
            .map(|at| format!("(i32.load (i32.const {}))", 4 * at))
            .collect();
        let call = format!("(call ${} {arguments})", function.name);
        let call = if function.result.is_some() { format!("(drop {call})") } else { call };
        let name = function.name;
        let _ = write!(
            fields,
            r#"(func (export "call_{name}") (call $input_read (i32.const 0)) (call $context) {call})"#
        );
    }
    contract(&fields)
}

/// Answers every function, now and then with a rejection, and counts what reaches it.
struct Open {
    inner: TestHost,
    reached: usize,
    refuses: bool,
}

impl Open {
    fn answer<T>(&mut self, value: T) -> Result<T> {
        self.reached += 1;
        if self.refuses {
            return Err(Error::rejected(Code::InsufficientFunds, "as the test wishes"));
        }
        Ok(value)
    }
}

fn check_coins(coins: &[Coin]) {
    for coin in coins {
        assert!(i64::try_from(coin.amount.0).is_ok(), "{coin:?}");
    }
}

impl Host for Open {
    fn context(&mut self, gas: &mut GasMeter) -> Result<Vec<Value>> {
        self.inner.context(gas)
    }
    fn sql_inspect(&mut self, sql: &str, gas: &mut GasMeter) -> Result<Vec<(String, String)>> {
        self.reached += 1;
        self.inner.sql_inspect(sql, gas)
    }
    fn sql_query(&mut self, sql: &str, parameters: &[Value], gas: &mut GasMeter) -> Result<Answer> {
        self.reached += 1;
        self.inner.sql_query(sql, parameters, gas)
    }
    fn sql_exec(&mut self, sql: &str, rows: &[Vec<Value>], gas: &mut GasMeter) -> Result<Answer> {
        assert!(rows.len() <= limits::SQL_RESULT_ROWS_MAX);
        self.reached += 1;
        self.inner.sql_exec(sql, rows, gas)
    }
    fn emit(&mut self, kind: &str, pairs: &[(String, String)], gas: &mut GasMeter) -> Result<()> {
        self.reached += 1;
        self.inner.emit(kind, pairs, gas)
    }
    fn log(&mut self, line: &str) {
        assert!(line.len() <= 3 * limits::WASM_LOG_BYTES_MAX, "{}", line.len());
        self.reached += 1;
    }
    fn invocation(&mut self, _: &mut GasMeter) -> Result<Vec<Value>> {
        self.reached += 1;
        Ok(vec!["dadbs1origin".into(), 1i64.into()])
    }
    fn call(
        &mut self,
        _: &str,
        _: &str,
        _: &[u8],
        coins: &[Coin],
        _: &mut GasMeter,
    ) -> Result<Vec<u8>> {
        check_coins(coins);
        self.answer(vec![1, 2, 3])
    }
    fn view(&mut self, _: &str, _: &str, _: &[u8], _: &mut GasMeter) -> Result<Vec<u8>> {
        self.answer(vec![1, 2, 3])
    }
    fn transfer(&mut self, _: &str, coins: &[Coin], _: &mut GasMeter) -> Result<()> {
        check_coins(coins);
        self.answer(())
    }
    fn balance(&mut self, _: &str, _: &str, _: &mut GasMeter) -> Result<i64> {
        self.answer(i64::MIN)
    }
    fn row_access(&mut self, _: bool) -> Result<()> {
        self.reached += 1;
        Ok(())
    }
    fn schedule(&mut self, schedule: &Schedule<'_>, _: &mut GasMeter) -> Result<i64> {
        assert!(schedule.arguments.len() <= limits::WASM_HOST_BYTES_MAX);
        self.answer(7)
    }
    fn cancel(&mut self, _: i64, _: &mut GasMeter) -> Result<()> {
        self.answer(())
    }
}

/// Numbers from a seed.
struct Random(Vec<u8>, usize);

impl Random {
    fn new(seed: u64) -> Random {
        Random(smith::bytes(seed, 4_096), 0)
    }

    fn next(&mut self) -> u32 {
        self.1 = (self.1 + 4) % self.0.len();
        u32::from_le_bytes(*self.0[self.1..].first_chunk().unwrap())
    }

    fn below(&mut self, bound: usize) -> usize {
        self.next() as usize % bound
    }

    fn pick<T: Copy>(&mut self, items: &[T]) -> T {
        items[self.below(items.len())]
    }
}

/// Bytes that functions take, whole and spoiled.
fn items(random: &mut Random) -> Vec<Vec<u8>> {
    let coins = |amount: i64| encode_row(&["udadb".into(), amount.into()]);
    let when = |gas: i64| encode_row(&["height".into(), 9i64.into(), 0i64.into(), gas.into()]);
    let mut items = vec![
        b"SELECT 1".to_vec(),
        "dadbs1\u{e9}".as_bytes().to_vec(),
        Vec::new(),
        coins(5),
        coins(-5),
        coins(i64::MAX),
        when(100_000),
        when(-1),
        encode_row(&[1i64.into()]),
        encode_row(&["kind".into(), "key".into(), "value".into()]),
        encode_row(&[Value::Blob(vec![0; 300])]),
        encode_rows(&[[Value::Integer(1)], [Value::Null]]),
        vec![0xff; 9],
    ];
    for at in 0..items.len() {
        let mut spoiled = items[at].clone();
        if !spoiled.is_empty() {
            let byte = random.below(spoiled.len());
            spoiled[byte] ^= 1 << random.below(8);
            spoiled.truncate(spoiled.len() - random.below(2));
        }
        items.push(spoiled);
    }
    items
}

/// An input, and whether a pair of its arguments lies outside of the memory.
fn attack(function: &HostFunction, random: &mut Random) -> (Vec<u8>, bool) {
    let mut image = vec![0; ARGUMENT_BYTES];
    let mut places: Vec<(u32, u32)> = Vec::new();
    for item in items(random) {
        places.push((u32::try_from(image.len()).unwrap(), u32::try_from(item.len()).unwrap()));
        image.extend(item);
    }
    let edges = [0, 1, 2, 7, 65_535, 65_536, 65_537, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff];
    let mut outside = false;
    for pair in 0..function.params.len().div_ceil(2) {
        let (pointer, len) = match random.below(10) {
            0..7 => random.pick(&places),
            7 => (random.pick(&edges), random.pick(&edges)),
            8 => (random.next(), random.next() % 70_000),
            _ => (random.next() % 65_536, random.next() % 2_000),
        };
        image[8 * pair..8 * pair + 4].copy_from_slice(&pointer.to_le_bytes());
        if 2 * pair + 1 < function.params.len() {
            image[8 * pair + 4..8 * pair + 8].copy_from_slice(&len.to_le_bytes());
            outside |= u64::from(pointer) + u64::from(len) > MEMORY_BYTES;
        }
    }
    (image, outside)
}

#[test]
fn every_function_withstands_hostile_arguments() {
    let code = load(&VM, &module());
    let mut accepted = BTreeMap::new();
    let mut refused: BTreeMap<&str, BTreeSet<Code>> = BTreeMap::new();
    for (number, function) in (0u64..).zip(HOST_FUNCTIONS) {
        for round in 0..600 {
            let mut random = Random::new(number * 1_000_000 + round);
            let (input, outside) = attack(function, &mut random);
            let refuses = random.below(4) == 0;
            let run = |access| {
                let mut host = Open { inner: TestHost::new(), reached: 0, refuses };
                host.inner.context = vec![Value::Integer(7), "row".into()];
                let mut gas = GasMeter::new(GAS);
                let entry = format!("call_{}", function.name);
                let result = VM.call(&code, &entry, &input, &mut host, &mut gas, access);
                (result, gas.used(), host.reached)
            };
            let (result, gas, reached) = run(Access::Write);
            let name = function.name;
            assert_eq!(run(Access::Write), (result.clone(), gas, reached), "{name}, round {round}");
            assert!(gas >= function.gas_base && gas <= GAS, "{name}, round {round}: {gas}");
            match &result {
                Ok(_) => *accepted.entry(name).or_insert(0) += 1,
                Err(Error::Rejected(why)) => {
                    refused.entry(name).or_default().insert(why.code);
                }
                Err(Error::Fatal(fatal)) => panic!("{name}, round {round}: {fatal:?}"),
            }
            if outside {
                assert!(result.is_err(), "{name}, round {round}: outside the memory");
                assert_eq!(reached, 0, "{name}, round {round}: the host saw what is outside");
            }
            if function.writes {
                let (result, _, reached) = run(Access::Read);
                let Err(Error::Rejected(why)) = result else { panic!("{name}: {result:?}") };
                assert_eq!((why.code, reached), (Code::WasmReadOnly, 0), "{name}");
            }
        }
    }
    for function in HOST_FUNCTIONS {
        let name = function.name;
        let refused = refused.get(name).cloned().unwrap_or_default();
        if name.starts_with("abort") {
            assert!(refused.contains(&Code::WasmAbort), "{name}");
        } else {
            assert!(
                accepted.get(name).is_some_and(|count| *count > 3),
                "{name} was never accepted"
            );
        }
        if function.params.len() > 1 || name.ends_with("_read") {
            assert!(refused.contains(&Code::WasmMemory), "{name}: {refused:?}");
        } else if name == "row_access" {
            assert!(refused.contains(&Code::WasmHost), "{name}");
        }
    }
}
