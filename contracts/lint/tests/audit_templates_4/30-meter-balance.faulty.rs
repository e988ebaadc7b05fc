// class: 9
// Fault: the prepaid balance of a meter is a float, in which tenths do not exist and small bills are lost in large balances (modelled on CWE-1339/CWE-682, money in binary floating point; refused by CosmWasm outright).
#![cfg_attr(target_arch = "wasm32", no_std)]
use dadbs_sdk::prelude::*;

#[contract]
mod meters {
    use super::*;
    use dadbs_sdk::calls::DENOM;

    /// The price of a watt-hour step of the counter.
    const STEP_PRICE: i64 = 3;

    #[table(name = "meters")]
    struct Meter {
        #[key]
        serial: String,
        customer: String,
        reader: String,
        balance: f64, // FAULT
        steps: i64,
        /// What the sensor showed at last, for display.
        last_degrees: f64,
    }

    #[table(name = "readings")]
    struct Reading {
        #[key(auto)]
        id: i64,
        #[index]
        meter: String,
        steps: i64,
        degrees: f64,
    }

    #[error]
    enum MeterError {
        NoMeter,
        NotReader,
        NotCustomer,
        Backward { steps: i64 },
        Unpaid,
    }

    #[init]
    fn init() {}

    #[call]
    fn install(ctx: &Context, serial: String, reader: String) -> Result<(), Refusal> {
        dadbs_sdk::address::check(&reader)?;
        let customer = ctx.caller.clone();
        ctx.db.meters().insert(&Meter {
            serial,
            customer,
            reader,
            balance: 0.0,
            steps: 0,
            last_degrees: 0.0,
        })
    }

    fn meter(ctx: &Context, serial: &str) -> Result<Meter, Refusal> {
        Ok(ctx.db.meters().get(serial)?.ok_or(MeterError::NoMeter)?)
    }

    #[call(payable)]
    fn prepay(ctx: &Context, serial: &str) -> Result<(), Refusal> {
        let sent = calls::paid(DENOM)?;
        let mut meter = meter(ctx, serial)?;
        if meter.customer != ctx.caller {
            return Err(MeterError::NotCustomer.into());
        }
        meter.balance += sent as f64;
        ctx.db.meters().update(&meter)?;
        Ok(())
    }

    /// The reader of a meter tells its counter and its temperature.
    #[call]
    fn read(ctx: &Context, serial: &str, steps: i64, degrees: f64) -> Result<(), Refusal> {
        let mut meter = meter(ctx, serial)?;
        if meter.reader != ctx.caller {
            return Err(MeterError::NotReader.into());
        }
        if steps < meter.steps {
            return Err(MeterError::Backward { steps: meter.steps }.into());
        }
        let price = (steps - meter.steps) * STEP_PRICE;
        if meter.balance < price as f64 {
            return Err(MeterError::Unpaid.into());
        }
        meter.balance -= price as f64;
        meter.steps = steps;
        meter.last_degrees = degrees;
        ctx.db.meters().update(&meter)?;
        ctx.db.readings().insert(&Reading { id: 0, meter: meter.serial, steps, degrees })?;
        Ok(())
    }

    /// The mean temperature of up to 48 readings.
    #[view]
    fn mean_degrees(ctx: &Context, serial: &str) -> Result<f64, Refusal> {
        let readings = ctx.db.readings().by_meter(serial, 48)?;
        let n = u32::try_from(readings.len()).map_err(|_| "too many readings")?;
        if n == 0 {
            return Err("no readings".into());
        }
        Ok(readings.iter().map(|reading| reading.degrees).sum::<f64>() / f64::from(n))
    }
}
