//! Host functions that reach other contracts, coins and schedules.
//!
//! 1. A failure becomes [`status::FAILED`] and the row (codespace, number, text) in the result slot, where
//!    the text is what all nodes agree on. Out of gas, and faults, end the call.
//! 2. Coins are one row of denominations and amounts by turns; no bytes are no coins.

use dadbs_abi::status;
use dadbs_types::value::{decode_row, encode_row};
use dadbs_types::{Amount, Code, Coin, Error, Result, Value};

use crate::host::{HostCall, Schedule};

/// Pointer and length.
type Pair = (i32, i32);

impl HostCall<'_> {
    /// Rule 1.
    fn outcome(&mut self, outcome: Result<Vec<u8>>) -> Result<i32> {
        match outcome {
            Ok(output) => {
                self.leave(output)?;
                Ok(0)
            }
            Err(Error::Rejected(rejection)) if rejection.code != Code::OutOfGas => {
                let row: [Value; 3] = [
                    rejection.code.codespace().into(),
                    rejection.code.number().into(),
                    rejection.agreed_text().into(),
                ];
                self.leave(encode_row(&row))?;
                Ok(status::FAILED)
            }
            Err(other) => Err(other),
        }
    }

    fn owned_text(&mut self, pair: Pair) -> Result<String> {
        let range = self.read(pair)?;
        Ok(self.text(range)?.to_owned())
    }

    fn owned_bytes(&mut self, pair: Pair) -> Result<Vec<u8>> {
        let range = self.read(pair)?;
        Ok(self.memory[range].to_vec())
    }

    /// Rule 2.
    fn coins(&mut self, pair: Pair) -> Result<Vec<Coin>> {
        let bytes = self.owned_bytes(pair)?;
        if bytes.is_empty() {
            return Ok(Vec::new());
        }
        let row = decode_row(&bytes).map_err(|error| self.host(format!("coins: {error}")))?;
        let coin = |pair: &[Value]| match pair {
            [Value::Text(denom), Value::Integer(amount)] => u128::try_from(*amount)
                .ok()
                .map(|amount| Coin { denom: denom.clone(), amount: Amount(amount) }),
            _ => None,
        };
        row.chunks(2).map(coin).collect::<Option<_>>().ok_or_else(|| {
            self.host("coins are a row of denominations (TEXT) and amounts (INTEGER) by turns")
        })
    }

    pub(crate) fn invocation(&mut self) -> Result<()> {
        let row = self.state.host.invocation(&mut self.state.gas)?;
        self.leave(encode_row(&row))
    }

    pub(crate) fn call(&mut self, name: Pair, entry: Pair, args: Pair, coins: Pair) -> Result<i32> {
        let (name, entry) = (self.owned_text(name)?, self.owned_text(entry)?);
        let (args, coins) = (self.owned_bytes(args)?, self.coins(coins)?);
        let outcome = self.state.host.call(&name, &entry, &args, &coins, &mut self.state.gas);
        self.outcome(outcome)
    }

    pub(crate) fn view(&mut self, name: Pair, entry: Pair, args: Pair) -> Result<i32> {
        let (name, entry) = (self.owned_text(name)?, self.owned_text(entry)?);
        let args = self.owned_bytes(args)?;
        let outcome = self.state.host.view(&name, &entry, &args, &mut self.state.gas);
        self.outcome(outcome)
    }

    pub(crate) fn transfer(&mut self, to: Pair, coins: Pair) -> Result<i32> {
        let (to, coins) = (self.owned_text(to)?, self.coins(coins)?);
        let outcome = self.state.host.transfer(&to, &coins, &mut self.state.gas);
        self.outcome(outcome.map(|()| Vec::new()))
    }

    pub(crate) fn balance(&mut self, address: Pair, denom: Pair) -> Result<()> {
        let (address, denom) = (self.owned_text(address)?, self.owned_text(denom)?);
        let held = self.state.host.balance(&address, &denom, &mut self.state.gas)?;
        self.leave(encode_row(&[Value::Integer(held)]))
    }

    pub(crate) fn gas_used(&mut self) -> Result<()> {
        let used = i64::try_from(self.state.gas.used()).unwrap_or(i64::MAX);
        self.leave(encode_row(&[Value::Integer(used)]))
    }

    pub(crate) fn row_access(&mut self, on: i32) -> Result<()> {
        match on {
            0 | 1 => self.state.host.row_access(on == 1),
            _ => Err(self.host("row access is 0 or 1")),
        }
    }

    pub(crate) fn schedule(&mut self, entry: Pair, args: Pair, when: Pair) -> Result<i32> {
        let (entry, arguments) = (self.owned_text(entry)?, self.owned_bytes(args)?);
        let when = self.owned_bytes(when)?;
        let row = decode_row(&when).map_err(|error| self.host(format!("when: {error}")))?;
        let [Value::Text(clock), Value::Integer(due), Value::Integer(every), Value::Integer(gas)] =
            row.as_slice()
        else {
            return Err(self.host("`when` is (clock, due, interval, gas)"));
        };
        let schedule = Schedule {
            entry: &entry,
            arguments: &arguments,
            clock,
            due: *due,
            every: *every,
            gas: *gas,
        };
        let outcome = self.state.host.schedule(&schedule, &mut self.state.gas);
        self.outcome(outcome.map(|number| encode_row(&[Value::Integer(number)])))
    }

    pub(crate) fn cancel(&mut self, number: Pair) -> Result<i32> {
        let bytes = self.owned_bytes(number)?;
        let row = decode_row(&bytes).map_err(|error| self.host(format!("number: {error}")))?;
        let [Value::Integer(number)] = row.as_slice() else {
            return Err(self.host("the number of a schedule is one INTEGER"));
        };
        let outcome = self.state.host.cancel(*number, &mut self.state.gas);
        self.outcome(outcome.map(|()| Vec::new()))
    }
}
